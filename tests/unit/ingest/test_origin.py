"""Where the rows of a store come from."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from trifid.ingest.origin import content_hash, is_simulated, surveys_in
from trifid.ingest.rows import Row, Source
from trifid.ingest.scan import Found, Probe
from trifid.surveys.base import ABOUT_SIMULATION
from trifid.surveys.catalogue import read_catalogue
from trifid.surveys.spectra import Identity

FILES = [Found("a.fits", 10, 1), Found("b.fits", 20, 2)]
OPTIONS: dict[str, object] = {"bands": "ugriz", "size": 64}


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("object_id,mag\none,1.5\n")
    return read_catalogue(path)


def held(**provenance):
    return SimpleNamespace(manifest=SimpleNamespace(provenance=provenance))


def test_the_hash_knows_files_catalogues_and_options(catalogue, tmp_path):
    def of(files=FILES, catalogues=(catalogue,), options=OPTIONS):
        return content_hash(files, catalogues, options, with_times=False)

    path = tmp_path / "other" / "mine.csv"
    path.parent.mkdir()
    path.write_text("object_id,mag\none,2.5\n")
    hashes = [
        of(),
        of(files=FILES[:1]),
        of(files=[replace(FILES[0], size=11), FILES[1]]),
        of(files=[replace(FILES[0], path="c.fits"), FILES[1]]),
        of(catalogues=()),
        of(catalogues=(catalogue, catalogue)),
        of(catalogues=(read_catalogue(path),)),  # the same name, other bytes
        of(options=OPTIONS | {"size": 32}),
    ]
    assert len(set(hashes)) == len(hashes)
    assert of() == hashes[0]
    moved = replace(catalogue, path=tmp_path / "elsewhere" / "mine.csv")
    assert of(catalogues=(moved,)) == hashes[0]


@pytest.mark.parametrize("with_times", [True, False])
def test_the_times_of_files_count_only_where_asked(with_times):
    one = content_hash(FILES, [], OPTIONS, with_times=with_times)
    touched = [replace(file, mtime_ns=99) for file in FILES]
    other = content_hash(touched, [], OPTIONS, with_times=with_times)
    assert (one != other) == with_times


def test_one_simulated_spectrum_or_folder_or_store_makes_it_simulated(tmp_path):
    real = Identity("sdss-1-2-3")
    made = replace(real, simulated=True)
    probes = [Probe("p.png", "picture"), Probe("a.fits", "spectrum", real)]
    assert not is_simulated(tmp_path, probes, None)
    assert not is_simulated(tmp_path, probes, held(surveys="sdss"))
    assert is_simulated(tmp_path, [*probes, Probe("b.fits", "spectrum", made)], None)
    assert is_simulated(tmp_path, probes, held(simulated="true"))
    (tmp_path / ABOUT_SIMULATION).write_text("{}")
    assert is_simulated(tmp_path, [], None)


def test_the_surveys_are_those_of_the_files_and_of_the_store():
    def spectrum(survey):
        return Source("spectrum", survey, f"{survey}.fits", None, survey)

    table = Row("one", catalogue=(np.int64(0),))
    assert surveys_in([table], None) == ()
    assert surveys_in([Row("two", spectra=(spectrum("lamost"),)), table], None) == ("lamost",)
    both = Row("three", spectra=(spectrum("lamost"), spectrum("desi")))
    assert surveys_in([both], held(surveys="")) == ("desi", "lamost")
    for images in ({"images": (None, "r.fits")}, {"hips": ("g.fits",)}, {"picture": "1.jpg"}):
        assert surveys_in([Row("four", **images)], held(surveys="desi")) == ("desi", "sdss")
