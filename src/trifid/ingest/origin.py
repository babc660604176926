"""Where the rows of a store come from: which files, which surveys, measured or simulated."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from trifid.ingest.rows import Row
from trifid.ingest.scan import Found, Probe
from trifid.store.read import Store
from trifid.surveys.base import ABOUT_SIMULATION
from trifid.surveys.catalogue import Catalogue
from trifid.surveys.catalogue_hats import Hats
from trifid.version import __version__


def content_hash(
    found: Sequence[Found],
    catalogues: Sequence[Catalogue | Hats],
    options: Mapping[str, object],
    *,
    with_times: bool,
) -> str:
    """A hash of the files' names and sizes, the catalogues and the options; of times if asked."""
    digest = hashlib.sha256()
    entries = [[c.path.name, c.sha256] for c in catalogues]
    digest.update(json.dumps([entries, options, __version__]).encode())
    for file in found:
        entry = [file.path, file.size, file.mtime_ns if with_times else 0]
        digest.update(json.dumps(entry).encode())
    return digest.hexdigest()


def is_simulated(folder: Path, probes: Sequence[Probe], held: Store | None) -> bool:
    """Whether the folder, a spectrum in it or the store that is extended says it is simulated."""
    return (
        (folder / ABOUT_SIMULATION).is_file()
        or (held is not None and held.manifest.provenance.get("simulated") == "true")
        or any(found.identity is not None and found.identity.simulated for found in probes)
    )


def surveys_in(rows: Iterable[Row], held: Store | None) -> tuple[str, ...]:
    """The surveys of the rows' files, and those of the store that is extended."""
    known = held.manifest.provenance.get("surveys", "") if held is not None else ""
    found = {name for name in known.split(",") if name}
    for row in rows:
        found |= {source.survey for source in row.spectra}
        if row.images or row.hips or row.picture:
            found.add("sdss")
    return tuple(sorted(found))
