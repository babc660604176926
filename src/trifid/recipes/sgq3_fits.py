"""Recipes for sgq3 that learn from a simulated sky and are meant for real BOSS spectra.

The table holds PSF colours and how well the templates of each class fit (`simulate.class_fits`,
added to a store by `with_fits`): the magnitude is left out, for how bright stars, galaxies and
quasars are depends on how a survey chose them. Labels are the truth of the simulation. What they
reach on real spectra is in docs/science/sim_to_real.md.
"""

from trifid.models.boosted import LightGBMMethod
from trifid.models.classical import ClassicalConfig
from trifid.models.methods import ExtraTreesMethod, MethodPart
from trifid.recipes.sgq3 import sgq3
from trifid.registry import register
from trifid.simulate.class_fits import FEATURES
from trifid.training.recipe import Recipe, TrainingConfig
from trifid.transforms.pipeline import TableInput

_COLOURS = tuple(
    f"psfmag_{a} - extinction_{a} - psfmag_{b} + extinction_{b}"
    for a, b in (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"))
)
_TABLE = TableInput(features=(*_COLOURS, *FEATURES))


@register("recipe")
def sgq3_fits() -> Recipe:
    """GCSNet on the spectrum, and on colours and template fits as its table."""
    base = sgq3()
    return base.replace(
        name="sgq3_fits",
        labels="truth",
        inputs={"spectrum": base.inputs["spectrum"], "table": _TABLE},
        training=base.training.replace(epochs=30, batch_size=32, warmup=2),
    )


@register("recipe")
def sgq3_fits_trees() -> Recipe:
    """Extremely randomised trees on colours and template fits."""
    return _trees("trees", ExtraTreesMethod(trees=400, leaf=3))


@register("recipe")
def sgq3_fits_boosted() -> Recipe:
    """LightGBM on colours and template fits."""
    return _trees("boosted", LightGBMMethod(trees=150, leaves=8, learning_rate=0.05))


def _trees(name: str, method: MethodPart) -> Recipe:
    return sgq3().replace(
        name=f"sgq3_fits_{name}",
        labels="truth",
        inputs={"table": _TABLE},
        model=ClassicalConfig(method=method),
        training=TrainingConfig(
            seed=0,  # with which it was judged
            epochs=1,
            sampling="shuffled",
            mixup=0.0,
            label_smoothing=0.0,
            select="loss",
        ),
    )
