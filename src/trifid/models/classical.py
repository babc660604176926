"""Classical models: a matrix of features, prepared and given to one method of scikit-learn.

    table (F,)       -> invalid cells: median and a flag -------> scaled --+
    spectrum (L,)    -> absent: the mean one -> PCA ------------> scaled --+-- method -> K classes
    image (C, H, W)  -> 32 x 32, absent: the mean one -> PCA ---> scaled --+          or D numbers
    present          -> one flag for each that training rows lack ---------+

All of this is fitted on training rows inside one estimator. Several inputs are concatenated (early
fusion).

Papers: 002, table 4 (thirteen classifiers on a table); BATMM, table of comparisons (SVM and XGBoost
on spectra); 003 (linear regression and random forest on spectra and images, early fusion).

Differs from the papers:
- Image pixels are averaged to 32 x 32 before the PCA, which bounds the memory (paper 003 does not
  say how its images become features).
- Scaling is ours: paper 002 standardises, paper 003 is silent; trees do not care.
"""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from trifid.errors import ConfigError, InputError
from trifid.models.base import ModelConfig
from trifid.models.boosted import LightGBMMethod, XGBoostMethod
from trifid.models.columns import matrix, preparation, widths
from trifid.models.fitted_file import load_fitted, save_fitted
from trifid.models.methods import (
    AdaBoostMethod,
    DecisionTreeMethod,
    ExtraTreesMethod,
    ForestRegressionMethod,
    GradientBoostingMethod,
    KnnMethod,
    LdaMethod,
    LinearRegressionMethod,
    LinearSvmMethod,
    LogisticMethod,
    MeanMethod,
    MethodPart,
    NaiveBayesMethod,
    QdaMethod,
    RandomForestMethod,
    RbfSvmMethod,
    RidgeMethod,
)
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Table
from trifid.schema.signature import Signature

PAPER = "paper 002 (quasar, galaxy, star), table 4"
BATMM = "BATMM, table of comparisons"
ZSFR = "paper 003 (redshift and SFR)"
LEAST_PROBABILITY = 1e-12
NO_VOTE = -1e4  # logit of a class that was not chosen, where there are no probabilities


