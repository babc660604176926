"""The classical methods: settings with names of our own, and the scikit-learn estimator they make.

The thirteen classifiers of paper 002 have the defaults PyCaret gives them, as far as they are known
(specification B.6); the RBF machine is BATMM's baseline, the two regressions are paper 003's, and
the mean is what they are measured against.

Whether a method has probabilities, can be told class weights or takes row weights is asked of the
estimator itself (`predict_proba`, `priors`, `sample_weight`), never looked up in a list.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from trifid.config import Config, by_kind

Trees = Annotated[int, Field(ge=1, le=10_000)]
Depth = Annotated[int, Field(ge=0, le=200)]  # 0 = unlimited
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MethodConfig(Config):
    """Settings of a method; each has its own `kind`."""

    regression: ClassVar[bool] = False

    @abstractmethod
    def estimator(self, seed: int) -> Any:
        """An unfitted estimator with `fit(x, y)` and `predict` or `predict_proba`."""


class ExtraTreesMethod(MethodConfig):
    """Extremely randomised trees. Paper: Geurts, Ernst & Wehenkel 2006."""

    kind: Literal["extra_trees"] = "extra_trees"
    trees: Trees = 100
    depth: Depth = 0
    leaf: int = Field(default=1, ge=1)

    def estimator(self, seed: int) -> Any:
        """ExtraTreesClassifier."""
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(
            n_estimators=self.trees,
            max_depth=self.depth or None,
            min_samples_leaf=self.leaf,
            random_state=seed,
        )


class RandomForestMethod(MethodConfig):
    """A random forest. Paper: Breiman 2001."""

    kind: Literal["random_forest"] = "random_forest"
    trees: Trees = 100
    depth: Depth = 0
    leaf: int = Field(default=1, ge=1)

    def estimator(self, seed: int) -> Any:
        """RandomForestClassifier."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=self.trees,
            max_depth=self.depth or None,
            min_samples_leaf=self.leaf,
            random_state=seed,
        )


class GradientBoostingMethod(MethodConfig):
    """Gradient boosting. Paper: Friedman 2001."""

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    trees: Trees = 100
    depth: Depth = 3
    learning_rate: Positive = 0.1

    def estimator(self, seed: int) -> Any:
        """GradientBoostingClassifier."""
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(
            n_estimators=self.trees,
            max_depth=self.depth or None,  # type: ignore[arg-type]
            learning_rate=self.learning_rate,
            random_state=seed,
        )


class AdaBoostMethod(MethodConfig):
    """AdaBoost on stumps. Paper: Hastie, Rosset, Zhu & Zou 2009 (SAMME)."""

    kind: Literal["adaboost"] = "adaboost"
    trees: Trees = 50
    learning_rate: Positive = 1.0

    def estimator(self, seed: int) -> Any:
        """AdaBoostClassifier."""
        from sklearn.ensemble import AdaBoostClassifier

        return AdaBoostClassifier(
            n_estimators=self.trees, learning_rate=self.learning_rate, random_state=seed
        )


class DecisionTreeMethod(MethodConfig):
    """One decision tree."""

    kind: Literal["decision_tree"] = "decision_tree"
    depth: Depth = 0
    leaf: int = Field(default=1, ge=1)

    def estimator(self, seed: int) -> Any:
        """DecisionTreeClassifier."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(
            max_depth=self.depth or None, min_samples_leaf=self.leaf, random_state=seed
        )


class LogisticMethod(MethodConfig):
    """Multinomial logistic regression."""

    kind: Literal["logistic"] = "logistic"
    c: Positive = 1.0
    iterations: int = Field(default=1000, ge=1)

    def estimator(self, seed: int) -> Any:
        """LogisticRegression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.c, max_iter=self.iterations, random_state=seed)


