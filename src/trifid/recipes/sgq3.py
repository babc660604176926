"""Recipes for sgq3: star, galaxy or quasar from spectrum, image and table.

Made for faint BOSS targets, before any of them was judged: the median S/N of such a pixel is
about 3, and a quasar's broad line spans 30 pixels or more (2000 km/s at 69 km/s a pixel), so ten
pixels are averaged by inverse variance. Small training sets want small batches, and the loss is a
steadier guide than the F1 of a few validation objects.
"""

from trifid.models.active_vgg import PAPER as ACTIVE
from trifid.models.active_vgg import active_vgg
from trifid.models.gcsnet import gcsnet_fixed
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.pipeline import ImageInput, SpectrumInput, TableInput

# BOSS covers 3600-10,400 angstrom: log10 = 3.556 .. 4.016 is 4600 pixels of the stored grid
_SPECTRUM = SpectrumInput(log10_start=3.556, length=4600, rebin=10)


@register("recipe")
def sgq3() -> Recipe:
    """GCSNet on spectrum and PSF colours."""
    return Recipe(
        name="sgq3",
        task="sgq3",
        split=SplitConfig(by="group"),
        inputs={"spectrum": _SPECTRUM, "table": TableInput()},
        model=gcsnet_fixed(),
        training=TrainingConfig(
            epochs=100,
            batch_size=16,
            schedule="cosine",
            warmup=5,
            modality_dropout=0.2,
            select="loss",
        ),
    )


def _single(name: str) -> Recipe:
    fused = sgq3()
    return fused.replace(
        name=f"sgq3_{name}",
        inputs={name: fused.inputs[name]},
        training=fused.training.replace(modality_dropout=0.0),
    )


@register("recipe")
def sgq3_spectrum() -> Recipe:
    """GCSNet on the spectrum alone."""
    return _single("spectrum")


@register("recipe")
def sgq3_table() -> Recipe:
    """GCSNet on PSF colours alone."""
    return _single("table")


@register("recipe")
def sgq3_image() -> Recipe:
    """GCSNet on spectrum, five-band image and PSF colours."""
    fused = sgq3()
    image = ImageInput(bands=("u", "g", "r", "i", "z"))
    return fused.replace(name="sgq3_image", inputs={"image": image, **fused.inputs})


@register("recipe", paper=ACTIVE)
def sgq3_active_vgg() -> Recipe:
    """The VGG of active learning on the spectrum; its paper looks for emission-line stars."""
    return _single("spectrum").replace(name="sgq3_active_vgg", model=active_vgg())
