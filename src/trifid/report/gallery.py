"""The gallery: a few right predictions and the worst mistakes, with what was observed.

The objects are those with the highest confidence: one right one for each class, and the most
confident mistakes, one for each sky object.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from trifid.evaluation.predictions import Predictions
from trifid.report import pictures
from trifid.report.figures import spectrum
from trifid.report.lines import marks
from trifid.report.text import joined, number, percent
from trifid.schema.block import Fields
from trifid.schema.modality import ImageSpec, PictureSpec, SpectrumSpec, StoreSchema, TableSpec
from trifid.store.read import Store

_RIGHT, _WRONG = 4, 6
_REBIN = 4  # pixels of a spectrum drawn as one
_FEATURES = 8
_FACTS = {
    "redshift": "redshift {:.4f}",
    "sn_median": "S/N {:.1f} per pixel",
    "ra": "RA {:.5f}°",
    "dec": "Dec {:+.5f}°",
}


@dataclass(frozen=True)
class Picture:
    """One image of an object, as the template shows it."""

    source: str
    width: int
    height: int
    said: str
    caption: str


@dataclass(frozen=True)
class Drawn:
    """A figure and what stands under it."""

    image: Markup
    caption: str


@dataclass(frozen=True)
class Probability:
    """The probability of one class."""

    name: str
    value: str
    percent: float


@dataclass(frozen=True)
class Card:
    """One object of the gallery."""

    anchor: str
    object_id: str
    right: bool
    label: str
    predicted: str
    confidence: str
    probabilities: tuple[Probability, ...]
    pictures: tuple[Picture, ...] = ()
    spectra: tuple[Drawn, ...] = ()
    rows: tuple[str, ...] = ()
    absent: str = ""
    facts: str = ""


@dataclass(frozen=True)
class Group:
    """Cards under one heading."""

    title: str
    note: str
    items: tuple[Card, ...]


def gallery(judged: Predictions, store: Store | None) -> list[Group]:
    """Chooses and draws the objects.

    Args:
        judged: Labelled, held-out predictions of one subset of modalities.
        store: Where the objects' observations are; without it the cards hold only numbers.
    """
    right, wrong = choose(judged)
    chosen = np.concatenate([right, wrong])
    object_ids = [str(name) for name in judged.object_ids[chosen]]
    seen = None if store is None else _Observations(store, object_ids, _subset(judged))
    cards = [_card(judged, int(row), place, seen) for place, row in enumerate(chosen)]
    mistakes = int((judged.predicted != judged.labels).sum())
    best, worst = tuple(cards[: len(right)]), tuple(cards[len(right) :])
    said = f"The most confident of {mistakes} wrong predictions."
    if not mistakes:
        said = "There is no wrong prediction among the judged rows."
    return [
        Group("Right", "The most confident right prediction of each class.", best),
        Group("The worst mistakes", said, worst),
    ]


def choose(judged: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the right ones and of the worst mistakes; equal confidence is ordered by id."""
    predicted, labels, groups = judged.predicted, judged.labels, judged.groups
    confidence = judged.probabilities[np.arange(len(predicted)), predicted]
    order = np.lexsort((judged.object_ids.astype(str), -confidence))
    right = order[predicted[order] == labels[order]]
    firsts = [right[labels[right] == k][:1] for k in range(len(judged.classes))]
    best = np.concatenate([*firsts, np.zeros(0, np.int64)])[:_RIGHT].astype(np.int64)
    wrong = order[predicted[order] != labels[order]]
    _, first = np.unique(groups[wrong], return_index=True)
    return best, wrong[np.sort(first)][:_WRONG]


def _card(judged: Predictions, row: int, place: int, seen: "_Observations | None") -> Card:
    classes, values = judged.classes, judged.probabilities[row]
    label, predicted = int(judged.labels[row]), int(judged.predicted[row])
    order = np.argsort(-values, kind="stable")[:6]
    object_id, anchor = str(judged.object_ids[row]), f"object-{place}"
    return Card(
        anchor=anchor,
        object_id=object_id,
        right=label == predicted,
        label=classes[label],
        predicted=classes[predicted],
        confidence=percent(values[predicted]),
        probabilities=tuple(
            Probability(classes[k], number(values[k]), round(100 * float(values[k]), 2))
            for k in order
        ),
        **(seen.of(object_id, anchor) if seen else {}),
    )


def _subset(judged: Predictions) -> tuple[str, ...]:
    return tuple(judged.subsets[0].split("+")) if len(judged) else ()


