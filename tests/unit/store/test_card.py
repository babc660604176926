import pyarrow as pa
import pytest

from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, StoreSchema, TableSpec
from trifid.store.card import data_card
from trifid.store.manifest import Manifest, ShardEntry

SCHEMA = StoreSchema(
    modalities={"table": TableSpec(features=("modelmag_r",), units=("mag",))},
    columns={**IDENTITY_COLUMNS, "class": ColumnSpec(type="string")},
)


@pytest.fixture
def batch() -> pa.RecordBatch:
    """Three rows of two objects, one without a class."""
    names = ["a", "b", "c"]
    columns = {
        "object_id": names,
        "group": ["a", "a", "c"],
        "ra": [1.0, None, 2.0],
        "dec": [1.0, None, 2.0],
        "source_path": [["x"]] * 3,
        "source_sha256": [["0"]] * 3,
        "class": ["STAR", "<b>QSO|", None],
    }
    return pa.RecordBatch.from_pydict(columns)


def card_of(batch: pa.RecordBatch, **provenance: str) -> str:
    shard = ShardEntry(file="shard-00000.arrow", rows=3, bytes=9, sha256="0" * 64,
                       modalities=("table",))  # fmt: skip
    manifest = Manifest(schema_=SCHEMA, shards=(shard,), provenance=provenance)
    return data_card(manifest, [batch], ["empty file", "empty file", "duplicate"])


def test_a_card_says_rows_groups_nulls_labels_terms_and_what_is_missing(batch) -> None:
    said = card_of(batch, inputs="files")
    assert "3 rows of 2 objects in 1 shards." in said
    assert "| ra | float64 | deg | 1 |" in said and r"modelmag\_r" in said
    assert r"- class: &lt;b\>QSO\| 1, STAR 1" in said
    assert "| empty file | 2 |" in said and "acknowledgement" in said
    assert said == card_of(batch, inputs="files")


def test_simulated_objects_are_called_so(batch) -> None:
    said = card_of(batch, simulated="true", simulate="[x](y)")
    assert "2 simulated objects" in said and "no survey's terms apply" in said
    assert r"\[x\]\(y\)" in said
