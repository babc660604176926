"""A clean store passes; each planted leak is caught by its own check."""

from dataclasses import replace

import numpy as np
import pytest

from trifid.evaluation.leakage import audit as audit_module
from trifid.evaluation.leakage import audit_store
from trifid.recipes.galaxy4 import galaxy4
from trifid.schema.block import Block
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store.write import StoreWriter, write_shard
from trifid.transforms.pipeline import SpectrumInput, TableInput

ROWS, PLATES = 400, 50
NAMES = ("Star Forming", "Composite", "Seyfert", "BLANK")
FEATURES = ("modelmag_u", "modelmag_g", "modelmag_r", "modelmag_i", "modelmag_z")
FEATURES += ("petror50_r", "ebv_sfd", "redshift", "ew_ha_6562")


class Sky:
    """A clean sky whose arrays a test may spoil before it is written."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.label = rng.integers(0, 4, ROWS)
        self.values = rng.normal(18, 1, (ROWS, len(FEATURES))).astype(np.float32)
        self.values[:, 1] += 0.4 * self.label  # some honest signal
        self.valid = np.ones(self.values.shape, np.uint8)
        self.group = [f"objid-{i}" for i in range(ROWS)]
        self.observed = "plate"
        self.plate = np.arange(ROWS) % PLATES
        self.ra, self.dec = rng.uniform(0, 360, ROWS), rng.uniform(-60, 60, ROWS)
        self.snr = rng.uniform(10, 30, ROWS)
        self.flux = rng.random((ROWS, 4700), np.float32)
        self.with_spectrum = np.ones(ROWS, bool)
        self.second = self.label.copy()
        self.blended = rng.random(ROWS) < 0.15

    def feature(self, name):
        return self.values[:, FEATURES.index(name)]

    def write(self, folder):
        schema = StoreSchema(
            modalities={
                "spectrum": SpectrumSpec(),
                "table": TableSpec(features=FEATURES, units=("",) * len(FEATURES)),
            },
            columns=IDENTITY_COLUMNS
            | {
                self.observed: ColumnSpec(type="int64"),
                "sn_median": ColumnSpec(type="float64"),
                "bpt": ColumnSpec(type="string"),
                "bptclass": ColumnSpec(type="int64"),
                "blended": ColumnSpec(type="bool"),
            },
        )
        with StoreWriter(folder, schema, provenance={}) as writer:
            for number, there in enumerate((True, False)):
                rows = np.flatnonzero(self.with_spectrum == there)
                if len(rows):
                    writer.add(write_shard(folder, number, self._block(rows, there), schema))
            writer.finish([])
        return folder

    def _block(self, rows, there):
        mpa = np.array([1, 3, 4, -1])
        columns = {
            "object_id": [f"sdss-{i}" for i in rows],
            "group": [self.group[i] for i in rows],
            "ra": self.ra[rows].tolist(),
            "dec": self.dec[rows].tolist(),
            "source_path": [[] for _ in rows],
            "source_sha256": [[] for _ in rows],
            self.observed: self.plate[rows].tolist(),
            "sn_median": self.snr[rows].tolist(),
            "bpt": [NAMES[k] for k in self.label[rows]],
            "bptclass": mpa[self.second[rows]].tolist(),
            "blended": self.blended[rows].tolist(),
        }
        flux = self.flux[rows]
        spectrum = {"flux": flux, "ivar": np.ones_like(flux), "mask": np.zeros(flux.shape, "<i4")}
        fields = {"table": {"values": self.values[rows], "valid": self.valid[rows]}}
        return Block(columns, fields | ({"spectrum": spectrum} if there else {}))


def recipe(by="plate", features="safe"):
    base = galaxy4()
    return base.replace(
        inputs={"spectrum": SpectrumInput(), "table": TableInput(feature_set=features)},
        split=base.split.replace(by=by),
    )


def verdicts(sky, folder, chosen=None):
    return {f.check: f.verdict for f in audit_store(sky.write(folder), chosen or recipe())}


def test_a_clean_store_passes_every_check(tmp_path):
    found = verdicts(Sky(), tmp_path / "s")
    assert len(found) == 14
    assert found.pop("dates across folds") == "none"  # plates are judged
    assert set(found.values()) == {"pass"}
    cut = recipe().replace(leave_out=("blended",))
    assert verdicts(Sky(), tmp_path / "cut", cut)["cuts by class"] == "pass"


def place_twice(sky):
    sky.ra[1::2], sky.dec[1::2] = sky.ra[::2], sky.dec[::2]


def same_pixels(sky):
    sky.flux[1::2] = sky.flux[::2]


def feature_is_label(sky):
    sky.feature("petror50_r")[:] = sky.label + sky.rng.normal(0, 0.1, ROWS)


def two_features_together(sky):
    sky.feature("petror50_r")[:] = sky.label // 2 + sky.rng.normal(0, 0.01, ROWS)
    sky.feature("ebv_sfd")[:] = sky.label % 2 + sky.rng.normal(0, 0.01, ROWS)


def sentinel(sky):
    blank = (sky.label == 3) & (sky.rng.random(ROWS) < 0.3)
    sky.feature("petror50_r")[blank] = 0.0


def nuisance(sky):
    sky.snr[:] = 10 + 3 * sky.label + sky.rng.normal(0, 2, ROWS)


def missing_spectra(sky):
    sky.with_spectrum[sky.label == 0] = False


def missing_cells(sky):
    sky.valid[(sky.label == 2) & (sky.rng.random(ROWS) < 0.2), FEATURES.index("petror50_r")] = 0


def blended_of_one_class(sky):
    sky.blended[:] = (sky.label == 1) & (sky.rng.random(ROWS) < 0.4)


def second_source(sky):
    sky.second[:] = (sky.label + (sky.rng.random(ROWS) < 0.4)) % 4


@pytest.mark.parametrize(
    ("spoil", "check", "expected", "chosen"),
    [
        (place_twice, "places across folds", "fail", recipe()),
        (same_pixels, "pixels across folds", "fail", recipe()),
        (lambda sky: None, "plates across folds", "warn", recipe(by="group")),
        (feature_is_label, "single features", "fail", recipe()),
        (two_features_together, "features together", "fail", recipe()),
        (sentinel, "sentinel values", "fail", recipe()),
        (nuisance, "nuisances alone", "warn", recipe()),
        (missing_spectra, "missing by class", "fail", recipe()),
        (missing_cells, "missing by class", "warn", recipe()),
        (lambda sky: None, "features from the label's fit", "fail", recipe(features="redshift")),
        (blended_of_one_class, "cuts by class", "fail", recipe().replace(leave_out=("blended",))),
        (second_source, "label ceiling", "warn", recipe()),
    ],
)
def test_each_planted_leak_is_caught(tmp_path, spoil, check, expected, chosen):
    sky = Sky()
    spoil(sky)
    assert verdicts(sky, tmp_path / "s", chosen)[check] == expected


@pytest.mark.parametrize(("by", "expected"), [("mjd", "pass"), ("group", "warn")])
def test_dates_are_judged_where_a_store_has_no_plates(tmp_path, by, expected):
    sky = Sky()
    sky.observed = "mjd"
    assert verdicts(sky, tmp_path / "s", recipe(by))["dates across folds"] == expected


def test_a_group_in_two_folds_is_caught(tmp_path, monkeypatch):
    """The splits of trifid cannot do this; those of somebody else can."""
    sky = Sky()
    sky.group[1::2] = sky.group[::2]
    right = audit_module.task_rows

    def careless(store, recipe, task):
        rows = right(store, recipe, task)
        everything = np.random.default_rng(0).permutation(ROWS)
        parts = np.split(everything, [250, 320])
        return replace(rows, **dict(zip(("train", "valid", "test"), parts, strict=True)))

    monkeypatch.setattr(audit_module, "task_rows", careless)
    found = verdicts(sky, tmp_path / "s")
    assert found["groups across folds"] == "fail"


def test_a_scaler_that_saw_the_test_rows_is_caught(tmp_path, monkeypatch):
    right = audit_module.fit_pipeline

    def careless(pipeline, loader, train):
        right(pipeline, loader, np.arange(ROWS))

    monkeypatch.setattr(audit_module, "fit_pipeline", careless)
    assert verdicts(Sky(), tmp_path / "s")["transforms fitted on train"] == "fail"
