"""Which modalities and columns the rows of an ingest have."""

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError
from trifid.ingest.rows import Row
from trifid.ingest.scan import Probe, surveys
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
from trifid.surveys import sdss
from trifid.surveys.catalogue import Catalogue
from trifid.surveys.spectra import SURVEY_COLUMNS

MODALITIES = ("image", "image_hips", "image_rgb", "spectrum", "table")
HIPS_UNIT = "as the image service gives it, interpolated"
FLAGS = {
    "image_missing_band": "a band was not there; its plane is zero",
    "image_edge": "part of the cutout lies outside the frame; zero there",
    "image_misregistered": "the bands disagree in position",
    "image_blended": "another source within 5 arcsec of the target",
    "image_saturated": "a pixel near what the camera can count; null where no band can tell",
}


@dataclass(frozen=True)
class Naming:
    """How the columns of several catalogues are called in the store.

    Attributes:
        scalars: For each catalogue, the stored name of each of its scalar columns.
        features: Stored names of all features, in order, with units.
        own_row: The table is the spectrum files' own survey row: no catalogue was given.
    """

    scalars: tuple[dict[str, str], ...]
    features: dict[str, str]
    own_row: bool

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """The place of each feature in the table."""
        return {name: place for place, name in enumerate(self.features)}


def check_modalities(names: Collection[str]) -> tuple[str, ...]:
    """The modalities to store; all of them for an empty choice.

    Raises:
        ConfigError: If a name is unknown.
    """
    for name in names:
        if name not in MODALITIES:
            raise ConfigError(f"no modality {name!r:.40}; ingest makes {', '.join(MODALITIES)}")
    return tuple(name for name in MODALITIES if not names or name in names)


def modalities_of(row: Row, naming: Naming, wanted: Collection[str]) -> tuple[str, ...]:
    """The modalities of one row, sorted."""
    has = {
        "image": bool(row.images),
        "image_hips": bool(row.hips),
        "image_rgb": row.picture is not None,
        "table": bool(naming.features)
        and (
            any(source.modality == "spectrum" for source in row.spectra)
            if naming.own_row
            else any(number is not None for number in row.catalogue)
        ),
    }
    found = [name for name, there in has.items() if there and name in wanted]
    if "spectrum" in wanted:
        found += [source.modality for source in row.spectra]
    return tuple(sorted(found))


def surveys_of(rows: Sequence[Row], *, alone: bool) -> list[str]:
    """Names of the surveys of the rows' spectra, sorted.

    Args:
        rows: Of the store to be.
        alone: Those of `spectrum`; else those that stand beside it, as `spectrum_SURVEY`.
    """
    spectra = (source for row in rows for source in row.spectra)
    return sorted({s.survey for s in spectra if (s.modality == "spectrum") == alone})


def beside(survey: str, column: str) -> str:
    """The name of a column that belongs to `spectrum_SURVEY`."""
    return f"{survey}_{column}"


def name_columns(
    catalogues: Sequence[Catalogue], base: Collection[str], names_of_surveys: Sequence[str]
) -> Naming:
    """Names the columns of all catalogues; those that clash get the prefix cat_, cat2_, ...

    Without catalogues the features are those of the spectra's surveys.
    """
    used = set(base)
    features: dict[str, str] = {}
    scalars: list[dict[str, str]] = []
    for index, catalogue in enumerate(catalogues):
        prefix = "cat_" if index == 0 else f"cat{index + 1}_"
        names: dict[str, str] = {}
        for name in catalogue.scalars.column_names:
            names[name] = _free(name, prefix, used)
            used.add(names[name])
        scalars.append(names)
        for name, unit in catalogue.features.items():
            features[_free(name, prefix, features)] = unit
    if not catalogues:
        for survey in names_of_surveys:
            features |= surveys()[survey].features
    return Naming(tuple(scalars), features, own_row=not catalogues)


def _free(name: str, prefix: str, used: Collection[str]) -> str:
    while name in used:
        name = prefix + name
    return name