class _Observations:
    """What the store holds of the chosen objects, read in one go."""

    def __init__(self, store: Store, object_ids: list[str], used: tuple[str, ...]) -> None:
        self._schema: StoreSchema = store.schema
        self._used = used
        names = [name for name in _FACTS if name in store.schema.columns]
        columns = store.columns("object_id", *names)
        chosen = set(object_ids)
        stored = enumerate(columns["object_id"].to_pylist())
        rows = {object_id: row for row, object_id in stored if object_id in chosen}
        known = [object_id for object_id in object_ids if object_id in rows]
        self._places = {object_id: place for place, object_id in enumerate(known)}
        taken = np.array([rows[object_id] for object_id in known], np.int64)
        self._values = columns.take(taken).to_pylist()
        self._inputs = store.take(taken, tuple(store.schema.modalities))

    def of(self, object_id: str, anchor: str) -> dict[str, Any]:
        """The parts of a card that come from the store."""
        at = self._places.get(object_id)
        if at is None:
            return {"absent": "This object is not in the store."}
        shown: dict[str, list[Any]] = {"pictures": [], "spectra": [], "rows": []}
        row = self._values[at]
        facts = [form.format(row[key]) for key, form in _FACTS.items() if _real(row, key)]
        missing: list[str] = []
        for order, (name, spec) in enumerate(self._schema.modalities.items()):
            fields = {field: values[at] for field, values in self._inputs[name].items()}
            if not fields["present"]:
                missing.append(name)
            elif isinstance(spec, ImageSpec):
                shown["pictures"].append(self._image(name, spec, fields["flux"]))
            elif isinstance(spec, PictureSpec):
                caption = name + self._unused(name)
                shown["pictures"].append(_picture(fields["pixels"], f"{name}, colour", caption))
            elif isinstance(spec, SpectrumSpec):
                drawn = self._spectrum(f"{anchor}-{order}", name, spec, fields, row)
                shown["spectra"].append(drawn)
            elif isinstance(spec, TableSpec):
                said = _features(spec, fields["values"], fields["valid"])
                shown["rows"].append(f"{name}: {said}{self._unused(name)}")
        absent = f"This object has no {joined(missing, 'or')}." if missing else ""
        return {
            **{key: tuple(items) for key, items in shown.items()},
            "absent": absent,
            "facts": " · ".join(facts),
        }

    def _unused(self, name: str) -> str:
        return "" if name in self._used else ", not used by this model"

    def _image(self, name: str, spec: ImageSpec, flux: np.ndarray) -> Picture:
        bands = pictures.choose_bands(spec.bands)
        side = f"{spec.width * spec.pixel_scale:.0f}″ wide"
        shown = f"{', '.join(bands)} as red, green, blue" if len(bands) == 3 else f"{bands[0]} band"
        caption = f"{name}: {shown}, {side}{self._unused(name)}"
        return _picture(pictures.colour(flux, spec.bands, bands), f"{name} in {shown}", caption)

    def _spectrum(
        self, anchor: str, name: str, spec: SpectrumSpec, fields: Fields, row: dict[str, Any]
    ) -> Drawn:
        wavelength = 10.0 ** (spec.log10_start + spec.log10_step * np.arange(spec.length))
        wavelength, flux = rebin(wavelength, fields["flux"], fields["ivar"], _REBIN)
        redshift = row["redshift"] if _real(row, "redshift") else None
        lines = [] if redshift is None else marks(redshift, wavelength[[0, -1]].tolist())
        title = f"{name} of {row['object_id']}"
        image = spectrum(anchor, title, wavelength, flux, unit=spec.unit, lines=lines)
        said = f"{name}, {_REBIN} pixels averaged into one"
        said += "; lines at this row's redshift" if lines else "; no redshift, so no lines marked"
        return Drawn(image, said + self._unused(name))


def rebin(
    wavelength: np.ndarray, flux: np.ndarray, ivar: np.ndarray, factor: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse-variance means of `factor` pixels; NaN where none of them has data."""
    kept = len(flux) // factor * factor
    weight = ivar[:kept].reshape(-1, factor).astype(np.float64)
    total = weight.sum(axis=1)
    summed = (weight * flux[:kept].reshape(-1, factor)).sum(axis=1)
    mean = np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0)
    return wavelength[:kept].reshape(-1, factor).mean(axis=1), mean


def _picture(pixels: np.ndarray, said: str, caption: str) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(pictures.data_uri(pixels), width, height, said, caption)


def _real(values: dict[str, Any], key: str) -> bool:
    value = values.get(key)
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _features(spec: TableSpec, values: np.ndarray, valid: np.ndarray) -> str:
    rows = zip(spec.features, spec.units, values, valid, strict=True)
    said = [f"{name} {value:.4g} {unit}".strip() for name, unit, value, good in rows if good]
    more = f" and {len(said) - _FEATURES} more" if len(said) > _FEATURES else ""
    return ", ".join(said[:_FEATURES]) + more
