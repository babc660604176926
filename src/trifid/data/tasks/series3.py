"""A toy task of light curves: constant, periodic or transient."""

from trifid.data.task import LabelMap, Task
from trifid.registry import register


@register("task")
def series3() -> Task:
    """Constant, periodic or transient light curve: a toy task, no survey's."""
    return Task(
        name="series3",
        classes=("CONSTANT", "PERIODIC", "TRANSIENT"),
        labels={
            "given": LabelMap(
                column="variability",
                values={"constant": "CONSTANT", "periodic": "PERIODIC", "transient": "TRANSIENT"},
                note="as the store says",
            ),
        },
        feature_sets={},
    )
