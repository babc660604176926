"""The rules of style and safety that a parser can check, on every source file."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "trifid"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, FUNCTION_LINES, FORWARD_LINES = 400, 60, 25

FORBIDDEN_IMPORTS = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {
    ("torch", "load"),
    ("torch", "save"),
    ("yaml", "load"),
    ("os", "system"),
    ("os", "popen"),
    ("np", "save"),
}
FORBIDDEN_KEYWORDS = {"allow_pickle", "shell", "weights_only"}

Functions = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path):
    return str(path.relative_to(PACKAGE))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, Functions)]


def code_lines(path):
    """Numbers of the lines that hold code: no blank ones, no comments."""
    kinds = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type not in kinds:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def body_lines(function, lines):
    """How many lines of code a function's body has; signature and docstring do not count."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body:
        return 0
    return len(lines & set(range(body[0].lineno, (function.end_lineno or 0) + 1)))


def violations(path):
    """What a file does that no file of the package may do."""
    for node in ast.walk(parsed(path)):
        what = _violation(node)
        if what:
            yield f"{name_of(path)}:{node.lineno}: {what}"


def _violation(node):
    if isinstance(node, ast.Assert):
        return "assert"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return "bare except"
    if isinstance(node, ast.Import):
        bad = {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_IMPORTS
        return f"import {bad}" if bad else ""
    if isinstance(node, ast.ImportFrom):
        module = (node.module or "").split(".")[0]
        names = {(module, alias.name) for alias in node.names}
        bad = module in FORBIDDEN_IMPORTS or names & FORBIDDEN_METHODS
        return f"from {node.module}" if bad else ""
    if isinstance(node, ast.Call):
        return _call_violation(node)
    return ""


def _call_violation(node):
    target = node.func
    if isinstance(target, ast.Name) and target.id in FORBIDDEN_CALLS:
        return f"{target.id}()"
    if isinstance(target, ast.Attribute):
        owner = target.value.id if isinstance(target.value, ast.Name) else ""
        if (owner, target.attr) in FORBIDDEN_METHODS:
            return f"{owner}.{target.attr}()"
    bad = {keyword.arg for keyword in node.keywords} & FORBIDDEN_KEYWORDS
    return f"keyword {bad}" if bad else ""


def undocumented(path):
    """Public modules, classes, functions and methods without a docstring."""
    tree = parsed(path)
    if path.name != "__init__.py" and ast.get_docstring(tree) is None:
        yield f"{name_of(path)}: module"
    yield from (f"{name_of(path)}:{node.lineno}: {node.name}" for node in _public(tree))


def _public(node):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*Functions.__args__, ast.ClassDef)) or child.name.startswith("_"):
            continue
        if ast.get_docstring(child) is None and not _is_overload(child):
            yield child
        if isinstance(child, ast.ClassDef):
            yield from _public(child)


def _is_overload(node):
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_is_short_safe_and_documented(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MODULE_LINES
    assert list(violations(path)) == []
    assert list(undocumented(path)) == []
    lines = code_lines(path)
    for function in functions(parsed(path)):
        limit = FORWARD_LINES if function.name == "forward" else FUNCTION_LINES
        assert body_lines(function, lines) <= limit, f"{function.name}: too long"


def test_no_module_is_called_after_nothing():
    assert not [
        path for path in FILES if path.stem in ("utils", "util", "helpers", "misc", "common")
    ]


@pytest.mark.parametrize(
    "code",
    [
        "assert x",
        "try:\n    f()\nexcept:\n    pass",
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "torch.load(path)",
        "from torch import load",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run('ls', shell=True)",
    ],
)
def test_the_rules_catch_what_they_are_for(code):
    assert any(_violation(node) for node in ast.walk(ast.parse(code)))


def test_lines_are_counted_without_signature_docstring_blank_lines_and_comments(tmp_path):
    path = tmp_path / "m.py"
    signature, docstring = "def f(\n    a,\n):\n", '    """Doc\n    string."""\n\n'
    path.write_text(
        f"{signature}{docstring}    # note\n    b = (\n        a\n    )\n    return b\n"
    )
    (function,) = functions(parsed(path))
    assert body_lines(function, code_lines(path)) == 4


def test_a_docstring_that_is_missing_is_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    path = tmp_path / "m.py"
    path.write_text("class A:\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...\n")
    assert list(undocumented(path)) == ["m.py: module", "m.py:1: A", "m.py:2: f", "m.py:4: h"]
