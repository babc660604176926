"""Recipes for zsfr: redshift and star formation rate from image, spectrum or both.

The paper prints the design only, no sizes, settings or results; the training here is ours.
- Spectra cover its window, 3839.7 to 8914.6 angstrom, on the stored log grid: 3659 pixels. Its 4620
  linear pixels oversample the same data.
- Images keep flux and colour (asinh at the noise of each band).
- Plates are kept together.
- SZNet and its baseline predict the redshift alone, on their own window, and subtract a continuum;
  batches of 256, squared loss and the best epoch by CRPS are their paper's.
- GaSNet-II predicts the redshift alone from 3600 pixels, in batches of 128 for 50 epochs and by
  Huber's loss, as its authors do; they halve the learning rate every five epochs.
"""

from typing import Literal

from trifid.models.base import ModelConfig
from trifid.models.gasnet2 import PAPER as GASNET2
from trifid.models.gasnet2 import gasnet2_redshift
from trifid.models.sznet import PAPER as SZNET_PAPER
from trifid.models.sznet import fcnn, sznet, sznet_bins
from trifid.models.zsfr_networks import PAPER, zsfr_early, zsfr_feature, zsfr_late, zsfr_small
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.pipeline import ImageInput, InputConfig, SpectrumInput

_INPUTS: dict[str, InputConfig] = {
    "image": ImageInput(bands=("u", "g", "r", "i", "z")),
    # log10 = 3.5843 .. 3.9501
    "spectrum": SpectrumInput(log10_start=3.5843, length=3659, norm="mean"),
}


def _recipe(name: str, model: ModelConfig, *inputs: str) -> Recipe:
    """A model on some of the inputs, by default both."""
    chosen = {key: _INPUTS[key] for key in inputs or tuple(_INPUTS)}
    return Recipe(
        name=name,
        task="zsfr",
        split=SplitConfig(by="plate", stratify=False),
        inputs=chosen,
        model=model,
        training=TrainingConfig(
            epochs=60,
            schedule="cosine",
            warmup=2,
            sampling="shuffled",
            label_smoothing=0.0,
            mixup=0.0,
            modality_dropout=0.2 if len(chosen) > 1 else 0.0,
            patience=15,
        ),
    )


@register("recipe", paper=PAPER)
def zsfr() -> Recipe:
    """Image CNN and dense spectrum network fused by their features, with variances."""
    return _recipe("zsfr", zsfr_feature().replace(heteroscedastic=True))


@register("recipe", paper=PAPER)
def zsfr_image() -> Recipe:
    """The image CNN alone."""
    return _recipe("zsfr_image", zsfr_feature().replace(heteroscedastic=True), "image")


@register("recipe", paper=PAPER)
def zsfr_spectrum() -> Recipe:
    """The dense spectrum network alone."""
    return _recipe("zsfr_spectrum", zsfr_feature().replace(heteroscedastic=True), "spectrum")


@register("recipe", paper=f"{PAPER}, late fusion")
def zsfr_late_fusion() -> Recipe:
    """Predictions of both streams, weighted per target."""
    return _recipe("zsfr_late_fusion", zsfr_late().replace(heteroscedastic=True))


@register("recipe", paper=f"{PAPER}, early fusion")
def zsfr_early_fusion() -> Recipe:
    """Averaged pixels and spectrum side by side."""
    return _recipe("zsfr_early_fusion", zsfr_early().replace(heteroscedastic=True))


@register("recipe", paper=PAPER)
def zsfr_narrow() -> Recipe:
    """Late fusion of narrow streams, for a laptop."""
    return _recipe("zsfr_narrow", zsfr_small())


def _redshift(
    name: str, model: ModelConfig, loss: Literal["squared", "huber", "default"]
) -> Recipe:
    window = SpectrumInput(log10_start=3.5832, length=3752)
    recipe = _recipe(name, model, "spectrum")
    training = recipe.training.replace(batch_size=256, loss=loss, select="crps")
    return recipe.replace(inputs={"spectrum": window}, targets=("redshift",), training=training)


@register("recipe", paper=SZNET_PAPER)
def zsfr_sznet() -> Recipe:
    """SZNet for the redshift, 256 thinned networks in use."""
    return _redshift("zsfr_sznet", sznet(), "squared")


@register("recipe", paper=SZNET_PAPER)
def zsfr_sznet_bins() -> Recipe:
    """SZNet as a classifier of bins of redshift."""
    return _redshift("zsfr_sznet_bins", sznet_bins(), "default")


@register("recipe", paper=SZNET_PAPER)
def zsfr_fcnn() -> Recipe:
    """SZNet's dense baseline for the redshift."""
    return _redshift("zsfr_fcnn", fcnn(), "squared")


@register("recipe", paper=GASNET2)
def zsfr_gasnet2() -> Recipe:
    """GaSNet-II for the redshift: mean and spread of ten sub-networks."""
    recipe = _redshift("zsfr_gasnet2", gasnet2_redshift(), "huber")
    training = recipe.training.replace(batch_size=128, epochs=50)
    return recipe.replace(
        inputs={"spectrum": SpectrumInput(length=3600, norm="mean")}, training=training
    )
