"""Labels and feature sets of the tasks."""

import pyarrow as pa
import pytest

from trifid.data.tasks.galaxy4 import galaxy4
from trifid.data.tasks.sgq3 import sgq3
from trifid.errors import ConfigError


def test_galaxy4_maps_portsmouth_classes():
    values = ["Star Forming", "Composite", "Seyfert", "LINER", "BLANK", "Seyfert/LINER", None]
    labels = galaxy4().read_labels({"bpt": pa.chunked_array([values])}, "portsmouth")
    assert labels.tolist() == [0, 1, 2, 2, 3, -1, -1]


def test_galaxy4_maps_mpa_classes():
    labels = galaxy4().read_labels({"bptclass": pa.chunked_array([[-1, 1, 2, 3, 4, 5]])}, "mpa")
    assert labels.tolist() == [-1, 0, -1, 1, 2, 2]


def test_sgq3_counts_bal_quasars_as_quasars():
    task = sgq3()
    columns = {"class_person": pa.chunked_array([[1, 3, 30, 4, 0]])}
    assert [task.classes[i] if i >= 0 else "" for i in task.read_labels(columns, "human")] == [
        "STAR",
        "QSO",
        "QSO",
        "GALAXY",
        "",
    ]


def test_leaky_sets_say_so():
    task = galaxy4()
    assert not task.features("safe").leaky
    assert task.features("paper").leaky and task.features("redshift").leaky
    assert set(task.features("paper").features) == {"redshift", "sn_median", "ebmv", "ew_ha_6562"}
    assert not set(task.features("safe").features) & set(task.features("paper").features)
    assert sgq3().features("ugriz_z").leaky


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ConfigError, match="no feature set 'best'; known: safe"):
        galaxy4().features("best")
    with pytest.raises(ConfigError, match="no labels 'x'; known: portsmouth, mpa"):
        galaxy4().label_map("x")
