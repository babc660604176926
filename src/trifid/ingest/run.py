"""Ingest: a folder of survey files, and catalogues of them, into a store.

    scan     list the files, sorted; say what each is from its headers (parallel)
    gather   rows from spectra, pictures, stamps; catalogues and frames joined to them
    plan     groups, schema, shards of one set of modalities each
    write    read every file once, write shards (parallel); rows with a bad file go on without it
    finish   skipped.parquet and the manifest

Killed at any moment, the same command goes on: it makes the same plan, keeps the shards that are
whole, and ends with the same bytes. Run again on a finished store it adds what is new.
"""

import functools
import json
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError, InputError, StoreError
from trifid.files import write_json
from trifid.ingest import sky_match
from trifid.ingest.origin import content_hash, is_simulated, surveys_in
from trifid.ingest.plan import gather, set_groups, shards
from trifid.ingest.rows import Row
from trifid.ingest.scan import Probe, probe, scan
from trifid.ingest.schema import Naming, check_modalities, make_schema, modalities_of
from trifid.ingest.shards import Job, Setting, Slice, write
from trifid.ingest.targets import target_columns
from trifid.ingest.workers import Workers
from trifid.progress import progress
from trifid.schema.block import Skipped
from trifid.schema.modality import StoreSchema
from trifid.store.manifest import MANIFEST, ShardEntry, shard_name
from trifid.store.read import Store
from trifid.store.write import StoreWriter
from trifid.surveys.catalogue import Catalogue, read_catalogue
from trifid.surveys.catalogue_files import is_catalogue
from trifid.surveys.catalogue_hats import is_hats
from trifid.version import __version__

