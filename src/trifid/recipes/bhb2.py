"""Recipes for bhb2: BATMM, its baselines and its ablations.

`bhb2` (the default) follows the paper's training; differs from it:
- Plates are kept together. Parts 14/4/2 are the paper's 70/20/10.
- Images are scaled by asinh at the noise of each band, then by one mean and sd per band. The
  paper's min-max and standardisation are together one scale per band: `norm = "zscore"`.
- Spectra are scaled by median and interquartile range; the paper's minimum and maximum are set by
  the noisiest pixels.
- Batch 64, 100 epochs and a cosine after 5 epochs of warm-up are ours; the paper gives none.
- Rows lose modalities in training.

Ablation rows, as in the paper: `bhb2_spectrum` (the Transformer alone), `bhb2_joint` (+ image),
`bhb2_semantic` (+ Sem), `bhb2_cross` (+ cross-attention), `bhb2` (all).
"""

from trifid.models.base import ModelConfig
from trifid.models.batmm import (
    PAPER,
    batmm,
    batmm_cross,
    batmm_joint,
    batmm_quarter,
    batmm_semantic,
    batmm_small,
)
from trifid.models.bhb_baselines import (
    bhb_early_add,
    bhb_early_concat,
    bhb_early_small,
    bhb_early_vgg1d,
    bhb_plain,
)
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.pipeline import ImageInput, InputConfig, SpectrumInput

# 4000 to 9000 angstrom: log10 = 3.6021 .. 3.9542 is 3522 pixels of the stored grid
_INPUTS: dict[str, InputConfig] = {
    "image": ImageInput(bands=("u", "g", "r", "i", "z")),
    "spectrum": SpectrumInput(log10_start=3.6021, length=3522),
}


def _recipe(name: str, model: ModelConfig, *inputs: str) -> Recipe:
    """A model on some of the inputs, by default both."""
    chosen = {key: _INPUTS[key] for key in inputs or tuple(_INPUTS)}
    return Recipe(
        name=name,
        task="bhb2",
        split=SplitConfig(by="plate", valid=(14, 15, 16, 17), test=(18, 19)),
        inputs=chosen,
        model=model,
        training=TrainingConfig(
            epochs=100,
            batch_size=64,
            learning_rate=1e-4,
            weight_decay=5e-2,
            schedule="cosine",
            warmup=5,
            sampling="shuffled",
            label_smoothing=0.0,
            mixup=0.0,
            branch_weight=1.0,
            modality_dropout=0.2 if len(chosen) > 1 else 0.0,
        ),
    )


@register("recipe", paper=PAPER)
def bhb2() -> Recipe:
    """BATMM on image and spectrum: encoders first, then the fusion on frozen encoders."""
    return _recipe("bhb2", batmm())


@register("recipe", paper=PAPER)
def bhb2_end_to_end() -> Recipe:
    """BATMM, everything trained at once."""
    return _recipe("bhb2_end_to_end", batmm().replace(stages="end_to_end"))


@register("recipe", paper=PAPER)
def bhb2_quarter() -> Recipe:
    """BATMM at a quarter of its width, encoders first, then the fusion on frozen encoders."""
    recipe = _recipe("bhb2_quarter", batmm_quarter())
    return recipe.replace(training=recipe.training.replace(epochs=30, learning_rate=1e-3))


@register("recipe", paper=PAPER)
def bhb2_small() -> Recipe:
    """BATMM of two narrow blocks and shallow encoders, for a laptop."""
    recipe = _recipe("bhb2_small", batmm_small())
    return recipe.replace(training=recipe.training.replace(epochs=30, learning_rate=1e-3))


@register("recipe", paper=PAPER)
def bhb2_spectrum() -> Recipe:
    """BATMM's Transformer on the spectrum alone."""
    return _recipe("bhb2_spectrum", batmm(), "spectrum")


@register("recipe", paper=PAPER)
def bhb2_joint() -> Recipe:
    """BATMM without semantic embeddings and cross-attention."""
    return _recipe("bhb2_joint", batmm_joint())


@register("recipe", paper=PAPER)
def bhb2_semantic() -> Recipe:
    """BATMM without cross-attention."""
    return _recipe("bhb2_semantic", batmm_semantic())


@register("recipe", paper=PAPER)
def bhb2_cross() -> Recipe:
    """BATMM without semantic embeddings."""
    return _recipe("bhb2_cross", batmm_cross())


@register("recipe", paper=PAPER)
def bhb2_vgg1d() -> Recipe:
    """VGG1D with segment attention on the spectrum alone."""
    return _recipe("bhb2_vgg1d", bhb_early_add(), "spectrum")


@register("recipe", paper=PAPER)
def bhb2_vgg1d_plain() -> Recipe:
    """VGG1D on the spectrum alone."""
    return _recipe("bhb2_vgg1d_plain", bhb_plain(), "spectrum")


@register("recipe", paper=PAPER)
def bhb2_resnet() -> Recipe:
    """ResNet-50 with an SE block on the image alone."""
    return _recipe("bhb2_resnet", bhb_early_add(), "image")


@register("recipe", paper=PAPER)
def bhb2_resnet_plain() -> Recipe:
    """ResNet-50 on the image alone."""
    return _recipe("bhb2_resnet_plain", bhb_plain(), "image")


@register("recipe", paper=PAPER)
def bhb2_early_add() -> Recipe:
    """Sum of the vectors of image and spectrum."""
    return _recipe("bhb2_early_add", bhb_early_add())


@register("recipe", paper=PAPER)
def bhb2_early_concat() -> Recipe:
    """Vectors of image and spectrum side by side."""
    return _recipe("bhb2_early_concat", bhb_early_concat())


@register("recipe", paper=PAPER)
def bhb2_early_vgg1d() -> Recipe:
    """Both vectors as one sequence through a second VGG1D."""
    return _recipe("bhb2_early_vgg1d", bhb_early_vgg1d())


@register("recipe", paper=PAPER)
def bhb2_early_small() -> Recipe:
    """Shallow encoders and their early fusion by a small VGG, for a laptop."""
    recipe = _recipe("bhb2_early_small", bhb_early_small())
    return recipe.replace(training=recipe.training.replace(epochs=30, learning_rate=1e-3))
