"""Fitted classical models in one file that cannot run code.

A stored (not compressed) zip of three members:

    card.json        format, version, name of the method's class, the classes seen
    prepare.skops    the fitted preparation
    method.skops     the fitted scikit-learn estimator
    method.txt       or LightGBM's own text, or method.json, XGBoost's

Before anything is built, every node of a skops document must be one of `ALLOWED`: (module, class,
loader), all of them plain data or estimators that only compute. What is built is then compared
with what the recipe makes, and node tables that compiled code walks without looking (trees, support
vectors) are checked: an index that leaves its array would read foreign memory, one that goes back
would never end.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from trifid.errors import BundleError, TrifidError
from trifid.files import written_whole
from trifid.models.boosted import Boosted
from trifid.models.node_tables import check_lightgbm, check_nodes, check_xgboost

FORMAT, VERSION = "trifid-classical", 1
MEMBER_BYTES, MEMBERS, SCHEMA_BYTES = 4 * 2**30, 200_000, 512 * 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member: the same state gives the same bytes

_PLAIN = {
    ("builtins", "dict", "DictNode"),
    ("builtins", "list", "ListNode"),
    ("builtins", "slice", "SliceNode"),
    ("builtins", "str", "JsonNode"),
    ("builtins", "tuple", "TupleNode"),
    ("numpy", "dtype", "DTypeNode"),
    ("numpy", "ndarray", "NdArrayNode"),
    ("numpy.random.mtrand", "RandomState", "RandomStateNode"),
    ("sklearn._loss._loss", "CyHalfBinomialLoss", "LossNode"),
    ("sklearn._loss._loss", "CyHalfMultinomialLoss", "LossNode"),
    ("sklearn.linear_model._sgd_fast", "Hinge", "LossNode"),
    ("sklearn.tree._tree", "Tree", "TreeNode"),
}
_NUMBERS = {
    ("numpy", name, "NdArrayNode")
    for name in ("float32", "float64", "int32", "int64", "uint8", "bool", "bool_")
}
_TYPES = {("builtins", "str", "TypeNode"), ("numpy", "float64", "TypeNode")}
_ESTIMATORS = {
    (module, name, "ObjectNode")
    for module, names in {
        "sklearn._loss.link": "Interval MultinomialLogit LogitLink",
        "sklearn._loss.loss": "HalfBinomialLoss HalfMultinomialLoss",
        "sklearn.compose._column_transformer": "ColumnTransformer",
        "sklearn.decomposition._pca": "PCA",
        "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        "sklearn.dummy": "DummyClassifier DummyRegressor",
        "sklearn.ensemble._forest": "ExtraTreesClassifier RandomForestClassifier "
        "RandomForestRegressor",
        "sklearn.ensemble._gb": "GradientBoostingClassifier",
        "sklearn.ensemble._weight_boosting": "AdaBoostClassifier",
        "sklearn.impute._base": "MissingIndicator SimpleImputer",
        "sklearn.linear_model._base": "LinearRegression",
        "sklearn.linear_model._logistic": "LogisticRegression",
        "sklearn.linear_model._ridge": "RidgeClassifier",
        "sklearn.linear_model._stochastic_gradient": "SGDClassifier",
        "sklearn.naive_bayes": "GaussianNB",
        "sklearn.neighbors._classification": "KNeighborsClassifier",
        "sklearn.pipeline": "Pipeline",
        "sklearn.preprocessing._data": "StandardScaler",
        "sklearn.preprocessing._label": "LabelBinarizer",
        "sklearn.svm._classes": "SVC",
        "sklearn.tree._classes": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier",
    }.items()
    for name in names.split()
}
ALLOWED = frozenset(_PLAIN | _NUMBERS | _TYPES | _ESTIMATORS)


def save_fitted(path: Path, prepare: Any, method: Any) -> None:
    """Writes a fitted preparation and method to one file."""
    from skops import io as skops_io

    boosted = isinstance(method, Boosted)
    card = {
        "format": FORMAT,
        "version": VERSION,
        "method": type(method).__name__,
        "classes": [int(k) for k in getattr(method, "classes_", ())],
    }
    members = {
        "card.json": json.dumps(card).encode(),
        "prepare.skops": skops_io.dumps(prepare),
        _member(method): method.to_bytes() if boosted else skops_io.dumps(method),
    }
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def load_fitted(path: Path, method: Any, *, columns: int, outputs: int) -> tuple[Any, Any]:
    """Reads a fitted preparation and method.

    Args:
        path: The file.
        method: The unfitted method that the recipe makes; the file must hold one of its class.
        columns: Width of the matrix the preparation reads.
        outputs: Number of classes or targets.

    Raises:
        BundleError: If the file is damaged, or holds anything that the recipe does not make.
    """
    try:
        return _load(path, method, columns, outputs)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None
    except TrifidError:
        raise
    except MemoryError:
        raise BundleError(f"{path}: asks for more memory than there is") from None
    except Exception as error:  # noqa: BLE001  whatever a foreign file makes a reader say
        text = f"{type(error).__name__}: {str(error)[:160]}"
        raise BundleError(f"{path}: no classical model that can be read ({text})") from None


def _load(path: Path, method: Any, columns: int, outputs: int) -> tuple[Any, Any]:
    members = _members(path.read_bytes(), {"card.json", "prepare.skops", _member(method)})
    card = json.loads(members["card.json"])
    expected = {"format": FORMAT, "version": VERSION, "method": type(method).__name__}
    for key, value in expected.items():
        if card.get(key) != value:
            raise BundleError(f"{key} is {card.get(key)!r:.60}, expected {value!r}")
    prepare = _from_skops(members["prepare.skops"])
    if type(prepare).__name__ != "ColumnTransformer" or prepare.n_features_in_ != columns:
        raise BundleError(f"the preparation is no transformer of {columns} columns")
    width = prepare.transform(np.full((2, columns), np.nan, np.float32)).shape[1]
    content = members[_member(method)]
    if isinstance(method, Boosted):
        _read_booster(method, content, card["classes"], width)
        fitted = method
    else:
        fitted = _from_skops(content)
        if type(fitted) is not type(method) or fitted.n_features_in_ != width:
            raise BundleError(f"the method is no {type(method).__name__} of {width} features")
        check_nodes(fitted, width)
    _try(fitted, width, outputs)
    return prepare, fitted


def _member(method: Any) -> str:
    return f"method.{method.suffix}" if isinstance(method, Boosted) else "method.skops"


def _members(content: bytes, wanted: set[str]) -> dict[str, bytes]:
    """The members of a zip whose names and sizes are as expected, without unpacking anything."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        items = archive.infolist()
        if {item.filename for item in items} != wanted or len(items) != len(wanted):
            names = sorted(item.filename for item in items)
            raise BundleError(f"holds {names!r:.120}, expected {sorted(wanted)}")
        _refuse_bombs(items)
        return {item.filename: archive.read(item) for item in items}


