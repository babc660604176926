"""What a trained model leans on: its test rows again, with one thing made wrong at a time.

- One input permuted: each row gets that input of another row. What is lost is what the model took
  from it; a fusion that loses nothing ignores it (trap E21).
- A seventh of a spectrum without data, one window after the other: what the answer loses is what it
  took from there. Attention weights say where a network looks and not what it uses (trap E28).
  Windows are also taken from the same network before training: see `trifid.evaluation.sanity`.
- The redshift that brings spectra to the rest frame, off by a Gaussian of 0.001 or 0.01 times
  (1 + z): in use it is a prediction and not the survey's own (trap E18).

Labels stay. The answer to each is compared with the untouched one on the same objects.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from torch import nn

from trifid.errors import RunError
from trifid.evaluation.predictions import Predictions, read_predictions
from trifid.evaluation.run import write_predictions
from trifid.evaluation.sanity import agreement, changes
from trifid.evaluation.seeds import compare_seeds
from trifid.files import read_json
from trifid.schema import grid
from trifid.store.read import Store
from trifid.training.bundle import Bundle, build_model, load_bundle
from trifid.training.device import alone
from trifid.training.rows import TaskRows, task_rows
from trifid.transforms.pipeline import SpectrumInput, redshift_columns

ERRORS = (0.001, 0.01)  # of a redshift, over 1 + z
WINDOWS = 7  # of a spectrum, equal in log wavelength, as many as BATMM has segments
AS_IT_IS = "as it is"


def stress(run: Path, *, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Judges a run on its test rows with each input permuted, and with redshifts that are off.

    Args:
        run: A finished run without folds, or one of its folds.
        resamples: Of the paired bootstrap.
        seed: Of permutations, redshift errors and resamples.

    Returns:
        See `trifid.evaluation.seeds.compare_seeds`: one model a case, the first is `as it is`;
        differences are case minus that. Besides, of a network, random_weights {spectrum: measure}:
        the rank correlation of its windows with those of the same network before training (see
        `trifid.evaluation.sanity.agreement`).

    Raises:
        RunError: If the run has no bundle, or its store has changed.
    """
    if not (run / "bundle").is_dir():
        raise RunError(f"{run / 'bundle'}: no such folder; of a run with folds give one of them")
    bundle, known = load_bundle(run / "bundle"), read_json(run / "run.json")
    store = Store.open(Path(known["store"]))
    if store.hash() != known["store_hash"]:
        raise RunError(f"{run}: the store {store.folder} has changed since training")
    rows = task_rows(store, bundle.card.recipe, bundle.card.task)
    found = _answers(bundle, _cases(bundle, store, rows.test, seed), rows, run.name)
    board = compare_seeds(
        {name: [part] for name, part in found.items()}, resamples=resamples, seed=seed
    )
    if not isinstance(bundle.model, nn.Module):
        return board
    start = replace(
        bundle, model=build_model(bundle.card.recipe, bundle.pipeline, bundle.card.task)
    )
    curves: dict[str, Any] = {}
    for name, config in _spectra(bundle).items():
        cases = dict(_occluded(store, name, config))
        untrained = _answers(start, {AS_IT_IS: store, **cases}.items(), rows, run.name)
        after, before = (
            changes(part[AS_IT_IS], [part[case] for case in cases]) for part in (found, untrained)
        )
        groups = found[AS_IT_IS].groups
        curves[name] = agreement(after, before, groups, resamples=resamples, seed=seed)
    return board | {"random_weights": curves}


def _answers(
    bundle: Bundle, cases: Iterable[tuple[str, Store]], rows: TaskRows, run: str
) -> dict[str, Predictions]:
    """What a bundle says of the test rows in each case."""
    found: dict[str, Predictions] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        for name, store in cases:
            write_predictions(
                bundle, store, {"test": rows.test}, rows.labels, path, alone(),
                run=run, subsets=[tuple(bundle.pipeline.inputs)],
            )  # fmt: skip
            found[name] = read_predictions(path)
    return found


