"""Tables of nodes that compiled code follows blindly: are all indices where they belong?"""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from trifid.errors import BundleError


def check_nodes(fitted: Any, features: int) -> None:
    """Checks every tree and the support vectors of a fitted scikit-learn estimator.

    Raises:
        BundleError: If an index leaves its table or a branch leads back.
    """
    for tree in _trees(fitted):
        inner = tree.tree_
        if inner.n_features != features or inner.node_count > inner.capacity:
            raise BundleError(f"a tree reads {inner.n_features} features, expected {features}")
        check_branches(inner.children_left, inner.children_right, inner.feature, features)
    if hasattr(fitted, "support_vectors_"):
        _check_support(fitted, features)


def check_branches(left: Any, right: Any, feature: Any, features: int) -> None:
    """Checks one tree: children come after their parent, leaves are marked -1 on both sides.

    Raises:
        BundleError: If one does not.
    """
    left, right, feature = (np.asarray(values, np.int64) for values in (left, right, feature))
    if not left.ndim == 1 == right.ndim or not len(left) == len(right) == len(feature) > 0:
        raise BundleError("a tree's tables differ in length")
    number = np.arange(len(left))
    leaf = left == -1
    known = (left > number) & (right > number) & (left < len(left)) & (right < len(left))
    inside = (feature >= 0) & (feature < features)
    if not np.where(leaf, right == -1, known & inside).all():
        raise BundleError("a tree's branches leave the tree or lead back")


def check_lightgbm(content: bytes, features: int) -> None:
    """Checks every tree of LightGBM's text format, whose leaves are numbers below zero.

    Raises:
        BundleError: If an index leaves its table or a branch leads back.
    """
    text = content.decode()
    blocks = re.split(r"^Tree=\d+$", text.split("end of trees")[0], flags=re.MULTILINE)[1:]
    if not blocks or f"max_feature_idx={features - 1}\n" not in blocks[0] + text[:4000]:
        raise BundleError(f"LightGBM's text holds no trees of {features} features")
    for block in blocks:
        lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        leaves = int(lines["num_leaves"])
        if int(lines.get("num_cat", 0)) or int(lines.get("is_linear", 0)):
            raise BundleError("LightGBM's trees hold categories or lines, which no recipe makes")
        if len(lines["leaf_value"].split()) != leaves or leaves < 1:
            raise BundleError("a tree of LightGBM has not as many values as leaves")
        if leaves == 1:
            continue
        numbers = ("left_child", "right_child", "split_feature")
        left, right, feature = (np.array(lines[key].split(), np.int64) for key in numbers)
        nodes = np.arange(leaves - 1)
        if any(len(lines[key].split()) != leaves - 1 for key in (*numbers, "threshold")):
            raise BundleError("a tree of LightGBM has not as many nodes as leaves - 1")
        for child in (left, right):
            inner = (child > nodes) & (child < leaves - 1)
            if not np.where(child >= 0, inner, ~child < leaves).all():
                raise BundleError("a tree of LightGBM leaves itself or leads back")
        if (feature < 0).any() or (feature >= features).any():
            raise BundleError(f"a tree of LightGBM reads a feature beyond {features}")


def check_xgboost(content: bytes, features: int) -> None:
    """Checks every tree of XGBoost's JSON format.

    Raises:
        BundleError: If an index leaves its table or a branch leads back.
    """
    learner = json.loads(content)["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise BundleError(f"XGBoost's booster is {learner['gradient_booster']['name']!r:.40}")
    for tree in learner["gradient_booster"]["model"]["trees"]:
        if any(tree["categories_nodes"]) or any(tree["split_type"]):
            raise BundleError("XGBoost's trees hold categories, which no recipe makes")
        left = tree["left_children"]
        check_branches(left, tree["right_children"], tree["split_indices"], features)
        parts = ("split_conditions", "default_left", "base_weights")
        if any(len(tree[key]) != len(left) for key in parts):
            raise BundleError("a tree of XGBoost has tables of different lengths")


def _trees(fitted: Any) -> Iterator[Any]:
    if hasattr(fitted, "tree_"):
        yield fitted
    for member in np.ravel(np.asarray(getattr(fitted, "estimators_", ()), dtype=object)):
        yield from _trees(member)


def _check_support(fitted: Any, features: int) -> None:
    """The counts that libsvm trusts."""
    vectors, classes = np.asarray(fitted.support_vectors_), len(fitted.classes_)
    pairs = classes * (classes - 1) // 2
    shapes = {
        "support_vectors_": (len(fitted.support_), features),
        "_dual_coef_": (classes - 1, len(vectors)),
        "_intercept_": (pairs,),
        "_n_support": (classes,),
    }
    for name, shape in shapes.items():
        if np.shape(getattr(fitted, name)) != shape:
            raise BundleError(f"{name} of a support vector machine is not of shape {shape}")
    counts = np.asarray(fitted._n_support)
    if (counts < 0).any() or counts.sum() != len(vectors):
        raise BundleError("a support vector machine miscounts its vectors")
