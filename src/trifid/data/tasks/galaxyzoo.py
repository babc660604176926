"""Shapes of galaxies, as people saw them."""

from trifid.data.task import LabelMap, Task
from trifid.registry import register


@register("task", paper="Galaxy Zoo 1, Lintott et al. 2011, MNRAS 410, 166")
def galaxyzoo() -> Task:
    """Elliptical, spiral, edge-on or merging galaxy."""
    return Task(
        name="galaxyzoo",
        classes=("ELLIPTICAL", "SPIRAL", "EDGE_ON", "MERGER"),
        labels={
            "votes": LabelMap(
                column="class",
                values={
                    "0": "ELLIPTICAL",
                    "1": "SPIRAL",
                    "2": "SPIRAL",
                    "3": "EDGE_ON",
                    "5": "MERGER",
                },
                note="winner of the votes; clockwise (1) and anticlockwise (2) arms are one class, "
                "so that pictures may be mirrored; 4, nobody knows, is left out",
            ),
        },
        feature_sets={},
    )