_PLAN = "plan.json"
_PROBES = 256  # files of one job


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest did.

    Attributes:
        store: The store's folder.
        rows: Rows in the store.
        added: Rows written now; 0 where nothing was new.
        resumed: Shards of an interrupted ingest that were kept.
        skipped: What is not in the store, and why.
        notes: Columns of catalogues that were refused or left out.
    """

    store: Path
    rows: int
    added: int
    resumed: int
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Inputs:
    """What there is to ingest.

    Attributes:
        folder: Where the files lie.
        catalogues: Read; those joined by position only once they are.
        content: Hash of the files' names and sizes, the catalogues and the options.
        plan: The same with the times of the files: what an interrupted ingest must match.
        simulated: Whether any of it is simulated.
        surveys: Registered names of those whose files are in the store.
    """

    folder: Path
    catalogues: list[Catalogue]
    content: str
    plan: str
    simulated: bool = False
    surveys: tuple[str, ...] = ()


def ingest(
    folder: Path,
    out: Path,
    *,
    catalogs: Sequence[Path] = (),
    nearby: Sequence[Path] = (),
    radius: float = sky_match.RADIUS,
    bands: str = "ugriz",
    size: int = 64,
    modalities: Sequence[str] = (),
    spectra: str = "rows",
    workers: int = 1,
) -> IngestSummary:
    """Reads a folder of survey files into a store.

    Args:
        folder: The files, with all folders below; or one file, or a HATS catalogue.
        out: The store; an unfinished one is resumed, a finished one extended.
        catalogs: Catalogue files or folders, joined by plate-mjd-fibre, specobjid, objid or
            object_id.
        nearby: Catalogue files or folders of other surveys, joined by position; of a HATS catalogue
            only what lies near is read.
        radius: Largest separation [arcsec] of what is joined by position.
        bands: Bands of FITS images, in the order they are stored.
        size: Height and width [pixel] of stored images: cutouts are that many pixels wide,
            pictures are cut to their central square and resampled.
        modalities: Those to store; all by default.
        spectra: `rows`: every spectrum is a row; `modalities`: spectra of other surveys within
            1 arcsec of a row with an SDSS spectrum become `spectrum_SURVEY` of that row.
        workers: Processes that read and write.

    Raises:
        InputError: If folder or catalogue cannot be read, or there is nothing to store.
        ConfigError: If an option has an impossible value.
        StoreError: If the store cannot be written or extended.
    """
    wanted = check_modalities(modalities)
    _check_options(bands, size, spectra, workers)
    folder, catalogs, only = _as_folder(folder, catalogs)
    catalogues = [read_catalogue(path, target_columns()) for path in catalogs]
    others = sky_match.read_nearby(nearby, radius)
    found, skipped = scan(folder, ignore=[*catalogs, *nearby, out], only=only)
    options: dict[str, object] = {"bands": bands, "size": size, "modalities": wanted}
    if spectra != "rows":
        options["spectra"] = spectra
    if others:
        options["radius"] = radius
    inputs = _Inputs(
        folder,
        catalogues,
        content=content_hash(found, [*catalogues, *others], options, with_times=False),
        plan=content_hash(found, [*catalogues, *others], options, with_times=True),
    )
    held = Store.open(out) if (out / MANIFEST).exists() else None
    if held is not None and held.manifest.provenance.get("inputs") == inputs.content:
        (out / _PLAN).unlink(missing_ok=True)  # left by a kill after the last byte
        return IngestSummary(out, len(held), 0, 0, _listed(held))
    with Workers(workers) as pool:
        probes, failed = _probe_all(folder, [file.path for file in found], pool)
        del found
        gathered = gather(probes, catalogues, bands, together=spectra == "modalities")
        skipped += [*failed, *gathered.skipped]
        if not gathered.rows:
            raise InputError(_nothing(folder, skipped))
        catalogues += sky_match.join(gathered, others, radius)
        inputs = replace(
            inputs,
            simulated=is_simulated(folder, probes, held),
            surveys=surveys_in(gathered.rows.values(), held),
        )
        images = [found for found in probes if found.footprint is not None]
        del probes
        rows = list(gathered.rows.values())
        del gathered
        schema, naming = make_schema(
            rows, images, catalogues, bands=bands, size=size, wanted=wanted
        )
        if held is not None:
            schema = _fit_into(held.schema, schema)
        repeated = _keep_new(rows, held)
        setting = Setting(folder, out, schema, naming)
        added, resumed, skipped = _write(inputs, rows, [*skipped, *repeated], setting, wanted, pool)
        notes = tuple(note for catalogue in catalogues for note in catalogue.notes)
        total = added + len(held or ())
        return IngestSummary(out, total, added, resumed, tuple(skipped), notes)


def _check_options(bands: str, size: int, spectra: str, workers: int) -> None:
    if not bands or len(set(bands)) != len(bands) or not set(bands) <= set("ugriz"):
        raise ConfigError(f"bands {bands!r:.40}; expected some of ugriz, each once, such as gri")
    if not 2 <= size <= 4096:
        raise ConfigError(f"size {size}; expected 2 to 4096 pixels")
    if spectra not in ("rows", "modalities"):
        raise ConfigError(f"spectra {spectra!r:.40}; expected rows or modalities")
    if not 1 <= workers <= 1024:
        raise ConfigError(f"workers {workers}; expected 1 or more")


def _as_folder(folder: Path, catalogs: Sequence[Path]) -> tuple[Path, list[Path], str | None]:
    """A folder, catalogues and the one file to take; a single file stands for its folder."""
    if not folder.exists():
        raise InputError(f"{folder} does not exist: expected a folder of survey files")
    if is_hats(folder):
        return folder.parent, [folder, *catalogs], ""
    if not folder.is_file():
        return folder, list(catalogs), None
    found = probe(folder.parent, folder.name) if is_catalogue(folder) else []
    if found and not any(isinstance(part, Probe) for part in found):
        return folder.parent, [folder, *catalogs], ""
    return folder.parent, list(catalogs), folder.name


def _probe_many(folder: Path, paths: Sequence[str]) -> list[list[Probe | Skipped]]:
    return [probe(folder, path) for path in paths]


def _probe_all(
    folder: Path, paths: Sequence[str], pool: Workers
) -> tuple[list[Probe], list[Skipped]]:
    chunks = [paths[i : i + _PROBES] for i in range(0, len(paths), _PROBES)]
    results: list[Probe | Skipped] = []
    function = functools.partial(_probe_many, folder)
    with progress("looking at files", len(paths), unit="files") as advance:
        for part in pool.each(function, chunks):
            results += chain.from_iterable(part)
            advance(len(part))
    probes = sorted((r for r in results if isinstance(r, Probe)), key=lambda p: p.path)
    return probes, [r for r in results if isinstance(r, Skipped)]


def _keep_new(rows: list[Row], held: Store | None) -> list[Skipped]:
    """Keeps the rows that are not in the store yet, with groups, sorted; lists files of others."""
    if held is None:
        set_groups(rows)
        return []
    names = ["object_id", "group", "ra", "dec", "source_path"]
    names += ["bestobjid"] if "bestobjid" in held.schema.columns else []
    table = held.columns(*names).to_pylist()
    known = [
        Row(r["object_id"], r.get("bestobjid"), r["ra"], r["dec"], group=r["group"]) for r in table
    ]
    sources = {r["object_id"]: set(r["source_path"]) for r in table}
    repeated = [
        Skipped(path, f"duplicate: the store holds {row.object_id} already", row.object_id)
        for row in rows
        if row.object_id in sources
        for path in row.files
        if path not in sources[row.object_id]
    ]
    rows[:] = [row for row in rows if row.object_id not in sources]
    set_groups(rows, known)
    return repeated


def _nothing(folder: Path, skipped: Sequence[Skipped]) -> str:
    found = f"{folder}: nothing to store"
    if not skipped:
        files = "spec-*.fits, coadd-*.fits, frame-*.fits, FITS stamps, pictures"
        return f"{found}: expected {files}, or a catalogue with numbers beside keys and positions"
    first = min(skipped, key=lambda item: "--catalog" not in item.reason)  # says what to do
    more = f" (and {len(skipped) - 1} more)" if len(skipped) > 1 else ""
    return f"{found}: {first.file}: {first.reason}{more}"


def _fit_into(held: StoreSchema, new: StoreSchema) -> StoreSchema:
    """The store's own schema where it has room for the new rows; else theirs, to be refused."""
    same = all(held.modalities.get(name) == spec for name, spec in new.modalities.items())
    same &= all(held.columns.get(name) == spec for name, spec in new.columns.items())
    return held if same else new


