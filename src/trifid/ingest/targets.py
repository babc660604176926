"""Which numbers of a catalogue are columns of the store: those that tasks predict."""

from functools import cache
from typing import cast

from trifid import registry
from trifid.data.task import Task
from trifid.transforms.expression import stored_features


@cache
def target_columns() -> frozenset[str]:
    """Columns of the targets of all tasks, but for those that some task takes as a feature.

    A redshift, say, is a target of one task and a (leaky) feature of others: it stays a feature
    where it comes from a catalogue; the column `redshift` comes with a spectrum.
    """
    registry.load("task")
    tasks = [cast(Task, entry.build()) for entry in registry.entries("task")]
    targets = {
        name for task in tasks for target in task.targets.values()
        for name in (target.column, *target.checks())
    }  # fmt: skip
    sets = (known for task in tasks for known in task.feature_sets.values())
    return frozenset(targets - stored_features({name for known in sets for name in known.features}))
