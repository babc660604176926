"""What table features, sentinels and nuisances know of the label."""

from collections.abc import Mapping

import numpy as np

from trifid.data.task import Task
from trifid.evaluation.leakage.finding import Finding
from trifid.evaluation.leakage.probes import (
    association,
    boosted_auc,
    pure_values,
    tree_probe,
)
from trifid.evaluation.measure import CEILINGS
from trifid.metrics.intervals import wilson

_FAIL_SKILL, _WARN_SKILL = 0.85, 0.7
_WARN_AUC, _FAIL_AUC = 0.6, 0.9
_MADE_FROM_THE_FIT = ("redshift", "ew_", "ebmv", "bpt", "zwarning", "class")
_SMALL_V = 0.1  # Cramer's V below which a dependence is of no account


def single_features(
    features: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray, task: Task
) -> Finding:
    """A tree of depth 3 on each feature alone (E1, E2)."""
    if not features:
        return Finding("single features", "none", "the recipe has no table")
    probes = {n: tree_probe(v[:, None], labels, groups) for n, v in features.items()}
    numbers = {
        n: {"skill": round(probe.skill, 3), "accuracy": round(probe.accuracy, 3)}
        for n, probe in probes.items()
    }
    bad = [n for n, p in probes.items() if p.skill > _FAIL_SKILL or p.given_away]
    if bad:
        best = max(bad, key=lambda name: probes[name].skill)
        classes = sorted({task.classes[k] for n in bad for k in probes[n].given_away})
        said = ", ".join(f"{key} {value}" for key, value in numbers[best].items())
        reason = f"{', '.join(bad)} nearly give the label away ({best}: {said})"
        reason += f"; classes {', '.join(classes)} in full" if classes else ""
        return Finding("single features", "fail", reason, numbers)
    strong = [name for name, probe in probes.items() if probe.skill > _WARN_SKILL]
    if strong:
        return Finding("single features", "warn", f"{', '.join(strong)} say much alone", numbers)
    return Finding("single features", "pass", "no feature gives the label away", numbers)


def all_features(
    features: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray, task: Task
) -> Finding:
    """One tree of depth 3 on all features together (E2)."""
    if not features:
        return Finding("features together", "none", "the recipe has no table")
    probe = tree_probe(np.stack(list(features.values()), axis=1), labels, groups)
    numbers = {"skill": round(probe.skill, 3)}
    if probe.skill > _FAIL_SKILL or probe.given_away:
        names = ", ".join(task.classes[k] for k in probe.given_away)
        tail = f", {names} in full" if names else ""
        reason = f"eight leaves of a tree find the label (skill {probe.skill:.2f}{tail})"
        return Finding("features together", "fail", reason, numbers)
    return Finding(
        "features together", "pass", f"a small tree has skill {probe.skill:.2f}", numbers
    )


def sentinels(features: Mapping[str, np.ndarray], labels: np.ndarray, task: Task) -> Finding:
    """No single value may name a class (E4)."""
    found = [
        f"{name} = {value:g} means {task.classes[k]} ({rows} rows)"
        for name, values in features.items()
        for value, k, rows in pure_values(values, labels)
    ]
    if found:
        return Finding("sentinel values", "fail", "; ".join(found[:5]), {"count": len(found)})
    return Finding("sentinel values", "pass", "no value names a class")


def made_from_the_fit(names: tuple[str, ...], leaky: tuple[str, ...]) -> Finding:
    """Features that come from the fit that also made the label (E1, E2)."""
    found = [n for n in names if any(mark in n for mark in _MADE_FROM_THE_FIT)]
    if found or leaky:
        reason = f"{', '.join(found) or ', '.join(leaky)} come from the fit that made the label"
        return Finding("features from the label's fit", "fail", reason)
    return Finding("features from the label's fit", "pass", "none among the features")


