"""Simulated observations as SDSS publishes them: spec files, FITS images, pictures, a catalogue.

    spectra/PLATE/spec-PLATE-MJD-FIBER.fits   COADD, SPECOBJ (SDSS-I/II) or SPALL (BOSS), SPZLINE
    images/PLATE/cutout-OBJID-BAND.fits       one band around one object, with WCS [nanomaggy]
    pictures/PLATE/OBJID.jpeg                 colour picture, where asked for
    catalogue.fits                            photometry and labels of each spectrum
    truth.fits                                what is true of each; not for `--catalog`

`trifid ingest DIR --catalog DIR/catalogue.fits` gives the store that `--as store` writes, to the
precision of the formats. Rows without a table are not in the catalogue, which would give them one,
and so lose their labels. Files are written whole. A plate that is done has its part of the
catalogue; run again, the command makes only the plates that lack it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from PIL import Image

from trifid.errors import ConfigError, RunError, StoreError
from trifid.files import write_json, written_whole
from trifid.physics import photometry
from trifid.progress import progress
from trifid.schema.block import Block
from trifid.simulate import camera, gaps, plates, spec_file
from trifid.simulate.instruments import INSTRUMENTS
from trifid.surveys.base import ABOUT_SIMULATION

if TYPE_CHECKING:
    from trifid.simulate.run import Job

_KEYS = ("plate", "mjd", "fiber", "bestobjid", "ra", "dec")
_FILE_COLUMNS = {"object_id", "group", "source_path", "source_sha256", "run2d", "instrument"}
_OWN_ROW = {
    "class",
    "subclass",
    "redshift",
    "redshift_error",
    "zwarning",
    "sn_median",
}  # in the spec file's own row
_NAMES = {"fiber": "fiberid", "bestobjid": "objid"}  # of the survey, where ours differ
_QUALITY = 95  # of JPEG


def write_all(jobs: list["Job"], provenance: dict[str, str], workers: int) -> None:
    """Writes the files of all plates, then joins the parts of the catalogue.

    Raises:
        ConfigError: If the instrument has no SDSS format.
        StoreError: If the folder holds other simulated files, or cannot be written.
    """
    from trifid.simulate.run import spread

    first = jobs[0]
    if INSTRUMENTS[first.options.instrument].survey != "sdss":
        raise ConfigError(
            f"instrument {first.options.instrument} has no SDSS format; use sdss or boss, or "
            "--as store"
        )
    out = first.out
    try:
        _begin(out, provenance)
        todo = [job for job in jobs if not _part(out, job.plate).is_file()]
        if not todo and (out / "catalogue.fits").is_file():
            return
        with progress("simulate", sum(job.rows for job in jobs)) as advance:
            for rows in spread(write_plate, todo, workers):
                advance(rows)
        for name in ("catalogue", "truth"):
            _join(out, name, len(jobs))
        for job in jobs:
            _part(out, job.plate).unlink()
            _part(out, job.plate, "truth").unlink()
        (out / "parts").rmdir()
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from None


def _begin(out: Path, provenance: dict[str, str]) -> None:
    """Makes the folder, or finds it begun by the same command."""
    about = out / ABOUT_SIMULATION
    if about.is_file():
        if json.loads(about.read_text(encoding="utf-8")) != provenance:
            raise StoreError(
                f"{out} holds files of another simulation ({ABOUT_SIMULATION}): give another folder"
            )
        if (out / "catalogue.fits").is_file() and not (out / "parts").is_dir():
            raise StoreError(f"{out} already holds a finished simulation: give another folder")
    elif out.is_dir() and any(out.iterdir()):
        raise StoreError(f"{out} is not empty: give another folder")
    (out / "parts").mkdir(parents=True, exist_ok=True)
    write_json(about, provenance)


def _part(out: Path, plate: int, name: str = "catalogue") -> Path:
    return out / "parts" / f"{name}-{plate:05d}.fits"


def write_plate(job: "Job") -> int:
    """Writes the files of a plate, its part of the catalogue last; gives its rows."""
    from trifid.simulate.run import sky_task

    task, options = sky_task(job.task), job.options
    block = plates.simulate_plate(task, options, job.seed, job.plate, job.rows, job.size)
    missing = plates.streams(job.seed, job.plate)["missing"]
    pieces = gaps.split_by_pattern(missing, block, options)
    features = [name for name, _ in task.table]
    for piece in pieces:
        if piece is not None:
            _write_rows(job, piece, features)
    os.sync()  # all files are on disk before the part says so
    _write_table(_part(job.out, job.plate, "truth"), _truth_table(block))
    listed = gaps.without_missing(block, pieces, "table")
    _write_table(_part(job.out, job.plate), _catalogue(listed, task.table, task.columns))
    return job.rows


def _write_rows(job: "Job", block: Block, features: list[str]) -> None:
    instrument = INSTRUMENTS[job.options.instrument]
    plate = f"{block.columns['plate'][0]:04d}"
    folders = {name: job.out / name / plate for name in ("spectra", "images", "pictures")}
    kinds = {"spectra": "spectrum", "images": "image", "pictures": "image_rgb"}
    for name, folder in folders.items():
        if kinds[name] in block.inputs:
            folder.mkdir(parents=True, exist_ok=True)
    for row in range(len(block)):
        columns = {name: values[row] for name, values in block.columns.items()}
        if "spectrum" in block.inputs:
            numbers = dict(zip(features, block.inputs["table"]["values"][row].tolist(), strict=True)
                           ) if "table" in block.inputs else {}  # fmt: skip
            spectrum = {name: array[row] for name, array in block.inputs["spectrum"].items()}
            name = f"spec-{plate}-{columns['mjd']:05d}-{columns['fiber']:04d}.fits"
            _renamed(
                folders["spectra"] / name,
                spec_file.spec_file(columns, spectrum, numbers, instrument),
            )
        if "image" in block.inputs:
            _write_image(folders["images"], columns, block.inputs["image"]["flux"][row])
        if "image_rgb" in block.inputs:
            path = folders["pictures"] / f"{columns['bestobjid']}.jpeg"
            _write_picture(path, block.inputs["image_rgb"]["pixels"][row])


def _write_image(folder: Path, columns: Mapping[str, Any], flux: np.ndarray) -> None:
    """One FITS file a band; the object's catalogue position is the exact centre."""
    size = flux.shape[-1]
    for index, band in enumerate(photometry.SDSS_BANDS):
        header = fits.Header()
        header["BUNIT"], header["FILTER"] = "nanomaggy", band.name
        for axis, kind, place in ((1, "RA---TAN", "ra"), (2, "DEC--TAN", "dec")):
            header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, "deg"
            header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = columns[place], (size + 1) / 2
        header["CD1_1"], header["CD2_2"] = -camera.PIXEL / 3600.0, camera.PIXEL / 3600.0
        header["CD1_2"], header["CD2_1"] = 0.0, 0.0
        header["RADESYS"], header["EQUINOX"] = "ICRS", 2000.0
        # east is left in the file; rows of a store are x to the right as they come
        path = folder / f"cutout-{columns['bestobjid']}-{band.name}.fits"
        _renamed(path, fits.HDUList([fits.PrimaryHDU(flux[index], header)]))


