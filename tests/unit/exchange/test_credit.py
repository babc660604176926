"""Acknowledgements and citations: from the store's provenance and the models' registration."""

import pytest

from trifid import registry
from trifid.config import Config
from trifid.exchange.credit import SIMULATED, data_credit, model_citation
from trifid.surveys.base import Survey


def test_a_survey_is_thanked_with_its_official_address():
    found = data_credit({"surveys": "sdss", "inputs": "x"})
    assert found["simulated"] == "false" and found["surveys"] == "sdss"
    assert "https://www.sdss.org/collaboration/citing-sdss/" in found["acknowledgement"]


def test_simulated_data_say_so_and_thank_nobody():
    assert data_credit({"simulated": "true"}) == {"simulated": "true", "acknowledgement": SIMULATED}


@pytest.mark.parametrize("provenance", [{}, {"surveys": ""}, {"surveys": " , "}])
def test_an_unknown_origin_thanks_nobody(provenance):
    assert data_credit(provenance) == {"simulated": "false", "acknowledgement": ""}


def test_a_survey_of_a_later_trifid_is_named_without_thanks():
    found = data_credit({"surveys": "sdss,future"})
    assert found["surveys"] == "sdss, future"
    assert found["acknowledgement"] == data_credit({"surveys": "sdss"})["acknowledgement"]


def test_every_registered_survey_can_be_thanked():
    for entry in registry.entries("survey"):
        if isinstance(entry.build(), Survey):
            assert "://" in data_credit({"surveys": entry.name})["acknowledgement"], entry.name


@pytest.mark.parametrize("name", ["gcsnet_small", "batmm_joint", "batmm_small"])
def test_a_model_is_cited_by_the_paper_of_its_registration(name):
    entry = registry.get("model", name)
    assert entry.paper and model_citation(entry.build()) == entry.paper


def test_a_model_with_other_settings_is_cited_by_its_kind():
    model = registry.get("model", "gcsnet_small").build()
    assert model_citation(model.replace(skip=False)).startswith("GCSNet")


def test_an_unregistered_kind_is_cited_by_nothing():
    class Foreign(Config):
        kind: str = "foreign"

    assert model_citation(Foreign()) == ""
