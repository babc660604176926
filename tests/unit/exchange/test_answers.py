"""Predictions for other tools: they say what they are, and stay readable by `evaluate`."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import InputError
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.exchange.answers import described, with_positions
from trifid.exchange.credit import SIMULATED


@pytest.fixture
def classes(tmp_path, rich):
    path = tmp_path / "classes.parquet"
    about = {"task": "galaxy4", "simulated": "true", "citation": "A paper"}
    with PredictionsWriter(path, classes=("SF", "AGN"), metadata=about) as writer:
        ids = rich.columns("object_id")["object_id"].to_pylist()[:4]
        writer.add(
            {
                "object_id": ids,
                "fold": "test",
                "subset": "image",
                "label": ["SF", None, "AGN", "SF"],
                "probabilities": np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [1, 0]]),
                "seed": 1,
                "run": "r",
            }
        )
    return read_predictions(path)


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.parquet"
    about = {"task": "zsfr", "about": {"sfr_avg": {"unit": "dex(solMass/yr)", "kind": "x"}}}
    with PredictionsWriter(path, targets=("sfr_avg",), metadata=about) as writer:
        writer.add(
            {
                "object_id": ["a", "b"],
                "fold": "test",
                "subset": "image",
                "labels": np.array([[1.0], [np.nan]]),
                "means": np.array([[1.5], [2.5]]),
                "sds": np.array([[0.1], [0.2]]),
                "seed": 1,
                "run": "r",
            }
        )
    return read_predictions(path)


def about(table):
    return {
        field.name: {k.decode(): v.decode() for k, v in field.metadata.items()}
        for field in table.schema
    }


def test_classes_say_what_they_are(classes):
    table = described(classes.table, classes.metadata)
    fields = about(table)
    assert all(entry["description"] for entry in fields.values())
    assert fields["prob_AGN"]["description"] == "calibrated probability of AGN"
    assert fields["prob_AGN"]["ucd"] == "stat.probability"
    assert fields["object_id"]["ucd"] == "meta.id;meta.main"
    metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    assert metadata["task"] == "galaxy4" and metadata["classes"] == "SF, AGN"
    assert metadata["citation"] == "A paper" and metadata["acknowledgement"] == SIMULATED
    assert metadata["simulated"] == "true" and "recipe_hash" not in metadata  # empty
    assert table.equals(classes.table)


def test_numbers_say_what_they_are(numbers):
    fields = about(described(numbers.table, numbers.metadata))
    assert fields["sfr_avg_mean"]["unit"] == fields["sfr_avg_q05"]["unit"] == "dex(solMass/yr)"
    assert fields["sfr_avg_sd"]["description"] == "predicted standard deviation of sfr_avg"
    assert fields["label_sfr_avg"]["description"] == "true sfr_avg; null = unlabelled"
    assert fields["sfr_avg_sd"]["ucd"] == "stat.error"


def test_as_parquet_evaluate_reads_them_again(classes, numbers, rich, tmp_path):
    for number, found in enumerate((classes, numbers)):
        table = described(found.table, found.metadata, plain=False)
        if found is classes:
            table = with_positions(table, rich)
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path)
        again = read_predictions(path)
        assert again.form == found.form and again.table.equals(found.table)
        assert again.metadata["task"] == found.metadata["task"]
    assert json.loads(pq.read_schema(tmp_path / "0.parquet").metadata[b"acknowledgement"])


def test_positions_are_joined_by_object(classes, rich):
    order = pa.array([2, 0, 3, 1])
    table = with_positions(classes.table.take(order), rich)
    assert table.column_names[:3] == ["object_id", "ra", "dec"]
    columns = rich.columns("ra", "dec")
    assert table["ra"].to_pylist() == columns["ra"].take(order).to_pylist()
    assert table["dec"].to_pylist() == columns["dec"].take(order).to_pylist()
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    assert with_positions(table, rich).column_names == table.column_names


def test_an_object_that_is_not_there_is_named(numbers, rich):
    with pytest.raises(InputError, match=r"no object 'a' \(2 of 2 are missing\)"):
        with_positions(numbers.table, rich)