def _cases(
    bundle: Bundle, store: Store, rows: np.ndarray, seed: int
) -> Iterator[tuple[str, Store]]:
    yield AS_IT_IS, store
    for name, config in bundle.card.recipe.inputs.items():
        present = rows[store.present(config.modality)[rows]]
        yield f"{name} permuted", PermutedStore(store, config.modality, present, seed=seed)
    for name, config in _spectra(bundle).items():
        yield from _occluded(store, name, config)
    for column in redshift_columns(bundle.card.recipe.inputs):
        for error in ERRORS:
            name = f"{column} off by {error:g} (1 + z)"
            yield name, ShiftedStore(store, column, error, seed=seed)


def _spectra(bundle: Bundle) -> dict[str, SpectrumInput]:
    inputs = bundle.card.recipe.inputs
    return {name: c for name, c in inputs.items() if isinstance(c, SpectrumInput)}


def _occluded(store: Store, name: str, config: SpectrumInput) -> Iterator[tuple[str, Store]]:
    for low, high in windows(config):
        wrong = OccludedStore(store, config, low, high)
        yield f"{name} without {low:.0f} to {high:.0f} A", wrong


def windows(config: SpectrumInput) -> list[tuple[float, float]]:
    """Equal parts in log wavelength of what an input takes [angstrom], in the input's frame."""
    if config.frame == "rest":
        low, high = math.log10(config.start), math.log10(config.start + config.step * config.length)
    else:
        low, high = config.log10_start, config.log10_start + grid.LOG10_STEP * config.length
    edges = 10.0 ** np.linspace(low, high, WINDOWS + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


class PermutedStore(Store):
    """A store where some rows that have a modality have it from each other.

    Args:
        store: The true one.
        modality: To permute.
        rows: That have it; each gets it from another of them.
        seed: Of the permutation.
    """

    def __init__(self, store: Store, modality: str, rows: np.ndarray, *, seed: int) -> None:
        super().__init__(store.folder, store.manifest)
        self._modality, self._source = modality, np.arange(len(store))
        order = np.random.default_rng(seed).permutation(rows)
        self._source[order] = np.roll(order, 1)

    def take(self, rows: np.ndarray, modalities: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """As of a store, the permuted modality from the other rows."""
        taken = super().take(rows, modalities)
        if self._modality in taken:
            taken |= super().take(self._source[rows], [self._modality])
        return taken


class ShiftedStore(Store):
    """A store whose redshifts are off by a Gaussian.

    Args:
        store: The true one.
        column: Of the redshifts.
        error: Standard deviation over 1 + z.
        seed: Of the errors.
    """

    def __init__(self, store: Store, column: str, error: float, *, seed: int) -> None:
        super().__init__(store.folder, store.manifest)
        self._column = column
        self._errors = error * np.random.default_rng(seed).normal(size=len(store))

    def columns(self, *names: str) -> pa.Table:
        """As of a store, the redshifts off."""
        table = super().columns(*names)
        if self._column not in table.column_names:
            return table
        place = table.column_names.index(self._column)
        values = np.asarray(table[self._column].to_numpy(zero_copy_only=False), np.float64)
        moved = values + self._errors * (1.0 + values)
        return table.set_column(place, self._column, pa.array(moved, from_pandas=True))


class OccludedStore(Store):
    """A store whose spectra have no data in a window.

    Args:
        store: The true one.
        config: Says the modality and, for the rest frame, the column of redshifts.
        low, high: Ends of the window [angstrom] in the frame of the input.
    """

    def __init__(self, store: Store, config: SpectrumInput, low: float, high: float) -> None:
        super().__init__(store.folder, store.manifest)
        self._modality, self._edges = config.modality, np.log10([low, high])
        self._factor = np.zeros(len(store))
        if config.frame == "rest":
            table = store.columns(config.redshift_column)
            redshift = table[config.redshift_column].to_numpy(zero_copy_only=False)
            self._factor = np.log10(1.0 + np.asarray(redshift, np.float64))

    def take(self, rows: np.ndarray, modalities: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """As of a store, without data in the window."""
        taken = super().take(rows, modalities)
        if self._modality in taken:
            place = grid.log10_wavelengths() - self._factor[rows, None]
            window = (place >= self._edges[0]) & (place < self._edges[1])
            for name in ("flux", "ivar"):
                taken[self._modality][name][window] = 0
        return taken
