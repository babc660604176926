import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import RunError
from trifid.evaluation.predictions import PredictionsWriter, pool_folds, read_predictions


def test_a_table_comes_back_as_it_was_written(write, columns):
    first, second = columns(50), columns(30, fold="train")
    second["label"] = [None] * 30
    predictions = read_predictions(write(first, second, store_hash="abc", simulated="true"))
    assert len(predictions) == 80
    assert predictions.classes == ("galaxy", "quasar", "star")
    assert predictions.folds == ("test", "train")
    assert predictions.metadata["store_hash"] == "abc"
    assert predictions.metadata["simulated"] is True
    test = predictions.select(fold="test")
    names = np.array(predictions.classes)
    assert (names[test.labels] == first["label"]).all()
    np.testing.assert_allclose(test.probabilities, first["probabilities"], atol=1e-6)
    np.testing.assert_allclose(test.probabilities.sum(axis=1), 1.0, atol=1e-12)
    assert (test.predicted == first["probabilities"].argmax(axis=1)).all()
    train = predictions.select(fold="train")
    assert (train.labels == -1).all()
    assert len(predictions.labelled()) == 50


def test_columns_are_flat_and_typed(write, columns):
    schema = pq.read_schema(write(columns(3)))
    assert schema.names[:4] == ["object_id", "group", "fold", "subset"]
    assert schema.field("prob_quasar").type == pa.float32()
    assert schema.field("seed").type == pa.int64()
    assert schema.metadata[b"classes"] == b'["galaxy", "quasar", "star"]'
    assert schema.metadata[b"task"] == b'"sgq3"'


def test_groups_are_numbered_by_name(table, columns):
    predictions = table(columns(4, group=["sky-b", "sky-a", "sky-b", "sky-c"]))
    assert predictions.groups.tolist() == [1, 0, 1, 2]
    assert table(columns(4)).groups.tolist() == [0, 1, 2, 3]


def test_test_of_a_k_fold_table_is_every_fold(table, columns):
    predictions = table(columns(10, fold=[str(k % 5) for k in range(10)]))
    assert len(predictions.select(fold="test")) == 10
    assert len(predictions.select(fold="3")) == 2
    with pytest.raises(RunError, match=r"no fold 'valid'; they have 0, 1, 2, 3, 4"):
        predictions.select(fold="valid")


def test_the_full_subset_comes_first(table, columns):
    parts = [columns(5, subset=name) for name in ("image", "image+spectrum+table", "image+table")]
    predictions = table(*parts)
    assert predictions.subsets == ("image+spectrum+table", "image+table", "image")
    assert len(predictions.select(subset="image")) == 5
    with pytest.raises(RunError, match="no subset 'series'"):
        predictions.select(subset="series")


def test_an_unfinished_table_never_appears(write, columns, tmp_path):
    path = write(columns(5))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="killed"), PredictionsWriter(path, classes=("a", "b")):
        raise ValueError("killed")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_pooling_folds_keeps_test_rows_under_the_fold_number(write, columns, tmp_path):
    parts = []
    for number in range(3):
        ids = [f"o{number}-{k}" for k in range(6)]
        test = columns(6, seed=number, object_id=ids)
        parts.append(write(test, columns(4, fold="train"), name=f"fold-{number}/p.parquet"))
    pooled = read_predictions(pool_folds(parts, tmp_path / "pooled.parquet"))
    assert pooled.folds == ("0", "1", "2")
    assert len(pooled) == 18
    assert pooled.metadata["task"] == "sgq3"
    other = write(columns(6), name="other.parquet", task="galaxy4")
    with pytest.raises(RunError, match=r"other\.parquet: task or classes differ"):
        pool_folds([parts[0], other], tmp_path / "bad.parquet")
    assert not (tmp_path / "bad.parquet").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"label": "nebula"}, r"column 'label' holds 'nebula', expected one of galaxy, quasar"),
        ({"predicted": "Star"}, r"column 'predicted' holds 'Star'"),
        ({"fold": ["test", None, "test"]}, r"column 'fold' has 1 null values"),
        ({"seed": "one"}, r"column 'seed'"),
        ({"group": ["a", "b"]}, r"column 'group' has 2 values for 3 rows"),
        ({"probabilities": np.full((3, 3), 0.5)}, r"sum of the prob_ columns is 1\.5 for object"),
        ({"probabilities": np.full((3, 2), 0.5)}, r"shape \(3, 2\), expected \(3, 3\)"),
        (
            {"probabilities": [[0.2, 0.8, 0.0], [1.0, np.nan, 0.0], [1.0, 0.0, 0.0]]},
            r"column 'prob_quasar' is nan for object 'sdss-1-2-0001' \(row 1\)",
        ),
        ({"probabilities": [[1.5, -0.5, 0.0]] * 3}, r"column 'prob_galaxy' is 1\.5"),
        ({"prob_comet": [0.0] * 3}, r"prob_comet belongs to none of the classes"),
    ],
)
def test_bad_values_are_refused_by_name(write, columns, change, message):
    with pytest.raises(RunError, match=message) as caught:
        write(columns(3) | change)
    assert "predictions.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(write, columns):
    part = columns(3)
    del part["run"]
    with pytest.raises(RunError, match="no column run; it has"):
        write(part)


def _rewrite(path, change):
    table = pq.read_table(path)
    changed = change(table)
    pq.write_table(changed, path)
    return path


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.drop_columns(["prob_star"]), "no column prob_star"),
        (lambda t: pa.concat_tables([t, t.slice(1, 1)]), r"2 rows for object_id 'sdss-1-2-0001'"),
        (lambda t: t.replace_schema_metadata({}), r"metadata 'classes' is None"),
        (lambda t: t.replace_schema_metadata({"classes": "[1, 2"}), "'classes' is not JSON"),
        (
            lambda t: t.replace_schema_metadata({"classes": '["a", "a"]'}),
            "two or more different class names",
        ),
        (
            lambda t: t.replace_schema_metadata(t.schema.metadata | {b"schema_version": b"9"}),
            "schema version 9, expected 1",
        ),
        (
            lambda t: t.set_column(8, "prob_star", pa.array([0.9] * 3)),
            r"sum of the prob_ columns",
        ),
        (lambda t: t.set_column(9, "seed", pa.array([None, 1, 1])), "'seed' has 1 null"),
    ],
)
def test_foreign_files_are_checked_when_read(write, columns, change, message):
    path = _rewrite(write(columns(3)), change)
    with pytest.raises(RunError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(RunError, match="no such file"):
        read_predictions(tmp_path / "none.parquet")
    path = tmp_path / "empty.parquet"
    path.write_bytes(b"")
    with pytest.raises(RunError, match="not a readable Parquet file"):
        read_predictions(path)
    path.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(RunError, match="not a readable Parquet file"):
        read_predictions(path)


def test_an_empty_table_is_read_and_judged_by_no_one(write, columns):
    empty = columns(1)
    predictions = read_predictions(
        write(
            {
                k: v[:0] if k != "fold" and not isinstance(v, str | int) else v
                for k, v in empty.items()
            }
        )
    )
    assert len(predictions) == 0
    with pytest.raises(RunError, match="no rows"):
        predictions.select(fold="test")