def to_keep_out(names: tuple[str, ...], task: Task) -> tuple[str, ...]:
    """Features a task calls leaky and in no safe set, or that come from the fit of its labels."""
    safe = {
        name for known in task.feature_sets.values() if not known.leaky for name in known.features
    }
    leaky = {name for known in task.feature_sets.values() if known.leaky for name in known.features}
    return tuple(
        name
        for name in names
        if name in leaky - safe
        or (name not in safe and any(mark in name for mark in _MADE_FROM_THE_FIT))
    )


def kept_out(names: tuple[str, ...]) -> Finding:
    """Features of a store that no recipe for its labels should use (E1, E2)."""
    if not names:
        return Finding("features to keep out", "pass", "none comes from the fit behind the label")
    reason = f"{', '.join(names)}: made by the fit behind the label, or called leaky by the task"
    return Finding("features to keep out", "warn", reason, {"features": list(names)})


def nuisances(columns: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray) -> Finding:
    """What S/N, magnitude, plate, date and place alone know of the class (E10)."""
    if not columns:
        return Finding("nuisances alone", "none", "the store has no nuisance columns")
    area = boosted_auc(np.stack(list(columns.values()), axis=1), labels, groups)
    numbers = {"auc": round(area, 3), "columns": list(columns)}
    names = ", ".join(columns)
    if area > _FAIL_AUC:
        reason = f"{names} alone reach a ROC area of {area:.2f}: match or reweight the classes"
        return Finding("nuisances alone", "fail", reason, numbers)
    if area > _WARN_AUC:
        reason = f"{names} alone reach a ROC area of {area:.2f}"
        return Finding("nuisances alone", "warn", reason, numbers)
    return Finding("nuisances alone", "pass", f"ROC area {area:.2f} from {names}", numbers)


def missing_by_class(flags: Mapping[str, np.ndarray], labels: np.ndarray) -> Finding:
    """Whether being missing depends on the class: cleaning that differs by class (E9)."""
    return _by_class("missing by class", "missing values", flags, labels)


def cuts_by_class(flagged: Mapping[str, np.ndarray], labels: np.ndarray) -> Finding:
    """Whether the cuts of a recipe fall on the classes alike (E9), over all labelled rows."""
    if not flagged:
        return Finding("cuts by class", "pass", "no row is left out for a flag")
    known = labels >= 0
    kept = {name: ~has[known] for name, has in flagged.items()}
    return _by_class("cuts by class", "rows left out", kept, labels[known])


def _by_class(
    check: str, what: str, flags: Mapping[str, np.ndarray], labels: np.ndarray
) -> Finding:
    worst, lines = 0.0, list[str]()
    for name, present in flags.items():
        p, strength = association(present, labels)
        if p < 0.01 / max(len(flags), 1) and strength > _SMALL_V:
            lines.append(f"{name} (Cramer's V {strength:.2f})")
            worst = max(worst, strength)
    numbers = {"cramers_v": round(worst, 3)}
    if worst > 0.5:
        return Finding(check, "fail", f"{what} tell the class: {', '.join(lines)}", numbers)
    if lines:
        return Finding(check, "warn", f"{what} depend on the class: {', '.join(lines)}", numbers)
    return Finding(check, "pass", f"{what} do not depend on the class")


def label_ceiling(sources: Mapping[str, np.ndarray], task: Task) -> Finding:
    """How far two sources of labels agree on the same objects (E3): no score can mean more."""
    names = list(sources)
    if len(names) < 2:
        reason = f"one source of labels ({', '.join(names)}): the ceiling is unknown here"
        if task.name in CEILINGS:
            reason += f"; {CEILINGS[task.name]}"
        return Finding("label ceiling", "none", reason)
    first, second = (sources[name] for name in names[:2])
    both = (first >= 0) & (second >= 0)
    n, same = int(both.sum()), int((first[both] == second[both]).sum())
    if not n:
        return Finding("label ceiling", "none", f"{names[0]} and {names[1]} share no object")
    low, high = wilson(same, n)
    numbers = {"agree": same, "n": n, "low": low, "high": high}
    reason = f"{names[0]} and {names[1]} agree on {same} of {n} ({low:.3f} to {high:.3f})"
    return Finding("label ceiling", "pass" if same / n > 0.9 else "warn", reason, numbers)
