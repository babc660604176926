from pathlib import Path

import numpy as np
import pytest

from trifid.errors import StoreError
from trifid.schema.modality import SpectrumSpec
from trifid.simulate import class_fits, simulate
from trifid.simulate.instruments import BOSS
from trifid.simulate.options import SkyOptions
from trifid.simulate.quasars import draw_quasars
from trifid.simulate.stars import draw_stars
from trifid.store import Store


def _bright(objects) -> tuple[np.ndarray, np.ndarray]:
    light = objects.shine(BOSS.line_spread)
    flux = light.continuum + light.emission
    flux *= 20.0 / np.median(flux, axis=1, keepdims=True)
    noise = np.random.default_rng(3).normal(size=flux.shape)
    return flux + noise, np.ones(flux.shape)


@pytest.mark.parametrize(("draw", "kind"), [(draw_stars, "star"), (draw_quasars, "quasar")])
def test_the_class_of_bright_objects_fits_best(draw, kind) -> None:
    flux, ivar = _bright(draw(np.random.default_rng(2), 8, "boss"))
    found = class_fits.class_fits(flux, ivar, source="analytic")
    assert tuple(found) == class_fits.FEATURES
    assert all(np.isfinite(values).all() for values in found.values())
    others = [f"fit_{name}" for name in ("galaxy", "quasar", "star") if name != kind]
    assert np.median(found[f"fit_{kind}"]) == 0.0
    assert all(np.median(found[name]) > 1.0 for name in (*others, "fit_line"))


def test_redshift_of_a_quasar_and_an_empty_spectrum() -> None:
    quasars = draw_quasars(np.random.default_rng(4), 5, "boss")
    flux, ivar = _bright(quasars)
    ivar[0] = 0.0
    found = class_fits.class_fits(flux, ivar, source="analytic")
    assert np.isnan(found["fit_star"][0]) and np.isnan(found["fit_redshift_quasar"][0])
    error = np.expm1(found["fit_redshift_quasar"][1:]) - quasars.redshift[1:]
    assert np.median(np.abs(error)) < 0.02


def test_a_store_gets_the_features_beside_its_own(tmp_path: Path) -> None:
    simulate("sgq3", 6, tmp_path / "sky", size=16, options=SkyOptions(instrument="boss"))
    class_fits.with_fits(tmp_path / "sky", tmp_path / "fits", source="analytic")
    before, after = Store.open(tmp_path / "sky"), Store.open(tmp_path / "fits", full=True)
    rows = np.arange(6)
    old, new = (s.take(rows, ["spectrum", "table"]) for s in (before, after))
    assert (old["spectrum"]["flux"] == new["spectrum"]["flux"]).all()
    width = old["table"]["values"].shape[1]
    assert (old["table"]["values"] == new["table"]["values"][:, :width]).all()
    names = after.schema.modalities["table"].features
    assert names[width:] == class_fits.FEATURES
    direct = class_fits.class_fits(
        old["spectrum"]["flux"], old["spectrum"]["ivar"], source="analytic"
    )
    stored = new["table"]["values"][:, width + class_fits.FEATURES.index("fit_star")]
    assert stored == pytest.approx(direct["fit_star"], abs=1e-5)
    assert before.columns() == after.columns()


def test_a_store_without_tables_is_refused(tmp_path: Path, monkeypatch) -> None:
    simulate("sgq3", 3, tmp_path / "sky", size=16)
    store = Store.open(tmp_path / "sky")
    store.schema = store.schema.replace(modalities={"spectrum": SpectrumSpec()})
    monkeypatch.setattr(class_fits.Store, "open", lambda folder: store)
    with pytest.raises(StoreError, match="needs the modalities spectrum and table"):
        class_fits.with_fits(tmp_path / "sky", tmp_path / "out")


def test_a_copy_may_keep_some_features_with_units_of_its_own(tmp_path: Path) -> None:
    simulate("sgq3", 3, tmp_path / "sky", size=16)
    kept = {"psfmag_g": "mag", "extinction_g": ""}
    class_fits.with_fits(tmp_path / "sky", tmp_path / "out", source="analytic", kept=kept)
    before, after = Store.open(tmp_path / "sky"), Store.open(tmp_path / "out", full=True)
    table = after.schema.modalities["table"]
    assert table.features == (*kept, *class_fits.FEATURES) and table.units[:2] == ("mag", "")
    old, new = (s.take(np.arange(3), ["table"])["table"]["values"] for s in (before, after))
    place = before.schema.modalities["table"].features.index("psfmag_g")
    assert (old[:, place] == new[:, 0]).all()
    with pytest.raises(StoreError, match="has no feature 'w1'"):
        class_fits.with_fits(tmp_path / "sky", tmp_path / "none", kept={"w1": "mag"})
