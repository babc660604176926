"""Recipes for sgq3 after paper 002: thirteen classical classifiers and a dense network on a table.

Five magnitudes by default. The paper's six features are not named; with the redshift, which is
nearly the label, they are `--set inputs.table.feature_set=ugriz_z`, and such a run is called leaky.

Differs from the paper:
- 10-fold cross-validation by sky object (`--folds 10`) and no tuning; the paper has one split of
  70 to 30 and no test set.
- Class weights are off for the thirteen (`--set model.class_weight=balanced`; the paper does not
  say which of them had weights). The network draws its rows balanced by class.
"""

from trifid.models import classical
from trifid.models.ann import ann
from trifid.models.base import ModelConfig
from trifid.models.classical import PAPER
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.pipeline import TableInput

_TABLE = TableInput(feature_set="ugriz5")


def _recipe(name: str, model: ModelConfig) -> Recipe:
    return Recipe(
        name=f"sgq3_{name}",
        task="sgq3",
        split=SplitConfig(by="group"),
        inputs={"table": _TABLE},
        model=model,
        training=TrainingConfig(sampling="shuffled", mixup=0.0, label_smoothing=0.0, epochs=1),
    )


@register("recipe", paper=PAPER)
def sgq3_ann() -> Recipe:
    """Dense network 64-32-16 on five magnitudes."""
    return _recipe("ann", ann()).replace(
        training=TrainingConfig(
            epochs=30,
            batch_size=32,
            weight_decay=0.0,
            label_smoothing=0.0,
            mixup=0.0,
            select="loss",
        )
    )


@register("recipe", paper=PAPER)
def sgq3_extra_trees() -> Recipe:
    """Extremely randomised trees on five magnitudes."""
    return _recipe("extra_trees", classical.classical_extra_trees())


@register("recipe", paper=PAPER)
def sgq3_lightgbm() -> Recipe:
    """LightGBM on five magnitudes."""
    return _recipe("lightgbm", classical.classical_lightgbm())


@register("recipe", paper=PAPER)
def sgq3_logistic() -> Recipe:
    """Logistic regression on five magnitudes."""
    return _recipe("logistic", classical.classical_logistic())


@register("recipe", paper=PAPER)
def sgq3_random_forest() -> Recipe:
    """Random forest on five magnitudes."""
    return _recipe("random_forest", classical.classical_random_forest())


@register("recipe", paper=PAPER)
def sgq3_qda() -> Recipe:
    """Quadratic discriminant analysis on five magnitudes."""
    return _recipe("qda", classical.classical_qda())


@register("recipe", paper=PAPER)
def sgq3_gradient_boosting() -> Recipe:
    """Gradient boosting on five magnitudes."""
    return _recipe("gradient_boosting", classical.classical_gradient_boosting())


@register("recipe", paper=PAPER)
def sgq3_linear_svm() -> Recipe:
    """Linear support vector machine on five magnitudes."""
    return _recipe("linear_svm", classical.classical_linear_svm())


@register("recipe", paper=PAPER)
def sgq3_knn() -> Recipe:
    """Five nearest neighbours on five magnitudes."""
    return _recipe("knn", classical.classical_knn())


@register("recipe", paper=PAPER)
def sgq3_ridge() -> Recipe:
    """Ridge classifier on five magnitudes."""
    return _recipe("ridge", classical.classical_ridge())


@register("recipe", paper=PAPER)
def sgq3_lda() -> Recipe:
    """Linear discriminant analysis on five magnitudes."""
    return _recipe("lda", classical.classical_lda())


@register("recipe", paper=PAPER)
def sgq3_decision_tree() -> Recipe:
    """Decision tree on five magnitudes."""
    return _recipe("decision_tree", classical.classical_decision_tree())


@register("recipe", paper=PAPER)
def sgq3_adaboost() -> Recipe:
    """AdaBoost on five magnitudes."""
    return _recipe("adaboost", classical.classical_adaboost())


@register("recipe", paper=PAPER)
def sgq3_naive_bayes() -> Recipe:
    """Gaussian naive Bayes on five magnitudes."""
    return _recipe("naive_bayes", classical.classical_naive_bayes())
