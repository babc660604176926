"""A small simulated survey, a server of it, and fetches that do not wait."""

import runpy
import threading
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from trifid.fetch.lists import Listed, ObjectList
from trifid.fetch.polite import Politeness
from trifid.fetch.rows import Wanted, gather, schema_of
from trifid.fetch.survey import Fetch, Places, fetch
from trifid.simulate.sky_archive import SkyArchive
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import QueryOptions
from trifid.surveys.sdss_selections import SELECTIONS

SKY = runpy.run_path(str(Path(__file__).resolve().parents[2] / "sky_files.py"))
NOTHING = ObjectList()
QUICK = Politeness(
    attempts=12, back_off=0.002, back_off_max=0.02, read_timeout=0.5, query_pause=0.0
)


@pytest.fixture(scope="session")
def sky(tmp_path_factory):
    return SKY["write_sky"](tmp_path_factory.mktemp("sky"), objects=8)


@pytest.fixture(scope="session")
def archive(sky):
    return SkyArchive(sky)


@pytest.fixture
def stop():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="session")
def helpers():
    """Requests for the small survey, and what a folder holds."""

    def wanted(task="galaxy4", release="dr17", limit=None, listed=NOTHING, **options):
        chosen = QueryOptions(**options)
        return Wanted(SELECTIONS[task], RELEASES[release], chosen, limit, listed)

    def run(server, out, *, told=None, **changes):
        places = Places(server.sas, server.url, server.hips)
        fields = {"wanted": wanted(), "manners": QUICK, "record_places": False} | changes
        request = Fetch(out=out, places=places, **fields)
        return fetch(request, (told if told is not None else []).append)

    def table(wanted, ask, folder):
        """All rows as one table."""
        pages = [*gather(wanted, ask, folder), schema_of(wanted).empty_table()]
        return pa.concat_tables(pages).combine_chunks()

    def content(out):
        """Bytes of every file by its path, but those that a stop may leave."""
        return {
            str(path.relative_to(out)): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def listed(*rows, radius=2.0):
        """A list of what is named: keys of spectra, objids, or positions."""
        kinds = {3: "spectrum", 2: "place"}
        entries = [
            Listed("mine.csv", number, **{kinds[len(row)]: row})
            if isinstance(row, tuple)
            else Listed("mine.csv", number, objid=row)
            for number, row in enumerate(rows, 1)
        ]
        return ObjectList(tuple(entries), radius)

    return SimpleNamespace(
        quick=QUICK, wanted=wanted, listed=listed, run=run, table=table, content=content
    )