class LinearSvmMethod(MethodConfig):
    """A linear support vector machine by stochastic gradients, PyCaret's `svm`: it only votes."""

    kind: Literal["linear_svm"] = "linear_svm"
    alpha: Positive = 1e-4
    iterations: int = Field(default=1000, ge=1)

    def estimator(self, seed: int) -> Any:
        """SGDClassifier with hinge loss."""
        from sklearn.linear_model import SGDClassifier

        return SGDClassifier(
            loss="hinge", alpha=self.alpha, max_iter=self.iterations, random_state=seed
        )


class RidgeMethod(MethodConfig):
    """Ridge regression of class indicators: no probabilities."""

    kind: Literal["ridge"] = "ridge"
    alpha: Positive = 1.0

    def estimator(self, seed: int) -> Any:
        """RidgeClassifier."""
        from sklearn.linear_model import RidgeClassifier

        return RidgeClassifier(alpha=self.alpha, random_state=seed)


class LdaMethod(MethodConfig):
    """Linear discriminant analysis."""

    kind: Literal["lda"] = "lda"

    def estimator(self, seed: int) -> Any:
        """LinearDiscriminantAnalysis."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        return LinearDiscriminantAnalysis()


class QdaMethod(MethodConfig):
    """Quadratic discriminant analysis.

    Differs: a trace of `shrinkage` (PyCaret has 0) keeps the covariance of a class invertible where
    a feature is constant within it, such as a flag of missing cells.
    """

    kind: Literal["qda"] = "qda"
    shrinkage: float = Field(default=1e-5, gt=0, le=1)

    def estimator(self, seed: int) -> Any:
        """QuadraticDiscriminantAnalysis."""
        from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

        return QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=self.shrinkage, tol=0.0)


class NaiveBayesMethod(MethodConfig):
    """Gaussian naive Bayes."""

    kind: Literal["naive_bayes"] = "naive_bayes"

    def estimator(self, seed: int) -> Any:
        """GaussianNB."""
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()


class KnnMethod(MethodConfig):
    """Nearest neighbours, by plain distances: no tree of pointers in the file."""

    kind: Literal["knn"] = "knn"
    neighbours: int = Field(default=5, ge=1)

    def estimator(self, seed: int) -> Any:
        """KNeighborsClassifier."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=self.neighbours, algorithm="brute")


class RbfSvmMethod(MethodConfig):
    """A support vector machine with a radial kernel; BATMM's `SVM` baseline.

    `gamma` = 0 is scikit-learn's `scale`: 1 / (features x variance).
    """

    kind: Literal["svm_rbf"] = "svm_rbf"
    c: Positive = 1.0
    gamma: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def estimator(self, seed: int) -> Any:
        """SVC."""
        from sklearn.svm import SVC

        gamma: Any = self.gamma or "scale"
        return SVC(C=self.c, gamma=gamma, random_state=seed)


class MeanMethod(MethodConfig):
    """The mean of the training rows, whatever the input: what any regression has to beat."""

    regression: ClassVar[bool] = True
    kind: Literal["mean"] = "mean"

    def estimator(self, seed: int) -> Any:
        """DummyRegressor."""
        from sklearn.dummy import DummyRegressor

        return DummyRegressor()


class LinearRegressionMethod(MethodConfig):
    """Least squares, all targets at once; paper 003's linear regression."""

    regression: ClassVar[bool] = True
    kind: Literal["linear_regression"] = "linear_regression"

    def estimator(self, seed: int) -> Any:
        """LinearRegression."""
        from sklearn.linear_model import LinearRegression

        return LinearRegression()


class ForestRegressionMethod(MethodConfig):
    """A random forest of all targets at once; paper 003's random forest."""

    regression: ClassVar[bool] = True
    kind: Literal["forest_regression"] = "forest_regression"
    trees: Trees = 100
    depth: Depth = 0
    leaf: int = Field(default=1, ge=1)

    def estimator(self, seed: int) -> Any:
        """RandomForestRegressor."""
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(
            n_estimators=self.trees,
            max_depth=self.depth or None,
            min_samples_leaf=self.leaf,
            random_state=seed,
        )


MethodPart = Annotated[
    SerializeAsAny[MethodConfig], BeforeValidator(by_kind(MethodConfig, "trifid.models"))
]