def _refuse_bombs(items: list[zipfile.ZipInfo]) -> None:
    if len(items) > MEMBERS or sum(item.file_size for item in items) > MEMBER_BYTES:
        raise BundleError(f"is larger than {MEMBER_BYTES} bytes or {MEMBERS} members")
    if any(item.compress_type != zipfile.ZIP_STORED for item in items):
        raise BundleError("is compressed, which trifid never writes")


def _from_skops(content: bytes) -> Any:
    """Builds a skops document after looking at every one of its nodes."""
    from skops import io as skops_io
    from skops.io._protocol import PROTOCOL

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _refuse_bombs(archive.infolist())
        if archive.getinfo("schema.json").file_size > SCHEMA_BYTES:
            raise BundleError(f"a schema is larger than {SCHEMA_BYTES} bytes")
        schema = json.loads(archive.read("schema.json"))
    if schema.get("protocol") != PROTOCOL:  # loaders of older ones have other rules
        raise BundleError(f"skops protocol {schema.get('protocol')!r:.20}, expected {PROTOCOL}")
    for node in _nodes(schema):
        kind = (node.get("__module__"), node.get("__class__"), node.get("__loader__"))
        if kind not in ALLOWED:
            raise BundleError(f"holds {kind[0]}.{kind[1]} ({kind[2]}), which no recipe makes")
    return skops_io.loads(content, trusted=[f"{module}.{name}" for module, name, _ in ALLOWED])


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every node of a skops document, without recursion."""
    waiting: list[Any] = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            known = cast(dict[str, Any], item)
            if {"__class__", "__module__", "__loader__"} & set(known):
                yield known
            waiting.extend(known.values())
        elif isinstance(item, list):
            waiting.extend(cast(list[Any], item))


def _read_booster(method: Boosted, content: bytes, classes: Any, width: int) -> None:
    if not isinstance(classes, list) or not all(type(k) is int for k in classes):
        raise BundleError(f"classes are {classes!r:.60}, expected numbers")
    check = check_lightgbm if method.suffix == "txt" else check_xgboost
    check(content, width)
    method.classes_ = np.array(classes, np.int64)
    if method.from_bytes(content) != width:
        raise BundleError(f"the booster does not read {width} features")


def _try(fitted: Any, width: int, outputs: int) -> None:
    """Answers for two rows: of the right shape, of known classes, finite."""
    rows = np.zeros((2, width))
    if not hasattr(fitted, "classes_"):
        answer = np.asarray(fitted.predict(rows)).reshape(2, -1)
        if answer.shape != (2, outputs) or not np.isfinite(answer).all():
            raise BundleError(f"the regression does not give {outputs} numbers")
        return
    classes = np.asarray(fitted.classes_)
    inside = classes.ndim == 1 and classes.dtype.kind == "i" and len(set(classes.tolist())) > 1
    if not inside or len(classes) > outputs or classes.min() < 0 or classes.max() >= outputs:
        raise BundleError(f"classes are {classes.tolist()!r:.60}, expected 0 to {outputs - 1}")
    if hasattr(fitted, "predict_proba"):
        chances = fitted.predict_proba(rows)
        if chances.shape != (2, len(classes)) or not np.isfinite(chances).all():
            raise BundleError(f"the method does not give {len(classes)} probabilities")
    elif not np.isin(fitted.predict(rows), classes).all():
        raise BundleError("the method answers with a class it does not know")
