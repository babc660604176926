"""Composes plates: latent objects of any kinds -> spectra, images, catalogue, labels, identity.

A plate is a pure function of task, options, seed, number, rows and image size. What the objects
are, how they are observed and what is missing draw from streams of their own: with the same seed
another instrument, seeing or pattern of missing modalities shows the same objects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trifid.errors import ConfigError
from trifid.physics import photometry
from trifid.schema.block import Block, Fields
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ColumnType,
    ImageSpec,
    ModalitySpec,
    PictureSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.simulate import camera, gaps, identity, imaging, pictures, spectrograph
from trifid.simulate.instruments import INSTRUMENTS, SDSS
from trifid.simulate.options import SkyOptions
from trifid.simulate.source import Objects, Shape

ROWS = 640  # most of a plate
PLATES = 40  # at least, so that a small sky can be split by plate
REPEATS = 0.03  # share of rows that observe an object of the plate a second time
_BATCH = 64  # rows whose spectra are in memory at once
_STREAMS = ("objects", "nights", "spectra", "measure", "imaging", "identity", "missing", "labels")

_COLUMNS = identity.COLUMNS | {
    "class": ColumnSpec(type="string", description="spectral class of the pipeline"),
    "subclass": ColumnSpec(type="string", description="subclass of the pipeline; may be empty"),
    "redshift": ColumnSpec(type="float64", description="measured redshift"),
    "redshift_error": ColumnSpec(type="float64", description="its standard error"),
    "zwarning": ColumnSpec(type="int64", description="bits that doubt the redshift; 0 = none"),
    "sn_median": ColumnSpec(type="float64", description="median S/N per native pixel"),
    "instrument": ColumnSpec(type="string", description="spectrograph"),
    "type": ColumnSpec(type="int64", description="3 extended, 6 point source"),
    "truth_kind": ColumnSpec(type="string", description="galaxy, quasar or star; never an input"),
    "truth_redshift": ColumnSpec(type="float64", description="true redshift; never an input"),
}
_MEASURED = ("class", "subclass", "redshift", "redshift_error", "zwarning")
_TYPES: dict[str, ColumnType] = {"U": "string", "i": "int64", "f": "float64", "b": "bool"}

Columns = dict[str, np.ndarray]
Measure = Callable[[np.random.Generator, Objects, Fields, SkyOptions], Columns]


@dataclass(frozen=True)
class Kind:
    """One kind of object on the plates: the class a prior names, its usual share, how it is drawn.

    `draw` takes random numbers, how many, and the options.
    """

    name: str
    share: float
    draw: Callable[[np.random.Generator, int, SkyOptions], Objects]


@dataclass(frozen=True)
class SkyTask:
    """How the sky of a task is made.

    Attributes:
        name: Of the task.
        kinds: What is on the plates. Tasks of one kind divide it into classes themselves.
        measure: What the survey's pipeline says of a batch of spectra, by column or feature.
        columns: Scalar columns `measure` gives beyond class, redshift and zwarning.
        features: Table features beyond those of imaging: names and units.
        aliases: Features that repeat another one under a second name.
        label: The column that label noise acts on.
        finish: Further features made from photometry and measured values.
    """

    name: str
    kinds: tuple[Kind, ...]
    measure: Measure
    columns: Mapping[str, ColumnSpec]
    features: tuple[tuple[str, str], ...]
    label: str
    aliases: Mapping[str, str] = field(default_factory=dict)
    finish: Callable[[Columns], Columns] | None = None

    @property
    def table(self) -> tuple[tuple[str, str], ...]:
        """Names and units of all table features."""
        units = dict(imaging.FEATURES)
        return (
            *imaging.FEATURES,
            ("redshift", ""),
            ("sn_median", ""),
            *self.features,
            *((name, units[other]) for name, other in self.aliases.items()),
        )

    @cached_property
    def truth_columns(self) -> dict[str, ColumnSpec]:
        """Columns of truth of its objects, from two of each kind."""
        found: dict[str, ColumnSpec] = {}
        for kind in self.kinds:
            sample = kind.draw(np.random.default_rng(0), 2, SkyOptions())
            for name, values in sample.truth().items():
                note = "true value; never an input"
                found[name] = ColumnSpec(
                    type=_TYPES[np.asarray(values).dtype.kind], description=note
                )
        return dict(sorted(found.items()))

    def prepare(self, options: SkyOptions) -> None:
        """Observes an object of each kind: what is kept on disk is there before workers start."""
        shares = {kind.name: kind.share for kind in self.kinds}
        shares = options.class_shares(shares) if len(shares) > 1 else shares
        for kind in self.kinds:
            if shares[kind.name] > 0:
                _try(self, kind, options)

    def schema(self, options: SkyOptions, size: int) -> StoreSchema:
        """The store's modalities and columns, for images of `size` pixels on a side."""
        features = self.table
        made: dict[str, ModalitySpec] = {
            "image": ImageSpec(
                bands=imaging.BANDS, height=size, width=size, pixel_scale=camera.PIXEL
            ),
            "image_rgb": PictureSpec(height=size, width=size, pixel_scale=camera.PIXEL),
            "spectrum": SpectrumSpec(),
            "table": TableSpec(
                features=tuple(name for name, _ in features),
                units=tuple(unit for _, unit in features),
            ),
        }
        columns = IDENTITY_COLUMNS | _COLUMNS | dict(self.columns) | self.truth_columns
        return StoreSchema(
            modalities={name: made[name] for name in options.modalities}, columns=columns
        )


