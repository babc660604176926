"""Tables of nodes with indices that leave or lead back are refused."""

import json

import numpy as np
import pytest

from trifid.errors import BundleError
from trifid.models.boosted import LightGBMMethod, XGBoostMethod
from trifid.models.methods import DecisionTreeMethod, RbfSvmMethod
from trifid.models.node_tables import check_branches, check_lightgbm, check_nodes, check_xgboost

LEFT, RIGHT, FEATURE = [1, -1, 3, -1, -1], [2, -1, 4, -1, -1], [0, -2, 1, -2, -2]


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(0)
    label = np.arange(120) % 3
    return draw.normal(size=(120, 4)) + label[:, None], label


def test_a_tree_in_order_passes():
    check_branches(LEFT, RIGHT, FEATURE, 2)


@pytest.mark.parametrize(
    "left, right, feature",
    [
        ([0, -1, 3, -1, -1], RIGHT, FEATURE),  # to itself: would never end
        ([1, -1, 1, -1, -1], RIGHT, FEATURE),  # back
        (LEFT, [2, -1, 999, -1, -1], FEATURE),  # out of the table
        (LEFT, [2, 3, 4, -1, -1], FEATURE),  # a leaf on one side only
        ([1, -7, 3, -1, -1], RIGHT, FEATURE),
        (LEFT, RIGHT, [0, -2, 2, -2, -2]),  # a feature that is not there
        (LEFT, RIGHT, [-5, -2, 1, -2, -2]),
        (LEFT, RIGHT, FEATURE[:4]),
        ([], [], []),
    ],
)
def test_a_tree_that_leaves_its_table_is_refused(left, right, feature):
    with pytest.raises(BundleError):
        check_branches(left, right, feature, 2)


def test_a_forged_support_vector_machine_is_refused(rows):
    machine = RbfSvmMethod().estimator(0).fit(*rows)
    check_nodes(machine, 4)
    machine._n_support = machine._n_support * 100
    with pytest.raises(BundleError, match="miscounts"):
        check_nodes(machine, 4)


def test_a_fitted_tree_passes_and_another_width_does_not(rows):
    tree = DecisionTreeMethod().estimator(0).fit(*rows)
    check_nodes(tree, 4)
    with pytest.raises(BundleError, match="4 features"):
        check_nodes(tree, 5)


def test_lightgbm_text_is_checked(rows):
    booster = LightGBMMethod(trees=3).estimator(0).fit(*rows)
    text = booster.to_bytes().decode()
    check_lightgbm(text.encode(), 4)
    for key, value in (("left_child", "-999"), ("right_child", "0"), ("split_feature", "77")):
        line = next(line for line in text.splitlines() if line.startswith(f"{key}="))
        first, _, rest = line.partition("=")[2].partition(" ")
        forged = text.replace(line, f"{key}={value} {rest}".rstrip(), 1)
        with pytest.raises(BundleError):
            check_lightgbm(forged.encode(), 4)
        assert first != value
    with pytest.raises(BundleError, match="features"):
        check_lightgbm(text.encode(), 9)
    with pytest.raises(BundleError, match="categories"):
        check_lightgbm(text.replace("num_cat=0", "num_cat=1", 1).encode(), 4)


def test_xgboost_json_is_checked(rows):
    booster = XGBoostMethod(trees=3).estimator(0).fit(*rows)
    document = json.loads(booster.to_bytes())
    check_xgboost(json.dumps(document).encode(), 4)
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"][0] = 0
    with pytest.raises(BundleError):
        check_xgboost(json.dumps(document).encode(), 4)
    tree["split_type"] = [1]
    with pytest.raises(BundleError, match="categories"):
        check_xgboost(json.dumps(document).encode(), 4)
