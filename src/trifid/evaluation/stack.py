"""Late fusion of runs trained apart: their predicted numbers joined by weights from valid rows.

Paper: 003 (redshift and star-formation rate), "the outputs of independently trained models".
No run has seen the valid rows' labels in a step of training; they only chose its best epoch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from trifid.errors import RunError
from trifid.evaluation.predictions import Predictions, PredictionsWriter

Way = Literal["ridge", "inverse_mse"]
_FOLDS = ("valid", "test")
_ALPHA = 1.0  # of the ridge, on standardised numbers


def stack(parts: Sequence[Predictions], out: Path, *, way: Way, seed: int, run: str) -> Path:
    """Writes the joined predictions of two or more runs, for the rows that all of them answer.

    Each run answers from all of its inputs. Weights are fitted for each target on labelled valid
    rows; there is no spread.

    Args:
        parts: Predictions of numbers of one task, with the folds valid and test.
        out: The file.
        way: Ridge regression with an offset, or weights in proportion to 1 / mean squared error.
        seed: Written into the table.
        run: Written into the table.

    Raises:
        RunError: If the runs differ in their targets, or share no labelled valid rows.
    """
    first = parts[0]
    if not first.targets or any(part.form != first.form for part in parts) or len(parts) < 2:
        raise RunError("a stack needs two runs or more that predict the same numbers")
    shared = {fold: _aligned(parts, fold) for fold in _FOLDS}
    subset = "+".join(sorted({n for part in parts for n in part.subsets[0].split("+")}))
    solved = [_weights(shared["valid"], target, way) for target in first.targets]
    metadata = first.metadata | {"model": f"{way} of {run}", "bundle_hash": "", "recipe_hash": ""}
    with PredictionsWriter(out, targets=first.targets, metadata=metadata) as writer:
        for fold, aligned in shared.items():
            columns = [
                _means(aligned, target) @ weights + offset
                for target, (weights, offset) in zip(first.targets, solved, strict=True)
            ]
            truth = [aligned[0].numbers(target).truth for target in first.targets]
            writer.add(
                {
                    "object_id": aligned[0].object_ids,
                    "group": aligned[0].table["group"],
                    "fold": fold,
                    "subset": subset,
                    "seed": seed,
                    "run": run,
                    "labels": np.stack(truth, axis=1),
                    "means": np.stack(columns, axis=1),
                    "sds": None,
                }
            )
    return out


def _aligned(parts: Sequence[Predictions], fold: str) -> list[Predictions]:
    """The objects of a fold that all parts have, in one order."""
    chosen = [part.select(fold=fold, subset=part.subsets[0]) for part in parts]
    shared = set.intersection(*(set(part.object_ids.tolist()) for part in chosen))
    if not shared:
        raise RunError(f"the runs of a stack share no object of the fold {fold}")
    found: list[Predictions] = []
    for part in chosen:
        ids = part.object_ids
        order = np.argsort(ids, kind="stable")
        found.append(part.take(order[[name in shared for name in ids[order].tolist()]]))
    return found


def _means(parts: Sequence[Predictions], target: str) -> Float[np.ndarray, "N M"]:
    return np.stack([part.numbers(target).mean for part in parts], axis=1)


def _weights(
    parts: Sequence[Predictions], target: str, way: Way
) -> tuple[Float[np.ndarray, "M"], float]:
    """A weight for each run and an offset."""
    truth, means = parts[0].numbers(target).truth, _means(parts, target)
    known = np.isfinite(truth)
    truth, means = truth[known], means[known]
    if len(truth) < 2:
        raise RunError(f"a stack needs two valid rows or more with a {target}")
    if way == "inverse_mse":
        error = np.square(means - truth[:, None]).mean(axis=0)
        inverse = 1.0 / np.maximum(error, np.finfo(float).tiny)
        return inverse / inverse.sum(), 0.0
    scale = float(truth.std()) or 1.0
    centred, wanted = (means - means.mean(axis=0)) / scale, (truth - truth.mean()) / scale
    gram = centred.T @ centred + _ALPHA * np.eye(means.shape[1])
    weights = np.linalg.solve(gram, centred.T @ wanted)
    return weights, float(truth.mean() - means.mean(axis=0) @ weights)