def _try(task: SkyTask, kind: Kind, options: SkyOptions) -> None:
    rng = np.random.default_rng(0)
    one = kind.draw(rng, 1, options)
    light = one.shine(SDSS.line_spread)
    spectrum = light.continuum + light.emission
    level = np.full(spectrum.shape, 100.0) / np.median(spectrum) ** 2
    fields = {"flux": spectrum.astype(np.float32), "ivar": level.astype(np.float32)}
    task.measure(rng, one, fields, options)


def plate_rows(objects: int) -> list[int]:
    """Rows of each plate: at least forty plates where there are rows for it, at most 640 rows."""
    plates = max(min(PLATES, objects), -(-objects // ROWS))
    return [objects // plates + (index < objects % plates) for index in range(plates)]


def simulate_plate(
    task: SkyTask, options: SkyOptions, seed: int, plate: int, rows: int, size: int
) -> Block:
    """All rows of one plate with all modalities; repeat observations come last.

    Args:
        task: What is on it.
        options: How it is observed.
        seed: Of the whole sky.
        plate: Index of the plate, from 0.
        rows: Observations, repeats included.
        size: Pixels on a side of an image.
    """
    draw = streams(seed, plate)
    instrument = INSTRUMENTS[options.instrument]
    parts = _draw_parts(draw["objects"], task, options, rows - round(REPEATS * rows))
    count = sum(len(part) for part in parts)
    again = draw["nights"].choice(count, rows - count, replace=False)
    which = np.concatenate([draw["nights"].permutation(count), again])
    night = (np.arange(rows) >= count).astype(np.int64)
    sky = camera.draw_sky(
        draw["imaging"], count, seeing=options.seeing, brightness=10.0 ** (0.4 * options.sky)
    )
    spectra = _observe(draw, task, options, parts, _Rows(which, night), sky)
    seen = imaging.photometric_catalogue(draw["imaging"], spectra.scene, sky, options.depth)
    flux = imaging.photograph(draw["imaging"], spectra.scene, sky, size, options.depth)
    values = {name: column[which] for name, column in seen.items()} | spectra.columns
    values |= {name: values[other] for name, other in task.aliases.items()}
    values |= task.finish(values) if task.finish else {}
    columns = identity.identity(draw["identity"], instrument, plate, which, night)
    for name in (*_MEASURED, "sn_median", "type", *task.columns):
        columns[name] = plain(values[name])
    columns["instrument"] = [instrument.name] * rows
    columns |= _truth(task, _weighed(parts, spectra.scene.total[:, 2]), which)
    if options.label_noise:
        noisy = gaps.mislabelled(draw["labels"], columns[task.label], options.label_noise)
        columns[task.label] = noisy
    table = np.stack([values[name] for name, _ in task.table], axis=1).astype(np.float32)
    valid = np.isfinite(table)
    inputs: dict[str, Fields] = {
        "image": {"flux": flux[which]},
        "spectrum": spectra.fields,
        "table": {"values": np.where(valid, table, 0.0), "valid": valid.astype(np.uint8)},
    }
    if options.rgb:
        inputs["image_rgb"] = {"pixels": pictures.lupton_rgb(flux[:, [3, 2, 1]])[which]}
    return Block(columns, inputs)


def streams(seed: int, plate: int) -> dict[str, np.random.Generator]:
    """The random numbers of a plate, by what they are for."""
    return {
        name: np.random.default_rng(np.random.SeedSequence([seed, plate, index]))
        for index, name in enumerate(_STREAMS)
    }


def _draw_parts(
    rng: np.random.Generator, task: SkyTask, options: SkyOptions, count: int
) -> list[Objects]:
    """The objects of a plate, kind by kind."""
    if len(task.kinds) == 1:
        return [task.kinds[0].draw(rng, count, options)]
    shares = options.class_shares({kind.name: kind.share for kind in task.kinds})
    numbers = rng.multinomial(count, list(shares.values()))
    return [
        kind.draw(rng, int(number), options)
        for kind, number in zip(task.kinds, numbers, strict=True)
        if number
    ]


@dataclass(frozen=True)
class _Rows:
    """Object and night of each row (R,)."""

    which: np.ndarray
    night: np.ndarray


@dataclass(frozen=True)
class _Spectra:
    """Spectra of R rows, what was measured from them (R,), and the scene of the objects."""

    fields: Fields
    columns: Columns
    scene: imaging.Scene


def _observe(
    draw: Mapping[str, np.random.Generator],
    task: SkyTask,
    options: SkyOptions,
    parts: list[Objects],
    rows: _Rows,
    sky: camera.Sky,
) -> _Spectra:
    """Takes the spectra of all rows, batches of one kind at a time."""
    instrument = INSTRUMENTS[options.instrument]
    exposures = [spectrograph.draw_exposure(draw["nights"], instrument) for _ in range(2)]
    if exposures[1].noise > exposures[0].noise:  # a second night never falls below the S/N cut
        exposures.reverse()
    count, fields = sum(len(part) for part in parts), SpectrumSpec().fields()
    merged = {
        name: np.zeros((rows.which.size, *shape), kind) for name, (kind, shape) in fields.items()
    }
    columns: dict[str, list[np.ndarray]] = {}
    order: list[np.ndarray] = []
    scenes: list[imaging.Scene] = []
    places: list[np.ndarray] = []
    first = 0
    for part in parts:
        inside = np.flatnonzero((rows.which >= first) & (rows.which < first + len(part)))
        for begin in range(0, inside.size, _BATCH):
            here = inside[begin : begin + _BATCH]
            objects = part.take(rows.which[here] - first)
            seen = sky.fwhm[rows.which[here], 2]
            spectra, scene = _expose(
                draw["spectra"], objects, exposures, rows.night[here], (options, seen)
            )
            for name, array in spectra.items():
                merged[name][here] = array
            measured = task.measure(draw["measure"], objects, spectra, options)
            measured["sn_median"] = spectrograph.median_snr(spectra["flux"], spectra["ivar"])
            for name, values in measured.items():
                columns.setdefault(name, []).append(values)
            order.append(here)
            scenes.append(scene)
            places.append(rows.which[here])
        first += len(part)
    back = np.argsort(np.concatenate(order))
    _, unique = np.unique(np.concatenate(places), return_index=True)
    if unique.size != count:
        raise ConfigError(f"task {task.name}: {unique.size} of {count} objects were observed")
    return _Spectra(
        merged,
        {name: np.concatenate(values)[back] for name, values in columns.items()},
        _join_scenes(scenes, unique),
    )


def _expose(
    rng: np.random.Generator,
    objects: Objects,
    exposures: list[spectrograph.Exposure],
    night: np.ndarray,
    how: tuple[SkyOptions, np.ndarray],
) -> tuple[Fields, imaging.Scene]:
    """Spectra of one batch and its objects on the sky; brightness and fibre losses come in here."""
    options, seeing = how
    instrument = INSTRUMENTS[options.instrument]
    light, shape = objects.shine(instrument.line_spread), objects.shape()
    relative = imaging.scene(shape, light.bands, light.bulge_bands, objects.galactic_ebv)
    # the plate's noise as SDSS-I/II would have had it: the same deviate, its own scatter
    noise = exposures[0].noise ** (SDSS.plate_scatter / instrument.plate_scatter)
    scale = _brightness(objects, light.continuum, relative, (seeing / options.seeing, noise))
    scene = imaging.scene(
        shape,
        light.bands * scale[:, None],
        light.bulge_bands * scale[:, None],
        objects.galactic_ebv,
    )
    fibre = (scale * imaging.fibre_share(relative, seeing, instrument.fibre / 2.0))[:, None]
    fibres = spectrograph.draw_fibres(rng, exposures, night, instrument)
    spectra = spectrograph.observe(
        rng, fibre * light.continuum, fibre * light.emission, fibres, instrument,
        sky=10.0 ** (0.4 * options.sky), depth=options.depth,
    )  # fmt: skip
    return spectra, scene


def _brightness(
    objects: Objects,
    continuum: np.ndarray,
    relative: imaging.Scene,
    conditions: tuple[np.ndarray, float],
) -> np.ndarray:
    """Factor on the light of each object (B,): its r magnitude or, failing that, its S/N.

    The S/N is that of SDSS-I/II in a field's usual seeing and a plate's noise (`conditions`),
    whatever instrument observes.
    """
    seeing, noise = conditions
    wanted = photometry.nanomaggy(objects.magnitude) / relative.total[:, 2]
    unset = np.isnan(objects.magnitude)
    if unset.any():
        snr = getattr(objects, "snr", np.full(len(objects), 17.0))
        share = imaging.fibre_share(relative, seeing, SDSS.fibre / 2.0)
        wanted = np.where(unset, spectrograph.scale_to_snr(continuum, snr, noise) / share, wanted)
    return wanted


def _join_scenes(scenes: list[imaging.Scene], rows: np.ndarray) -> imaging.Scene:
    shape = imaging.join_shapes([item.shape for item in scenes])
    taken = {name: getattr(shape, name)[rows] for name in Shape.__dataclass_fields__}
    flux = {
        name: np.concatenate([getattr(item, name) for item in scenes])[rows]
        for name in ("point", "bulge", "disc", "galactic_ebv")
    }
    return imaging.Scene(Shape(**taken), **flux)


def plain(values: np.ndarray) -> list[Any]:
    """Values as a column of a block: NaN becomes None."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return [None if np.isnan(value) else value for value in array.tolist()]
    return array.tolist()


def _weighed(parts: list[Objects], r_flux: np.ndarray) -> list[Objects]:
    """The parts with the magnitudes they came out with, on which masses hang."""
    done: list[Objects] = []
    first = 0
    for part in parts:
        seen = photometry.magnitude(r_flux[first : first + len(part)])
        if np.isnan(part.magnitude).any() and is_dataclass(part):
            part = replace(part, magnitude=np.where(np.isnan(part.magnitude), seen, part.magnitude))
        done.append(part)
        first += len(part)
    return done


def _truth(task: SkyTask, parts: list[Objects], which: np.ndarray) -> dict[str, Sequence[Any]]:
    """Columns of truth of each row; null where a kind has no such value."""
    kinds = np.concatenate([np.full(len(part), part.kind) for part in parts])
    columns: dict[str, Sequence[Any]] = {"truth_kind": kinds[which].tolist()}
    truths = [{"truth_redshift": part.redshift} | dict(part.truth()) for part in parts]
    for name in ("truth_redshift", *task.truth_columns):
        values: list[Any] = []
        for part, truth in zip(parts, truths, strict=True):
            values += plain(truth[name]) if name in truth else [None] * len(part)
        columns[name] = [values[row] for row in which]
    return columns