def _write(
    inputs: _Inputs,
    rows: list[Row],
    skipped: Sequence[Skipped],
    setting: Setting,
    wanted: Collection[str],
    pool: Workers,
) -> tuple[int, int, list[Skipped]]:
    """Writes all shards, in rounds: rows that lost a file come again without it.

    Returns:
        Rows added, shards that were kept from an interrupted ingest, what is not in the store.
    """
    out, skipped = setting.out, list(skipped)
    added = resumed = 0
    extend = (out / MANIFEST).exists()
    chosen = _modalities(rows, setting.naming, wanted)
    if not extend and not any(chosen.values()):
        raise InputError(_nothing(inputs.folder, [*skipped, *_unwanted(rows, chosen)]))
    with (
        StoreWriter(out, setting.schema, provenance=_provenance(inputs), extend=extend) as writer,
        progress("ingest", len(rows)) as advance,
    ):
        kept = _resumable(writer, inputs.plan)
        number = writer.next_number
        while rows:
            skipped += _unwanted(rows, chosen)
            plan = shards([row for row in rows if chosen[row.object_id]], chosen, setting.schema)
            jobs = _jobs(plan, chosen, inputs.catalogues, number, kept)
            failed: list[Skipped] = []
            for done in pool.each(functools.partial(write, setting=setting), jobs):
                failed += done.failed
                if done.entry is not None:
                    writer.add(done.entry)
                    added += done.entry.rows
                    resumed += done.entry == kept.get(done.number)
                    advance(done.entry.rows)
            number += len(plan)
            skipped += failed
            rows = _without(rows, failed)
            chosen = _modalities(rows, setting.naming, wanted)
        if not added and not extend:
            raise InputError(_nothing(inputs.folder, skipped))
        writer.finish(skipped)
    (out / _PLAN).unlink(missing_ok=True)
    return added, resumed, skipped


