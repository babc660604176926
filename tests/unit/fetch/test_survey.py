"""A fetch from the places a user names, and on into a store."""

import pytest

from trifid.errors import ConfigError, RunError
from trifid.fetch.run import Choice
from trifid.fetch.survey import Fetch, Places, fetch
from trifid.ingest.run import ingest
from trifid.simulate.sky_server import Faults, SkyServer
from trifid.store.read import Store


def test_what_was_fetched_goes_into_a_store(archive, helpers, tmp_path):
    out = tmp_path / "out"
    with SkyServer(archive) as server:
        helpers.run(server, out)
    done = ingest(out, tmp_path / "store", catalogs=[out / "catalogue.parquet"], size=16)
    assert done.rows == 8
    store = Store.open(tmp_path / "store")
    assert set(store.schema.modalities) == {"image", "spectrum", "table"}
    assert "petror50_r" in store.schema.modalities["table"].features
    assert {"bpt", "run", "camcol", "field", "instrument"} <= set(store.schema.columns)


def test_a_fetched_folder_is_a_mirror_of_its_own(archive, helpers, tmp_path, monkeypatch):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    with SkyServer(archive) as server:
        helpers.run(server, first)
        server.requests.clear()
        places = Places(str(first), server.url)
        fields = {"wanted": helpers.wanted(), "manners": helpers.quick, "record_places": False}
        told = []
        fetch(Fetch(out=second, places=places, **fields), told.append)
        assert not [address for address in server.requests if "/sas/" in address]
        monkeypatch.setenv("SAS_BASE_DIR", str(first))
        fetch(Fetch(out=third, places=Places(None, server.url), **fields), told.append)
    for folder in (second, third):
        assert helpers.content(folder) == helpers.content(first)


def test_a_list_of_positions_brings_the_nearest_spectra(archive, helpers, tmp_path):
    out, told = tmp_path / "out", []
    listed = helpers.listed((150.0, 20.0), (150.1, 20.0001), (10.0, 10.0))
    choice = Choice(images=False)
    with SkyServer(archive, Faults(rate=0.3, seed=4, kinds=("cut", "html", "500"))) as server:
        wanted = helpers.wanted(listed=listed)
        summary = helpers.run(server, out, wanted=wanted, choice=choice, told=told)
        with pytest.raises(RunError, match="listed differ"):
            more = helpers.wanted(listed=helpers.listed((150.0, 20.0)))
            helpers.run(server, out, wanted=more, choice=choice)
    assert summary.objects["present"] == 2 and len(list(out.rglob("spec-*"))) == 2
    assert (
        "3 listed rows: 1 match one spectrum within 2 arcsec, 1 several (the nearest is taken), "
        "1 none" in told
    )
    lines = (out / "matches.csv").read_text().splitlines()
    assert lines[0] == "list,row,by,asked,found,object_id,specobjid,separation_arcsec"
    assert lines[2].startswith("mine.csv,2,position,150.1000000 +20.0001000,1,sdss-")
    assert (
        lines[2].endswith(",0.360")
        and lines[3] == "mine.csv,3,position,10.0000000 +10.0000000,0,,,"
    )


def test_spectra_alone_and_without_counts(archive, helpers, tmp_path):
    out = tmp_path / "out"
    with SkyServer(archive) as server:
        helpers.run(server, out, choice=Choice(images=False), count=False)
    assert not list(out.rglob("frame-*")) and len(list(out.rglob("spec-*"))) == 8
    assert (out / "cuts.csv").read_text().count("\n") == 1 + 4


def test_a_service_that_will_not_count_is_no_reason_to_stop(archive, helpers, tmp_path):
    class NoCounts(Faults):
        def of(self, address, count):
            return "503" if "COUNT" in address else None

    told = []
    with SkyServer(archive, NoCounts()) as server:
        summary = helpers.run(
            server, tmp_path / "out", told=told, manners=helpers.quick.replace(attempts=2)
        )
    assert summary.objects["present"] == 8
    assert "note: no counts cut by cut: the server says 503; given up after 2 attempts" in told


def test_a_place_that_cannot_be_used_is_refused_before_anything_is_made(
    helpers, tmp_path, monkeypatch
):
    request = Fetch(helpers.wanted(), tmp_path / "out", Places(str(tmp_path / "none")))
    with pytest.raises(ConfigError, match="no such folder"):
        fetch(request, print)
    monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"SAS_BASE_DIR: .*no such folder"):
        fetch(Fetch(helpers.wanted(), tmp_path / "out"), print)
    assert not (tmp_path / "out").exists()
