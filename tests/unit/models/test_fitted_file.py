"""The file of a fitted classical model: what it may hold, and what a hostile one gets."""

import io
import json
import zipfile

import pytest
from skops import io as skops_io

from trifid.errors import BundleError
from trifid.models.classical import ClassicalConfig
from trifid.models.fitted_file import ALLOWED
from trifid.models.methods import DecisionTreeMethod, ExtraTreesMethod, LogisticMethod
from trifid.schema.signature import Signature

SIGNATURE = Signature(
    inputs={"image": (2, 9, 9), "spectrum": (40,), "table": (6,)}, classes=("a", "b", "c")
)


def config(method):
    return ClassicalConfig(method=method, components=4)


@pytest.fixture(scope="module")
def good(make_batch, tmp_path_factory):
    """A file of a fitted decision tree."""
    model = config(DecisionTreeMethod()).build(SIGNATURE)
    model.fit([make_batch()])
    path = tmp_path_factory.mktemp("fitted") / "model.bin"
    model.save(path)
    return path


@pytest.fixture
def refused(tmp_path):
    """A function that loads altered members and gives the one-line refusal."""

    def load(members, method=None, signature=SIGNATURE, compression=zipfile.ZIP_STORED):
        path = tmp_path / "altered.bin"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(BundleError) as caught:
            config(method or DecisionTreeMethod()).build(signature).load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        return str(caught.value)

    return load


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_schema(content, change):
    """A skops document with its schema changed."""
    parts = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema)
    parts["schema.json"] = json.dumps(schema).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def test_nothing_allowed_can_call_or_open():
    loaders = {loader for _, _, loader in ALLOWED}
    assert not loaders & {"FunctionNode", "MethodNode", "PartialNode", "OperatorFuncNode"}
    assert not loaders & {"ConstructorFromReduceNode", "BytesNode", "QuantileForestNode"}
    modules = {module.split(".")[0] for module, _, _ in ALLOWED}
    assert modules == {"builtins", "numpy", "sklearn"}
    assert all(name in ("str", "float64") for _, name, loader in ALLOWED if loader == "TypeNode")


@pytest.mark.parametrize(
    "foreign",
    [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"},
        {"__class__": "call", "__module__": "operator", "__loader__": "OperatorFuncNode"},
        {"__class__": "FunctionTransformer", "__module__": "sklearn.preprocessing._function_tran"
         "sformer", "__loader__": "ObjectNode"},
        {"__class__": "dict", "__module__": "builtins", "__loader__": "MethodNode"},
        {"__class__": "str", "__loader__": "JsonNode"},
        {"__module__": "os"},
    ],
    ids=lambda node: str(node.get("__class__")),
)  # fmt: skip
@pytest.mark.parametrize("member", ["prepare.skops", "method.skops"])
def test_a_type_that_no_recipe_makes_is_refused_before_anything_is_built(
    foreign, member, good, refused, monkeypatch
):
    parts = members(good)
    parts[member] = with_schema(parts[member], lambda schema: schema.update(extra=[foreign]))
    built = []
    real = skops_io.loads
    monkeypatch.setattr(skops_io, "loads", lambda *a, **k: (built.append(a), real(*a, **k))[1])
    assert "which no recipe makes" in refused(parts)
    assert len(built) == (0 if member == "prepare.skops" else 1)


def test_a_pickle_in_disguise_is_no_model(refused, tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    content = pickle.dumps(Evil())
    refused({"card.json": content, "prepare.skops": content, "method.skops": content})
    path = tmp_path / "plain.pkl"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="can be read"):
        config(LogisticMethod()).build(SIGNATURE).load(path)
    assert not (tmp_path / "owned").exists()


def test_older_protocols_and_nested_documents_are_refused(good, refused):
    parts = members(good)
    old = with_schema(parts["method.skops"], lambda schema: schema.update(protocol=0))
    assert "protocol 0" in refused(parts | {"method.skops": old})
    deep = {"card.json": b"[" * 100_000}
    assert "RecursionError" in refused(parts | deep)


def test_members_sizes_and_compression_are_checked(good, refused, monkeypatch):
    parts = members(good)
    assert "compressed" in refused(parts, compression=zipfile.ZIP_DEFLATED)
    assert "expected" in refused(parts | {"../evil": b""})
    assert "expected" in refused({"card.json": b"{}"})
    monkeypatch.setattr("trifid.models.fitted_file.MEMBER_BYTES", 1000)
    assert "larger" in refused(parts)


def test_a_model_of_another_recipe_is_refused(good, refused, make_batch):
    parts = members(good)
    renamed = parts | {"card.json": parts["card.json"].replace(b"DecisionTree", b"ExtraTrees")}
    assert "expected 'DecisionTreeClassifier'" in refused(renamed)
    assert "no ExtraTreesClassifier" in refused(renamed, method=ExtraTreesMethod())
    two = SIGNATURE.replace(classes=("a", "b"))
    assert "expected 0 to 1" in refused(parts, signature=two)
    wider = SIGNATURE.replace(inputs=SIGNATURE.inputs | {"table": (7,)})
    assert "transformer of" in refused(parts, signature=wider)
    other = ClassicalConfig(method=DecisionTreeMethod(), components=5).build(SIGNATURE)
    other.fit([make_batch()])
    foreign = parts | {"method.skops": skops_io.dumps(other.method)}
    assert "features" in refused(foreign)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BundleError, match="FileNotFoundError"):
        config(LogisticMethod()).build(SIGNATURE).load(tmp_path / "none.bin")
