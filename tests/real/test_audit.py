"""The audit of 4,998 real rows of the DR14 table names the redshift (trap E1)."""

import pytest

from trifid import registry
from trifid.evaluation.leakage.audit import audit_data, audit_store
from trifid.ingest.run import ingest


@pytest.fixture(scope="module")
def dr14(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("dr14") / "store"
    ingest(shared_data / "catalogues" / "kaggle_dr14_dev.csv", out)
    return out


def test_the_store_has_a_redshift_to_keep_out(dr14):
    recipe = registry.get("recipe", "sgq3").build()
    found = {finding.check: finding for finding in audit_data(dr14, recipe)}
    assert found["features to keep out"].numbers["features"] == ["redshift"]
    assert found["single features"].verdict == "pass"


def test_a_recipe_with_the_redshift_fails_by_name(dr14):
    recipe = registry.get("recipe", "sgq3_extra_trees").build()
    recipe = recipe.edited(["inputs.table.feature_set=ugriz_z"])
    found = {finding.check: finding for finding in audit_store(dr14, recipe)}
    alone = found["single features"]
    assert alone.verdict == "fail" and "redshift" in alone.reason
    assert alone.numbers["redshift"]["accuracy"] > 0.9
    assert all(
        entry["accuracy"] < 0.8 for name, entry in alone.numbers.items() if name != "redshift"
    )
    assert "redshift" in found["features from the label's fit"].reason
    assert found["features from the label's fit"].verdict == "fail"
