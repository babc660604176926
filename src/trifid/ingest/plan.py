"""The plan of an ingest: rows -> files -> shard number, sorted, before anything is read in full.

A shard's bytes depend on the plan and the files alone, not on workers, order of work or kills.
All rows of a shard have the same modalities; rows of one frame stay together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from trifid.ingest.groups import group_names
from trifid.ingest.rows import Row, Rows, Source
from trifid.ingest.scan import Probe
from trifid.ingest.spectra import join_spectra
from trifid.schema.modality import StoreSchema
from trifid.surveys.catalogue import Catalogue

MAX_ROWS, MAX_BYTES = 1024, 64 * 2**20  # of a shard
MAX_SEPARATION = 60.0  # [arcsec] between a row and its catalogue row; centres of galaxies differ


def gather(
    probes: Sequence[Probe],
    catalogues: Sequence[Catalogue],
    bands: str,
    *,
    together: bool = False,
) -> Rows:
    """Makes rows of what the files hold and joins pictures, catalogues and images to them.

    Args:
        probes: What the files hold.
        catalogues: Read.
        bands: Of FITS images, in order.
        together: Spectra that several surveys took of an object become modalities of one row.
    """
    rows = Rows(catalogues)
    kinds = ("spectrum", "picture", "hips", "stamp", "frame")
    by_kind: dict[str, list[Probe]] = {kind: [] for kind in kinds}
    for probe in probes:
        by_kind[probe.kind].append(probe)
    for probe in by_kind["spectrum"]:
        who = probe.identity
        if who is not None:
            source = Source("spectrum", probe.survey, probe.path, who.index, who.object_id)
            row = Row(who.object_id, who.bestobjid, who.ra, who.dec, spectra=(source,))
            rows.add(row, probe.path)
    if together:
        join_spectra(rows, by_kind["spectrum"])
    _add_pictures(rows, by_kind["picture"])
    _add_hips(rows, by_kind["hips"], bands)
    _add_stamps(rows, by_kind["stamp"], bands)
    _join_catalogues(rows, by_kind["frame"], bands, tables_only=not probes)
    return rows


def _add_pictures(rows: Rows, probes: Sequence[Probe]) -> None:
    objids = rows.by_objid()
    taken: dict[str, str] = {}
    for probe in probes:
        objid = probe.key if probe.key.isdigit() else None
        if probe.key in taken:
            why = f"duplicate: the picture of {probe.key} is read from {taken[probe.key]}"
            rows.skip(probe.path, why)
            continue
        taken[probe.key] = probe.path
        for object_id in objids.get(probe.key, ()):
            rows.change(object_id, picture=probe.path)
        if probe.key not in objids:
            name = f"objid-{objid}" if objid else f"file-{_printable(probe.key)}"
            rows.add(Row(name, objid, picture=probe.path), probe.path)


def _add_hips(rows: Rows, probes: Sequence[Probe], bands: str) -> None:
    """Joins images of an image service by objid; the centre is the position of a row without."""
    objids = rows.by_objid()
    for objid, images, used in _by_key(rows, probes, bands):
        reference = next(probe for probe in used if probe is not None)
        ra, dec = _center(reference)
        for object_id in objids.get(objid, ()):
            known = rows.rows[object_id].ra is not None
            rows.change(object_id, hips=images, **({} if known else {"ra": ra, "dec": dec}))
        if objid not in objids:
            rows.add(Row(f"objid-{objid}", objid, ra, dec, hips=images), reference.path)


def _add_stamps(rows: Rows, probes: Sequence[Probe], bands: str) -> None:
    for key, images, used in _by_key(rows, probes, bands):
        reference = next(probe for probe in used if probe is not None)
        ra, dec = _center(reference)
        rows.add(Row(f"file-{_printable(key)}", None, ra, dec, images=images), reference.path)


def _by_key(
    rows: Rows, probes: Sequence[Probe], bands: str
) -> list[tuple[str, tuple[str | None, ...], list[Probe | None]]]:
    """FITS images by piece of sky: the file of each band; a second one of a band is left out."""
    grouped: dict[str, dict[str, Probe]] = {}
    for probe in sorted(probes, key=lambda probe: (len(probe.path), probe.path)):
        if probe.band not in bands:
            rows.skip(probe.path, f"band {probe.band} is not among the bands {bands}")
            continue
        held = grouped.setdefault(probe.key, {}).setdefault(probe.band, probe)
        if held is not probe:
            why = "a second image of the same sky and band: the shorter file name is used"
            rows.skip(probe.path, why)
    found: list[tuple[str, tuple[str | None, ...], list[Probe | None]]] = []
    for key in sorted(grouped):
        used = [grouped[key].get(band) for band in bands]
        found.append((key, tuple(None if p is None else p.path for p in used), used))
    return found


def _center(probe: Probe) -> tuple[float, float]:
    footprint = probe.footprint
    if footprint is None:
        raise ValueError(f"{probe.path} has no footprint")
    height, width = footprint.shape
    ra, dec = footprint.wcs.all_pix2world((width - 1) / 2, (height - 1) / 2, 0)
    return float(ra), float(dec)


def _join_catalogues(rows: Rows, frames: Sequence[Probe], bands: str, *, tables_only: bool) -> None:
    """Joins catalogue rows to rows of files; what is left becomes rows of frames or is listed."""
    count = len(rows.catalogues)
    loose: list[Row] = []
    loose_by_id: dict[str, int] = {}
    objids = rows.by_objid()
    for index, catalogue in enumerate(rows.catalogues):
        for note in catalogue.notes:
            rows.skip(catalogue.path.name, note.removeprefix(f"{catalogue.path.name}: "))
        for number in range(len(catalogue)):
            places = _targets(rows, catalogue, number, objids)
            if places:
                for object_id in places:
                    _attach(rows, object_id, index, number, count)
                continue
            name = _own_name(catalogue, number)
            if name is None:
                rows.skip(catalogue.path.name, f"row {number + 1} has no key and no position")
                continue
            if name in loose_by_id:
                row = loose[loose_by_id[name]]
                if row.catalogue[index] is not None:
                    _repeated(rows, catalogue, number, name)
                else:
                    loose[loose_by_id[name]] = _with_catalogue(row, index, number, count)
                continue
            loose_by_id[name] = len(loose)
            ra, dec = float(catalogue.ra[number]), float(catalogue.dec[number])
            known = not math.isnan(ra)
            row = Row(name, catalogue.objids[number], ra if known else None, dec if known else None)
            loose.append(_with_catalogue(row, index, number, count))
    _fill_positions(rows)
    on_frames = _cut_from_frames(rows, loose, frames, bands)
    for row in loose:
        if tables_only or row.object_id in on_frames:
            rows.rows[row.object_id] = on_frames.get(row.object_id, row)
        else:
            index = next(i for i, number in enumerate(row.catalogue) if number is not None)
            rows.skip(rows.catalogues[index].path.name, "no file of this object", row.object_id)


def _targets(
    rows: Rows, catalogue: Catalogue, number: int, objids: Mapping[str, list[str]]
) -> list[str]:
    for name in (catalogue.names[number], catalogue.spectrum_ids[number]):
        if name is not None and name in rows.rows:
            return [name]
    objid = catalogue.objids[number]
    return objids.get(objid, []) if objid is not None else []


def _own_name(catalogue: Catalogue, number: int) -> str | None:
    objid = catalogue.objids[number]
    name = catalogue.names[number] or catalogue.spectrum_ids[number]
    if name is None and objid is not None:
        name = f"objid-{objid}"
    if name is None and not math.isnan(catalogue.ra[number]):
        name = f"pos-{catalogue.ra[number]:.6f}{catalogue.dec[number]:+.6f}"
    return name


def _attach(rows: Rows, object_id: str, index: int, number: int, count: int) -> None:
    row, catalogue = rows.rows[object_id], rows.catalogues[index]
    apart = _separation(row, catalogue, number)
    if row.catalogue and row.catalogue[index] is not None:
        _repeated(rows, catalogue, number, object_id)
    elif apart > MAX_SEPARATION:
        why = f"row {number + 1} has this key but lies {apart:.0f} arcsec away: not joined"
        rows.skip(catalogue.path.name, why, object_id)
    else:
        rows.rows[object_id] = _with_catalogue(row, index, number, count)


def _separation(row: Row, catalogue: Catalogue, number: int) -> float:
    """Angle [arcsec] between a row and that of a catalogue; 0 where one has no position."""
    ra, dec = float(catalogue.ra[number]), float(catalogue.dec[number])
    if row.ra is None or row.dec is None or math.isnan(ra):
        return 0.0
    east = math.radians((row.ra - ra + 180.0) % 360.0 - 180.0) / 2
    north = math.radians(row.dec - dec) / 2
    product = math.cos(math.radians(dec)) * math.cos(math.radians(row.dec))
    chord = math.sqrt(math.sin(north) ** 2 + product * math.sin(east) ** 2)
    return math.degrees(2 * math.asin(min(chord, 1.0))) * 3600.0


def _repeated(rows: Rows, catalogue: Catalogue, number: int, object_id: str) -> None:
    rows.skip(catalogue.path.name, f"duplicate: row {number + 1} repeats the key", object_id)


def _with_catalogue(row: Row, index: int, number: int, count: int) -> Row:
    numbers = list(row.catalogue or (None,) * count)
    numbers[index] = number
    return replace(row, catalogue=tuple(numbers))


def _fill_positions(rows: Rows) -> None:
    """Gives rows without a position that of their catalogue row, and the objid likewise."""
    for row in list(rows.rows.values()):
        for catalogue, number in zip(rows.catalogues, row.catalogue, strict=False):
            if number is None:
                continue
            ra, dec = float(catalogue.ra[number]), float(catalogue.dec[number])
            if row.ra is None and not math.isnan(ra):
                row = replace(row, ra=ra, dec=dec)
            row = replace(row, bestobjid=row.bestobjid or catalogue.objids[number])
        rows.rows[row.object_id] = row


def _cut_from_frames(
    rows: Rows, loose: Sequence[Row], frames: Sequence[Probe], bands: str
) -> dict[str, Row]:
    """Gives every row whose position lies on a frame its images; returns the loose ones."""
    targets = [
        row for row in (*rows.rows.values(), *loose) if row.ra is not None and not row.images
    ]
    ra = np.array([row.ra for row in targets], float)
    dec = np.array([row.dec for row in targets], float)
    best = np.zeros(len(targets))
    chosen: dict[int, tuple[str | None, ...]] = {}
    for _, images, used in _by_key(rows, frames, bands):
        footprints = [probe.footprint for probe in used if probe is not None]
        depth = footprints[0].depth(ra, dec) if footprints[0] is not None else best
        for place in np.flatnonzero(depth > best).tolist():
            chosen[place] = images
        if not (depth > 0).any():
            why = "no object lies on this frame: give positions with --catalog FILE (ra, dec)"
            for path in images:
                if path is not None:
                    rows.skip(path, why)
        best = np.maximum(best, depth)
    cut = {targets[place].object_id: images for place, images in chosen.items()}
    for object_id in cut.keys() & rows.rows.keys():
        rows.change(object_id, images=cut[object_id])
    return {
        row.object_id: replace(row, images=cut[row.object_id])
        for row in loose
        if row.object_id in cut
    }


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:200]


def set_groups(rows: list[Row], held: Sequence[Row] = ()) -> None:
    """Gives rows their groups and sorts them, in place: there may be a million.

    Args:
        rows: To be changed.
        held: Those of a store that is being extended.
    """
    every = [*held, *rows]
    names = group_names(
        [row.object_id for row in every],
        [row.bestobjid for row in every],
        np.array([math.nan if row.ra is None else row.ra for row in every]),
        np.array([math.nan if row.dec is None else row.dec for row in every]),
        {place: row.group for place, row in enumerate(held)},
    )
    del every
    for place, name in enumerate(names[len(held) :]):
        rows[place] = replace(rows[place], group=name)
    rows.sort(key=_order)


def _order(row: Row) -> tuple[tuple[str, ...], str, str]:
    """Rows of one frame and of one file of many spectra follow each other."""
    shared = next((source.path for source in row.spectra if source.index is not None), "")
    return tuple(sorted(filter(None, row.images))), shared, row.object_id


def shards(
    rows: Sequence[Row], modalities: Mapping[str, tuple[str, ...]], schema: StoreSchema
) -> list[list[Row]]:
    """Cuts sorted rows into shards of one set of modalities each.

    Args:
        rows: In their order.
        modalities: Those of each row, by object_id.
        schema: Says how large a row is.
    """
    sets: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        sets.setdefault(modalities[row.object_id], []).append(row)
    cut: list[list[Row]] = []
    for names in sorted(sets):
        size = sum(
            dtype.itemsize * math.prod(shape)
            for name in names
            for dtype, shape in schema.modalities[name].fields().values()
        )
        count = max(1, min(MAX_ROWS, MAX_BYTES // max(size, 1)))
        cut += [sets[names][i : i + count] for i in range(0, len(sets[names]), count)]
    return cut
