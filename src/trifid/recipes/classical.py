"""Classical baselines of the tasks with spectra and images; sgq3's are in `sgq3_classical.py`.

- `bhb2_svm`, `bhb2_xgboost`: BATMM's baselines on the spectrum. The paper does not state class
  weights; here there are none (`--set model.class_weight=balanced`), and neither its C and gamma
  (`trifid tune bhb2_svm` searches them).
- `zsfr_linear`, `zsfr_forest`: paper 003's linear regression and random forest, 64 principal
  components of each input side by side (early fusion), and on each input alone; `zsfr_mean` is
  what they have to beat.
- `galaxy4_boosted`: LightGBM on components of the spectrum and the safe table features; not of a
  paper, but what a network has to beat.
"""

from trifid.models.base import ModelConfig
from trifid.models.classical import (
    BATMM,
    ZSFR,
    classical_forest_regression,
    classical_lightgbm,
    classical_linear_regression,
    classical_mean,
    classical_svm_rbf,
    classical_xgboost,
)
from trifid.recipes.bhb2 import bhb2
from trifid.recipes.galaxy4 import galaxy4
from trifid.recipes.zsfr import zsfr
from trifid.registry import register
from trifid.training.recipe import Recipe, TrainingConfig

_TRAINING = TrainingConfig(epochs=1, sampling="shuffled", mixup=0.0, label_smoothing=0.0)


def _instead(base: Recipe, name: str, model: ModelConfig, *inputs: str) -> Recipe:
    """A recipe with another model, on some of its inputs."""
    chosen = {key: base.inputs[key] for key in inputs}
    return base.replace(name=name, inputs=chosen, model=model, training=_TRAINING)


@register("recipe")
def galaxy4_boosted() -> Recipe:
    """LightGBM on 64 components of the spectrum and safe table features."""
    return _instead(galaxy4(), "galaxy4_boosted", classical_lightgbm(), "spectrum", "table")


@register("recipe", paper=BATMM)
def bhb2_svm() -> Recipe:
    """Support vector machine with a radial kernel on 100 components of the spectrum."""
    return _instead(bhb2(), "bhb2_svm", classical_svm_rbf(), "spectrum")


@register("recipe", paper=BATMM)
def bhb2_xgboost() -> Recipe:
    """XGBoost on all pixels of the spectrum."""
    return _instead(bhb2(), "bhb2_xgboost", classical_xgboost(), "spectrum")


@register("recipe", paper=ZSFR)
def zsfr_linear() -> Recipe:
    """Linear regression on components of image and spectrum."""
    return _instead(zsfr(), "zsfr_linear", classical_linear_regression(), "image", "spectrum")


@register("recipe", paper=ZSFR)
def zsfr_linear_spectrum() -> Recipe:
    """Linear regression on components of the spectrum."""
    return _instead(zsfr(), "zsfr_linear_spectrum", classical_linear_regression(), "spectrum")


@register("recipe", paper=ZSFR)
def zsfr_linear_image() -> Recipe:
    """Linear regression on components of the image."""
    return _instead(zsfr(), "zsfr_linear_image", classical_linear_regression(), "image")


@register("recipe", paper=ZSFR)
def zsfr_forest() -> Recipe:
    """Random forest on components of image and spectrum."""
    return _instead(zsfr(), "zsfr_forest", classical_forest_regression(), "image", "spectrum")


@register("recipe", paper=ZSFR)
def zsfr_forest_spectrum() -> Recipe:
    """Random forest on components of the spectrum."""
    return _instead(zsfr(), "zsfr_forest_spectrum", classical_forest_regression(), "spectrum")


@register("recipe", paper=ZSFR)
def zsfr_forest_image() -> Recipe:
    """Random forest on components of the image."""
    return _instead(zsfr(), "zsfr_forest_image", classical_forest_regression(), "image")


@register("recipe", paper=ZSFR)
def zsfr_mean() -> Recipe:
    """The mean of the training rows, whatever the input."""
    return _instead(zsfr(), "zsfr_mean", classical_mean(), "spectrum")
