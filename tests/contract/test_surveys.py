"""Every registered survey reads back a synthetic file of its own: flux, errors, lines, mistakes."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from trifid import registry
from trifid.errors import InputError
from trifid.ingest.run import ingest
from trifid.schema import grid
from trifid.store.read import Store

FILES = runpy.run_path(str(Path(__file__).resolve().parents[1] / "survey_files.py"))
CASES = [(name, writer) for name, writers in FILES["WRITERS"].items() for writer in writers]
pytestmark = pytest.mark.parametrize(
    ("name", "write"), CASES, ids=[f"{name}-{writer.__name__}" for name, writer in CASES]
)
CENTRES = grid.wavelengths()
TRUTH = FILES["average"](FILES["log_edges"](CENTRES))


def survey(name):
    return registry.get("survey", name).build()


def read_one(name, path):
    (who,) = survey(name).spectra.contents(path).identities
    return who, survey(name).spectra.read(path, who.index)


def test_every_survey_has_a_writer_and_owns_its_names(name, write, tmp_path):
    surveys = {entry.name: entry.build() for entry in registry.entries("survey")}
    assert set(surveys) == set(FILES["WRITERS"]) == set(FILES["IDS"])
    file = write(tmp_path).name
    owners = [key for key, about in surveys.items() if about.spectra.recognises(file)]
    assert owners == [name]
    assert surveys[name].acknowledgement and surveys[name].credit.startswith("http")


def test_flux_is_conserved_and_the_line_lies_at_its_pixel(name, write, tmp_path):
    _, got = read_one(name, write(tmp_path, noise=1e-4))
    assert [got.flux.dtype, got.ivar.dtype, got.mask.dtype] == ["f4", "f4", "i4"]
    there = got.ivar > 0
    assert there.sum() > 3800 and not got.flux[~there].any() and got.columns["pixels_outside"] == 0
    step = CENTRES * np.log(10) * 1e-4
    for window in (there, there & (abs(CENTRES - FILES["LINE"]) < 30)):
        area = (got.flux[window] * step[window]).sum()
        assert area == pytest.approx((TRUTH[window] * step[window]).sum(), rel=1e-3)
    near = abs(CENTRES - FILES["LINE"]) < 30
    places = np.flatnonzero(near)
    excess = got.flux[near] - (5.0 + 1e-3 * (CENTRES[near] - 6000.0))
    centre = (excess * places).sum() / excess.sum()
    assert centre == pytest.approx(grid.index_of(np.log10(FILES["LINE"])), abs=0.1)


def test_ivar_is_that_of_the_noise(name, write, tmp_path):
    _, got = read_one(name, write(tmp_path))
    there = got.ivar > 0
    pull = (got.flux[there] - TRUTH[there]) * np.sqrt(got.ivar[there])
    assert pull.std() == pytest.approx(1.0, abs=0.06) and abs(pull.mean()) < 0.06
    mean = got.flux[there].mean() / FILES["NOISE"]
    assert got.columns["sn_median"] == pytest.approx(mean, rel=0.2)


def test_columns_features_and_hashes_are_those_announced(name, write, tmp_path):
    about = survey(name)
    path = write(tmp_path)
    who, got = read_one(name, path)
    assert who.object_id == got.identity.object_id == FILES["IDS"][name]
    assert (who.ra, who.dec) == (145.0, 1.0)
    assert set(got.columns) <= set(about.columns) and set(got.features) == set(about.features)
    assert {"sn_median", "instrument", "pixels_outside"} <= set(got.columns)
    assert list(got.sources) == [path.name] and len(got.sources[path.name]) == 64


def test_case_of_columns_does_not_matter(name, write, tmp_path):
    spectra = [
        read_one(name, write(tmp_path / str(upper), upper=upper))[1] for upper in (True, False)
    ]
    for field in ("flux", "ivar", "mask"):
        assert (getattr(spectra[0], field) == getattr(spectra[1], field)).all()
    assert spectra[0].columns == spectra[1].columns and spectra[0].features == spectra[1].features


def test_an_empty_spectrum_is_skipped_by_name(name, write, tmp_path):
    write(tmp_path / "in", empty=True)
    with pytest.raises(InputError, match=r"nothing to store: .*no valid pixel"):
        ingest(tmp_path / "in", tmp_path / "s")
    others = {key: writers[0] for key, writers in FILES["WRITERS"].items() if key != name}
    good, writer = next(iter(others.items()))
    writer(tmp_path / "in" / "good")
    summary = ingest(tmp_path / "in", tmp_path / "s")
    assert [(item.object_id, "no valid pixel" in item.reason) for item in summary.skipped] == [
        (FILES["IDS"][name], True)
    ]
    store = Store.open(tmp_path / "s", full=True)
    assert store.columns("object_id").column(0).to_pylist() == [FILES["IDS"][good]]


def test_a_truncated_file_is_one_clear_error(name, write, tmp_path):
    path = write(tmp_path)
    whole = path.read_bytes()
    cut = rf"{path.name}: .*(cut off|sizes are wrong)"
    for part in (0.05, 0.3, 0.6, 0.8):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(InputError, match=cut) as caught:
            survey(name).spectra.contents(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=path.name):
        survey(name).spectra.contents(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="not a FITS file"):
        survey(name).spectra.contents(path)


def test_ingest_stores_it_and_says_whose_it_is(name, write, tmp_path):
    path = write(tmp_path / "in")
    path.rename(path.with_name("renamed.fits"))  # known by what it holds
    ingest(tmp_path / "in", tmp_path / "s")
    store = Store.open(tmp_path / "s", full=True)
    assert store.manifest.provenance["surveys"] == name
    assert store.columns("object_id").column(0).to_pylist() == [FILES["IDS"][name]]
    taken = store.take(np.arange(1), ["spectrum"])["spectrum"]
    _, read = read_one(name, path.with_name("renamed.fits"))
    for field in ("flux", "ivar", "mask"):
        assert (taken[field][0] == getattr(read, field)).all()