def base_columns(rows: Sequence[Row], wanted: Collection[str]) -> dict[str, ColumnSpec]:
    """Identity, spectrum and flag columns that these rows need."""
    columns = dict(IDENTITY_COLUMNS)
    alone = surveys_of(rows, alone=True)
    for survey in alone:
        columns |= surveys()[survey].columns
    if len(alone) > 1:
        columns |= SURVEY_COLUMNS
    for survey in surveys_of(rows, alone=False):
        about = f"key that the spectrum of {survey} has as a row of its own"
        columns[beside(survey, "id")] = ColumnSpec(type="string", description=about)
        specs = surveys()[survey].columns.items()
        columns |= {beside(survey, name): spec for name, spec in specs if name != "survey"}
    if any(row.object_id.startswith("sdss-") for row in rows):
        columns |= {name: sdss.COLUMNS[name] for name in ("plate", "mjd", "fiber")}
    if any(row.bestobjid for row in rows):
        columns["bestobjid"] = sdss.COLUMNS["bestobjid"]
    if "image" in wanted and any(row.images for row in rows):
        columns |= {n: ColumnSpec(type="bool", description=text) for n, text in FLAGS.items()}
    return columns


def make_schema(
    rows: Sequence[Row],
    probes: Sequence[Probe],
    catalogues: Sequence[Catalogue],
    *,
    bands: str,
    size: int,
    wanted: Collection[str],
) -> tuple[StoreSchema, Naming]:
    """The schema of the store and the names of the catalogues' columns in it."""
    columns = base_columns(rows, wanted)
    naming = name_columns(catalogues, columns, surveys_of(rows, alone=True))
    for catalogue, names in zip(catalogues, naming.scalars, strict=True):
        for name, stored in names.items():
            columns[stored] = _column_spec(catalogue, name)
    found = {name for row in rows for name in modalities_of(row, naming, wanted)}
    specs: dict[str, ModalitySpec] = {}
    image = ImageSpec(bands=tuple(bands), height=size, width=size, pixel_scale=1.0)
    if "image" in found:
        scale = _pixel_scale([probe for probe in probes if probe.kind != "hips"], bands)
        specs["image"] = image.replace(pixel_scale=scale)
    if "image_hips" in found:
        scale = _pixel_scale([probe for probe in probes if probe.kind == "hips"], bands)
        specs["image_hips"] = image.replace(pixel_scale=scale, unit=HIPS_UNIT)
    if "image_rgb" in found:
        specs["image_rgb"] = PictureSpec(height=size, width=size)
    specs |= {name: SpectrumSpec() for name in sorted(found) if name.startswith("spectrum")}
    if "table" in found:
        units = tuple(naming.features.values())
        specs["table"] = TableSpec(features=tuple(naming.features), units=units)
    return StoreSchema(modalities=specs, columns=columns), naming


def _column_spec(catalogue: Catalogue, name: str) -> ColumnSpec:
    field = catalogue.scalars.schema.field(name)
    kinds: dict[pa.DataType, ColumnType] = {
        pa.string(): "string",
        pa.int64(): "int64",
        pa.float64(): "float64",
        pa.bool_(): "bool",
    }
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    return ColumnSpec(type=kinds[field.type], unit=unit, description="from the catalogue")


def _pixel_scale(probes: Sequence[Probe], bands: str) -> float:
    """Pixel scale [arcsec] of the first image in the reference band, to 1e-3."""
    seen = [probe for probe in probes if probe.footprint is not None and probe.band in bands]
    reference = bands[reference_band(bands)]
    probe = next((probe for probe in seen if probe.band == reference), seen[0])
    if probe.footprint is None:
        raise ValueError(f"{probe.path} has no footprint")
    area = abs(float(np.linalg.det(probe.footprint.wcs.pixel_scale_matrix)))
    return round(np.sqrt(area) * 3600.0, 3)


def reference_band(bands: str) -> int:
    """Index of the band all others are aligned to: r, else the middle one."""
    return bands.index("r") if "r" in bands else len(bands) // 2
