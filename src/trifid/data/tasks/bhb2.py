"""Blue horizontal branch stars against other hot stars."""

from trifid.data.task import FeatureSet, LabelMap, Task
from trifid.registry import register

_PAIRS = (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"))


@register("task", paper="BATMM, section 2")
def bhb2() -> Task:
    """Blue horizontal branch star, or another star of its colours."""
    return Task(
        name="bhb2",
        classes=("BHB", "OTHER"),
        labels={
            "catalogue": LabelMap(
                column="star_type",
                values={"BHB": "BHB", "BS": "OTHER", "MS": "OTHER"},
                note="blue stragglers (BS) and main-sequence stars (MS) are the others",
            ),
        },
        feature_sets={
            "safe": FeatureSet(
                features=tuple(
                    f"psfmag_{a} - extinction_{a} - psfmag_{b} + extinction_{b}" for a, b in _PAIRS
                ),
                leaky=False,
                note="PSF colours, Galactic extinction removed",
            ),
            "leaky": FeatureSet(
                features=("teff", "logg", "target_bhb"),
                leaky=True,
                note="what the label was decided by: temperature, gravity, target selection",
            ),
        },
    )