def _provenance(inputs: _Inputs) -> dict[str, str]:
    return {
        "made_by": f"trifid {__version__} ingest",
        "inputs": inputs.content,
        "catalogues": json.dumps({c.path.name: c.sha256 for c in inputs.catalogues}),
        "surveys": ",".join(inputs.surveys),
        "sky_matches": json.dumps(sky_match.told(inputs.catalogues)),
    } | ({"simulated": "true"} if inputs.simulated else {})


def _modalities(
    rows: Sequence[Row], naming: Naming, wanted: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The modalities of each row by object_id; equal ones are one object in memory."""
    once: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = ((row.object_id, modalities_of(row, naming, wanted)) for row in rows)
    return {object_id: once.setdefault(names, names) for object_id, names in found}


def _unwanted(rows: Sequence[Row], chosen: Mapping[str, tuple[str, ...]]) -> list[Skipped]:
    why = "none of its modalities was asked for"
    return [
        Skipped(path, why, row.object_id)
        for row in rows
        if not chosen[row.object_id]
        for path in row.files
    ]


def _resumable(writer: StoreWriter, plan: str) -> dict[int, ShardEntry]:
    """Shards of an interrupted ingest of the same plan; those of another plan are removed."""
    path = writer.folder / _PLAN
    try:
        same = json.loads(path.read_text(encoding="utf-8")) == {"plan": plan}
    except (OSError, ValueError):
        same = False
    kept = writer.shards_on_disk()
    if not same:
        for number in kept:
            (writer.folder / shard_name(number)).unlink()
        try:
            write_json(path, {"plan": plan})
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from None
        return {}
    return kept


def _jobs(
    plan: Sequence[Sequence[Row]],
    modalities: Mapping[str, tuple[str, ...]],
    catalogues: Sequence[Catalogue],
    number: int,
    kept: Mapping[int, ShardEntry],
) -> Generator[Job]:
    for offset, rows in enumerate(plan):
        slices = tuple(_slice(c, i, rows) for i, c in enumerate(catalogues))
        names, held = modalities[rows[0].object_id], kept.get(number + offset)
        yield Job(number + offset, rows, names, slices, held)


def _slice(catalogue: Catalogue, index: int, rows: Sequence[Row]) -> Slice:
    pairs = [
        (place, row.catalogue[index])
        for place, row in enumerate(rows)
        if row.catalogue and row.catalogue[index] is not None
    ]
    numbers = np.array([number for _, number in pairs], np.int64)
    part = catalogue.scalars.take(pa.array(numbers)).combine_chunks()
    empty = pa.RecordBatch.from_pylist([], schema=part.schema)
    return Slice(
        name=catalogue.path.name,
        sha256=catalogue.sha256,
        places=[place for place, _ in pairs],
        scalars=[*part.to_batches(), empty][0],
        values=catalogue.values[numbers],
        valid=catalogue.valid[numbers],
    )


def _without(rows: Sequence[Row], failed: Sequence[Skipped]) -> list[Row]:
    """Rows that lost a file but have another, without it."""
    bad = {item.object_id: item.file for item in failed}
    left = [row.without(bad[row.object_id]) for row in rows if row.object_id in bad]
    return [row for row in left if row.files]


def _listed(store: Store) -> tuple[Skipped, ...]:
    return tuple(
        Skipped(r["file"], r["reason"], r["object_id"]) for r in store.skipped().to_pylist()
    )
