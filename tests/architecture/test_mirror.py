"""Every module has its test file, or is named here with the reason."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, UNIT = ROOT / "src" / "trifid", ROOT / "tests" / "unit"
COVERED_BY_CONTRACT = {"models", "recipes", "cli", "surveys"}
_ABSTRACT = "an abstract part without behaviour"
_PART = "a part of GCSNet: golden/test_gcsnet_shapes.py and contract/test_models.py"
_TASK = "a list of names: contract/test_recipes.py and unit/data/test_task.py"
_INGEST = "a step of ingest: unit/ingest/test_run.py and real/test_ingest.py"
_RUN = "a step of a run: unit/training/test_run.py"
_AUDIT = "a part of the audit: unit/evaluation/leakage/test_audit.py"
_PAGE = "a piece of the page: unit/report/test_page.py"
WITHOUT = {
    "version.py": "one constant",
    "errors.py": "names without behaviour",
    "schema/signature.py": "two fields",
    "bench/finding.py": "six fields",
    "data/tasks/bhb2.py": _TASK,
    "data/tasks/galaxy4.py": _TASK,
    "data/tasks/galaxyzoo.py": _TASK,
    "data/tasks/sgq3.py": _TASK,
    "data/tasks/zsfr.py": _TASK,
    "evaluation/leakage/features.py": _AUDIT,
    "evaluation/leakage/finding.py": _AUDIT,
    "evaluation/leakage/folds.py": _AUDIT,
    "evaluation/measure.py": "what both kinds of document share: test_evaluate, test_numbers",
    "encoders/base.py": _ABSTRACT,
    "encoders/conv_image.py": _PART,
    "encoders/conv_spectrum.py": _PART,
    "encoders/mlp_table.py": _PART,
    "fusion/base.py": _ABSTRACT,
    "fusion/self_attention.py": _PART,
    "heads/base.py": _ABSTRACT,
    "evaluation/table.py": "checks of a table: unit/evaluation/test_predictions.py",
    "ingest/frames.py": _INGEST,
    "ingest/plan.py": _INGEST,
    "ingest/rows.py": _INGEST,
    "ingest/scan.py": _INGEST,
    "ingest/schema.py": _INGEST,
    "ingest/shards.py": _INGEST,
    "report/cards.py": _PAGE,
    "report/numbers.py": "a piece of the page: unit/evaluation/test_numbers.py",
    "report/run.py": _PAGE,
    "report/tables.py": _PAGE,
    "simulate/source.py": "what kinds of objects have in common, without behaviour",
    "training/checkpoint.py": _RUN,
    "training/device.py": _RUN,
    "training/forward.py": _RUN,
    "training/log.py": _RUN,
    "training/loop.py": _RUN,
}
BESIDES = {
    "cli/test_audit_and_tune.py": "two verbs on published tables and a small store",
    "cli/test_ingest_and_info.py": "two verbs on the spec files of the unit tests",
    "evaluation/test_commands.py": "two verbs on hand-made predictions",
}


def missing():
    """Modules without tests/unit/<folder>/test_<module>.py."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if path.name == "__init__.py" or place.parts[0] in COVERED_BY_CONTRACT:
            continue
        if not (UNIT / place.parent / f"test_{path.name}").is_file():
            yield str(place)


def test_every_module_has_a_test_file_or_a_reason():
    without = set(missing())
    assert without - set(WITHOUT) == set()  # write tests/unit/<folder>/test_<module>.py
    assert set(WITHOUT) - without == set()  # these have tests now: take them off the list


def test_every_test_file_has_its_module():
    orphans = {
        str(path.relative_to(UNIT))
        for path in UNIT.rglob("test_*.py")
        if not (PACKAGE / path.relative_to(UNIT).parent / path.name.removeprefix("test_")).is_file()
    }
    assert orphans - set(BESIDES) == set()
