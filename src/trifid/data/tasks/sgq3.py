"""Star, galaxy or quasar."""

from trifid.data.task import FeatureSet, LabelMap, Task
from trifid.registry import register

_PAIRS = (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"))


def _colours(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{a} - {prefix}{b}" for a, b in _PAIRS)


def _dereddened_colours() -> tuple[str, ...]:
    return tuple(f"psfmag_{a} - extinction_{a} - psfmag_{b} + extinction_{b}" for a, b in _PAIRS)


@register("task", paper="star/galaxy/quasar from image and table")
def sgq3() -> Task:
    """Star, galaxy or quasar."""
    return Task(
        name="sgq3",
        classes=("STAR", "GALAXY", "QSO"),
        labels={
            "pipeline": LabelMap(
                column="class",
                values={"STAR": "STAR", "GALAXY": "GALAXY", "QSO": "QSO"},
                note="the survey's own template fit",
            ),
            "human": LabelMap(
                column="class_person",
                values={"1": "STAR", "3": "QSO", "30": "QSO", "4": "GALAXY"},
                note="visual inspection of BOSS; broad-absorption-line quasars (30) are quasars",
            ),
            "truth": LabelMap(
                column="truth_kind",
                values={"star": "STAR", "galaxy": "GALAXY", "quasar": "QSO"},
                note="what a simulated object is",
            ),
        },
        feature_sets={
            "safe": FeatureSet(
                features=(*_dereddened_colours(), "psfmag_i - extinction_i"),
                leaky=False,
                note="PSF colours and magnitude, Galactic extinction removed",
            ),
            "observed": FeatureSet(
                features=(*_colours("psfmag_"), "psfmag_i"),
                leaky=False,
                note="PSF colours and magnitude, as observed",
            ),
            "ugriz5": FeatureSet(
                features=("u", "g", "r", "i", "z"),
                leaky=False,
                note="five magnitudes under the names of the DR14 table",
            ),
            "colours": FeatureSet(
                features=(*_colours(""), "r"),
                leaky=False,
                note="four colours and r under the names of the DR14 table",
            ),
            "ugriz_z": FeatureSet(
                features=("u", "g", "r", "i", "z", "redshift"),
                leaky=True,
                note="with redshift, which is nearly the label",
            ),
        },
    )