def _renamed(path: Path, document: fits.HDUList) -> None:
    """Writes a FITS file under another name and renames it; `os.sync` comes once a plate."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        document.writeto(temporary, overwrite=True, output_verify="exception")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_picture(path: Path, pixels: np.ndarray) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(pixels).save(temporary, format="JPEG", quality=_QUALITY, subsampling=0)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _catalogue(
    block: Block, features: tuple[tuple[str, str], ...], extra: Mapping[str, Any]
) -> dict[str, tuple[str, Any]]:
    """Unit and values of each column of the photometric catalogue, in its order."""
    table: dict[str, tuple[str, Any]] = {
        _NAMES.get(name, name): ("", block.columns[name]) for name in _KEYS
    }
    known = {name for name, _ in features}
    for name in extra:
        if name not in known and name not in _FILE_COLUMNS | _OWN_ROW:
            table[name] = ("", block.columns[name])
    values, valid = (block.inputs["table"][key] for key in ("values", "valid"))
    for index, (name, unit) in enumerate(features):
        column = np.where(valid[:, index] > 0, values[:, index], np.nan).astype(np.float32)
        table[name] = (unit, column)
    return table


def _truth_table(block: Block) -> dict[str, tuple[str, Any]]:
    names = [name for name in block.columns if name.startswith("truth_")]
    return {name: ("", block.columns[name]) for name in ("object_id", *names)}


def _write_table(path: Path, columns: Mapping[str, tuple[str, Any]]) -> None:
    with written_whole(path) as temporary:
        made = [_column(name, unit, values) for name, (unit, values) in columns.items()]
        fits.BinTableHDU.from_columns(made).writeto(temporary, overwrite=True)


def _column(name: str, unit: str, values: Any) -> fits.Column:
    known = [value for value in values if value is not None]
    if known and isinstance(known[0], str):
        array = np.array(["" if value is None else value for value in values])
        return fits.Column(name, f"{max(array.dtype.itemsize // 4, 1)}A", unit=unit, array=array)
    if known and isinstance(known[0], bool | int):
        array = np.array([-1 if value is None else value for value in values], dtype=np.int64)
        return fits.Column(name, "K", unit=unit, array=array)
    array = np.array([np.nan if value is None else value for value in values])
    return fits.Column(name, "E" if array.dtype == np.float32 else "D", unit=unit, array=array)


def _join(out: Path, name: str, count: int) -> None:
    """Joins the parts of all plates; the longest text of any part sets a column's width."""
    parts: list[Any] = [fits.getdata(_part(out, plate, name)) for plate in range(count)]
    units = fits.getheader(_part(out, 0, name), 1)
    columns: dict[str, tuple[str, Any]] = {}
    for index, column in enumerate(parts[0].names):
        pieces = [np.asarray(part[column]) for part in parts]
        kinds = {piece.dtype.kind for piece in pieces}
        if kinds - {"U", "S"} and kinds & {"U", "S"}:  # a plate where all are null
            pieces = [p if p.dtype.kind in "US" else np.full(p.size, "") for p in pieces]
        merged = np.concatenate(pieces)
        if merged.dtype.kind not in "US":
            merged = merged.astype(merged.dtype.newbyteorder("="))
        columns[column] = (str(units.get(f"TUNIT{index + 1}", "")),
                           merged if merged.dtype == np.float32 else merged.tolist())  # fmt: skip
    if not columns:
        raise RunError(f"{out}: the parts of the {name} are empty")
    _write_table(out / f"{name}.fits", columns)