class ClassicalConfig(ModelConfig):
    """A method and how features are made for it.

    Attributes:
        method: The method and its settings.
        components: Principal components kept of each spectrum and image; 0 = all pixels.
        side: Images are averaged down to this many pixels a side; 0 = as they come.
        class_weight: `balanced` gives every class the same total weight.
    """

    kind: Literal["classical"] = "classical"
    method: MethodPart = ExtraTreesMethod()
    components: int = Field(default=64, ge=0)
    side: int = Field(default=32, ge=0)
    class_weight: Literal["none", "balanced"] = "none"

    def build(self, signature: Signature) -> "ClassicalEstimator":
        """The unfitted estimator for these inputs and outputs."""
        return ClassicalEstimator(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """Image, spectrum and table; numbers to predict where the method is a regression."""
        shown = super().example(small=small)
        if not self.method.regression:
            return shown
        return shown.replace(classes=(), targets=("redshift", "sfr_median"))


class ClassicalEstimator:
    """Batches with any of table, spectrum, image -> Output with logits (B, K) or means (B, D)."""

    def __init__(self, config: ClassicalConfig, signature: Signature) -> None:
        self.config, self.signature = config, signature
        self.regression = config.method.regression
        if self.regression == bool(signature.classes):
            raise ConfigError(
                f"method {config.method.model_dump()['kind']!r} predicts "
                f"{'numbers' if self.regression else 'classes'}, the task has "
                f"{'classes' if signature.classes else 'numbers'}: choose another method"
            )
        self.widths = widths(signature.inputs, config.side)
        self.seed = torch.initial_seed() % 2**31  # as weights are drawn: by the run's seed
        self.method: Any = config.method.estimator(self.seed)
        weighable = not self.regression and weighing(self.method)
        if config.class_weight == "balanced" and not weighable:
            raise ConfigError(
                f"method {config.method.model_dump()['kind']!r} cannot weigh classes: "
                "set model.class_weight=none"
            )
        self.prepare: Any = None
        self.probabilistic = self.regression or hasattr(self.method, "predict_proba")

    def fit(self, batches: Iterable[Batch]) -> None:
        """Learns from transformed batches with `targets`; unlabelled rows are left out.

        Raises:
            InputError: If fewer than two rows or classes are left.
        """
        x, y, weight, tables = self._rows(batches)
        self.prepare = preparation(
            x, self.widths, tables, components=self.config.components, seed=self.seed
        )
        features = np.ascontiguousarray(self.prepare.fit_transform(x), dtype=np.float64)
        if self.config.class_weight == "balanced":
            weight = weight * _balance(y)
        y = y[:, 0] if y.shape[1:] == (1,) else y  # scikit-learn's form of a single number
        if np.ptp(weight) == 0 or not (way := weighing(self.method)):
            self.method.fit(features, y)
        elif way == "rows":
            self.method.fit(features, y, sample_weight=weight)
        else:
            total = np.bincount(y, weight)
            self.method.set_params(priors=total[total > 0] / total.sum()).fit(features, y)

    def __call__(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; `explain` adds nothing.

        Raises:
            ConfigError: If the estimator has not been fitted.
        """
        x = matrix(batch, self.signature.inputs, self.config.side)
        features = np.ascontiguousarray(self._fitted().transform(x), dtype=np.float64)
        if self.regression:
            mean = np.asarray(self.method.predict(features), np.float32)
            return Output(mean=torch.from_numpy(mean.reshape(len(batch), -1)))
        return Output(logits=torch.from_numpy(self._logits(features)))

    def steps(self) -> list[tuple[str, str]]:
        """Name and kind of each step, for the model's card."""
        shrink = f"PCA({self.config.components})" if self.config.components else "all pixels"
        found = [
            (name, "median and flags, scaled" if name == "table" else f"mean, {shrink}, scaled")
            for name in self.widths
        ]
        return [*found, ("method", type(self.method).__name__)]

    def save(self, path: Path) -> None:
        """Writes the fitted state to one file that cannot run code.

        Raises:
            ConfigError: If the estimator has not been fitted.
        """
        save_fitted(path, self._fitted(), self.method)

    def load(self, path: Path) -> None:
        """Reads what `save` wrote.

        Raises:
            BundleError: If the file holds any type, shape or class that the recipe does not make.
        """
        columns = sum(self.widths.values()) + len(self.widths)
        self.prepare, self.method = load_fitted(
            path, self.method, columns=columns, outputs=self.signature.outputs
        )

    def _fitted(self) -> Any:
        if self.prepare is None:
            raise ConfigError("the classical model is not fitted: call fit or load first")
        return self.prepare

    def _logits(self, features: np.ndarray) -> np.ndarray:
        """Log-probabilities, or votes; a class that training rows lacked gets the least."""
        shape = (len(features), self.signature.outputs)
        if not self.probabilistic:
            votes = np.full(shape, NO_VOTE, np.float32)
            votes[np.arange(len(features)), self.method.predict(features)] = 0.0
            return votes
        full = np.zeros(shape)
        full[:, np.asarray(self.method.classes_, np.int64)] = self.method.predict_proba(features)
        return np.log(np.maximum(full, LEAST_PROBABILITY)).astype(np.float32)

    def _rows(
        self, batches: Iterable[Batch]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, set[str]]:
        """Features, answers and weights of all labelled rows, and which inputs are tables."""
        parts: list[tuple[np.ndarray, ...]] = []
        tables: set[str] = set()
        for batch in batches:
            tables |= {name for name, value in batch.inputs.items() if isinstance(value, Table)}
            x = matrix(batch, self.signature.inputs, self.config.side)
            parts.append((x, self._answers(batch), batch.weight.cpu().numpy().astype(np.float64)))
        if not parts:
            raise InputError("a classical model got no rows to learn from")
        x, y, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        known = np.isfinite(y).all(axis=1) if self.regression else y >= 0
        x, y, weight = x[known], y[known], weight[known]
        kinds = len(y) if self.regression else len(np.unique(y))
        if kinds < 2:
            raise InputError(
                f"a classical model got {len(y)} labelled rows, expected two or more, and of two "
                "classes or more"
            )
        return x, y, weight, tables

    def _answers(self, batch: Batch) -> np.ndarray:
        if not self.regression:
            return batch.targets["label"].cpu().numpy()
        columns = [batch.targets[name] for name in self.signature.targets]
        return torch.stack(columns, dim=1).cpu().numpy().astype(np.float64)  # (B, D)


def weighing(method: Any) -> str:
    """How a method can be told that rows or classes count more: `rows`, `priors` or not at all."""
    if "sample_weight" in inspect.signature(method.fit).parameters:
        return "rows"
    return "priors" if hasattr(method, "priors") else ""


def _balance(y: np.ndarray) -> np.ndarray:
    """Gives n / (K n_c) for each row: every class has the same total weight."""
    _, index, count = np.unique(y, return_inverse=True, return_counts=True)
    return len(y) / (len(count) * count[index])


@register("model", paper=PAPER)
def classical_extra_trees() -> ClassicalConfig:
    """Extremely randomised trees, 100 of them."""
    return ClassicalConfig(method=ExtraTreesMethod())


@register("model", paper=PAPER)
def classical_lightgbm() -> ClassicalConfig:
    """LightGBM, 100 rounds (needs the extra `models`)."""
    return ClassicalConfig(method=LightGBMMethod())


@register("model", paper=PAPER)
def classical_logistic() -> ClassicalConfig:
    """Logistic regression."""
    return ClassicalConfig(method=LogisticMethod())


@register("model", paper=PAPER)
def classical_random_forest() -> ClassicalConfig:
    """Random forest of 100 trees."""
    return ClassicalConfig(method=RandomForestMethod())


@register("model", paper=PAPER)
def classical_qda() -> ClassicalConfig:
    """Quadratic discriminant analysis."""
    return ClassicalConfig(method=QdaMethod())


@register("model", paper=PAPER)
def classical_gradient_boosting() -> ClassicalConfig:
    """Gradient boosting, 100 trees a class of depth 3."""
    return ClassicalConfig(method=GradientBoostingMethod())


@register("model", paper=PAPER)
def classical_linear_svm() -> ClassicalConfig:
    """Linear support vector machine: votes, no probabilities."""
    return ClassicalConfig(method=LinearSvmMethod())


@register("model", paper=PAPER)
def classical_knn() -> ClassicalConfig:
    """Five nearest neighbours."""
    return ClassicalConfig(method=KnnMethod())


@register("model", paper=PAPER)
def classical_ridge() -> ClassicalConfig:
    """Ridge classifier: votes, no probabilities."""
    return ClassicalConfig(method=RidgeMethod())


@register("model", paper=PAPER)
def classical_lda() -> ClassicalConfig:
    """Linear discriminant analysis."""
    return ClassicalConfig(method=LdaMethod())


@register("model", paper=PAPER)
def classical_decision_tree() -> ClassicalConfig:
    """One decision tree."""
    return ClassicalConfig(method=DecisionTreeMethod())


@register("model", paper=PAPER)
def classical_adaboost() -> ClassicalConfig:
    """AdaBoost on 50 stumps."""
    return ClassicalConfig(method=AdaBoostMethod())


@register("model", paper=PAPER)
def classical_naive_bayes() -> ClassicalConfig:
    """Gaussian naive Bayes."""
    return ClassicalConfig(method=NaiveBayesMethod())


@register("model", paper=BATMM)
def classical_svm_rbf() -> ClassicalConfig:
    """Support vector machine with a radial kernel on 100 principal components: votes."""
    return ClassicalConfig(method=RbfSvmMethod(), components=100)


@register("model", paper=BATMM)
def classical_xgboost() -> ClassicalConfig:
    """XGBoost on all pixels, up to 500 rounds of depth 6 (needs the extra `models`)."""
    return ClassicalConfig(method=XGBoostMethod(), components=0)


@register("model", paper=ZSFR)
def classical_linear_regression() -> ClassicalConfig:
    """Linear regression on 64 principal components."""
    return ClassicalConfig(method=LinearRegressionMethod())


@register("model", paper=ZSFR)
def classical_forest_regression() -> ClassicalConfig:
    """Random forest regression on 64 principal components."""
    return ClassicalConfig(method=ForestRegressionMethod())


@register("model", paper=ZSFR)
def classical_mean() -> ClassicalConfig:
    """The mean of the training rows: what any regression has to beat."""
    return ClassicalConfig(method=MeanMethod())
