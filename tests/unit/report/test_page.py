import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from trifid.cli.report import report
from trifid.errors import RunError, StoreError
from trifid.report.page import report_html

_VOID = {"meta", "img", "link", "br", "hr", "input"}
_HOSTILE = ("<script>alert(1)</script>", "$x_{1}$", "=1+1", "a\"b'c&amp;\x1b[31m\u202ed")


class Read(HTMLParser):
    """What a browser would see: elements, the text in them, tables row by row."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.rows: list[list[str]] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td") and "table" in self.open:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)
        if {"td", "th"} & set(self.open) and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def of(self, tag: str) -> str:
        return " ".join(" ".join(self.text.get(tag, [])).split())

    def row(self, name: str) -> list[str]:
        """The first row with this heading, white space made single."""
        rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]
        return next(row for row in rows if row and row[0] == name)


@pytest.fixture
def light(tmp_path: Path, whole_run: Path) -> Path:
    """A copy of the run without predictions, so without figures that take time."""
    run = shutil.copytree(whole_run, tmp_path / "run")
    (run / "predictions.parquet").unlink()
    return run


@pytest.fixture(scope="module")
def page(whole_run: Path) -> Read:
    return Read(report_html(whole_run))


def test_nothing_is_loaded_or_run(page: Read) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in page.elements:
        for key in ("src", "href", "xlink:href", "action", "srcset"):
            value = attributes.get(key, "#")
            assert value.startswith(("#", "data:image/png;base64,")), (tag, value[:60])
        assert "style" not in attributes
        assert not [key for key in attributes if key.startswith("on")]


def test_the_policy_allows_this_style_and_nothing_else(page: Read) -> None:
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv"))
    style = "".join(page.text["style"])
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in style


def test_ids_are_unique_and_every_reference_has_its_target(page: Read) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        wanted = attributes.get("aria-labelledby", "").split()
        if attributes.get("href", "").startswith("#"):
            wanted.append(attributes["href"][1:])
        wanted += re.findall(r"url\(#([^)]+)\)", " ".join(attributes.values()))
        assert set(wanted) <= set(ids), (tag, wanted)


def test_a_screen_reader_finds_its_way(page: Read) -> None:
    tags = [tag for tag, _ in page.elements]
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert tags.count("table") == tags.count("caption")
    assert all(a.get("scope") for tag, a in page.elements if tag == "th")
    assert all(a.get("alt") for tag, a in page.elements if tag == "img")
    images = [a for tag, a in page.elements if tag == "svg" and a.get("aria-hidden") != "true"]
    assert len(images) > 8
    assert all(a["role"] == "img" for a in images)
    assert next(a["href"] for tag, a in page.elements if tag == "a") == "#main"


def test_numbers_are_those_of_the_metrics(page: Read, whole_run: Path) -> None:
    metrics = json.loads((whole_run / "metrics.json").read_text())
    accuracy = metrics["metrics"]["accuracy"]
    said = f"{accuracy['low']:.3f} to {accuracy['high']:.3f}"
    assert page.row("Accuracy") == ["Accuracy", f"{accuracy['value']:.3f}", said, ""]
    mcc = metrics["metrics"]["mcc"]
    assert page.row("Matthews correlation")[1] == f"{mcc['value']:.3f}"
    counts = metrics["confusion"]["counts"]
    for name, row in zip(metrics["confusion"]["classes"], counts, strict=True):
        cells = page.row(name)
        assert [int(cell.split()[0]) for cell in cells[1:]] == [*row, sum(row)]
        shares = [float(cell.split()[1]) for cell in cells[1:-1]]
        assert shares == pytest.approx([100 * n / sum(row) for n in row], abs=0.05)
    for name, entry in metrics["per_class"].items():
        rows = [row for row in page.rows if row and row[0] == name and len(row) == 7]
        assert rows[0][1] == str(entry["support"])
        assert rows[0][3].strip().startswith(f"{entry['recall']['value']:.3f}")
    for name, entry in metrics["subsets"].items():
        heading = name.replace("+", " + ") + (" (all)" if name == metrics["subset"] else "")
        assert page.row(heading)[1] == str(metrics["subset_n"][name])
        assert page.row(heading)[4].startswith(f"{entry['macro_f1']['value']:.3f}")
    ((name, rate),) = metrics["utilisation"]["macro_f1"].items()
    (row,) = [row for row in page.rows if row[:2] == [name, "Macro F1"]]
    assert row[3].strip().startswith(f"{rate['value']:.3f}")
    assert f"sorts {metrics['n']} simulated objects into 4 classes" in page.of("p")


def test_the_gallery_shows_what_there_is_and_says_what_is_not(page: Read) -> None:
    pictures = [a for tag, a in page.elements if tag == "img"]
    assert pictures
    assert "This object has no image" in page.of("p")
    assert page.of("h4").count("sdss-") >= 8
    assert "lines at this row's redshift" in page.of("figcaption")
    assert "not used by this model" in page.of("figcaption")
    assert "Wrong" in page.of("span")
    assert "taken for" in page.of("p")


def test_the_data_card_tells_origin_labels_and_leaks(page: Read) -> None:
    assert page.row("Rows in the store")[1] == "240"
    assert page.row("Origin: simulated")[1] == "true"
    assert page.row("Class")[1:6] == ["Objects", "Precision", "Recall", "F1", "AUC"]
    assert page.row("no label")[-1] == "1"
    assert page.row("Features of table")[1].startswith("LEAKY")
    assert page.row("empty file")[1] == "2"
    assert "modelmag_r [mag]" in page.row("table")[3]
    assert "415\u202f490 parameters, trained in 3.1 min at 116 rows per second" in page.source


def test_figures_are_files_for_papers_too(page: Read, whole_run: Path) -> None:
    names = {path.name for path in (whole_run / "figures").iterdir()}
    assert {"roc.svg", "reliability.svg", "risk-coverage.svg"} <= names


def test_equal_input_gives_equal_bytes(page: Read, whole_run: Path) -> None:
    assert report_html(whole_run).read_text(encoding="utf-8") == page.source


def test_hostile_names_are_only_text(tmp_path: Path, build: Callable[..., Path]) -> None:
    names = [f'"><img src=x onerror=alert({k})>$\\frac{{1}}{{$ =cmd\x07 {k}' for k in range(60)]
    run = build(tmp_path, classes=_HOSTILE, names=names, task="<b>task</b>")
    (run / "environment.json").write_text(json.dumps({"<i>cpu</i>": "{{ 7 * 7 }}"}))
    (run / "recipe.toml").write_text('name = "</pre><script>alert(2)</script>"\ntask = "x"\n')
    page = Read(report_html(run))
    assert not {tag for tag, _ in page.elements} & {"script", "b", "i"}
    assert all(a["src"].startswith("data:") for tag, a in page.elements if tag == "img")
    assert _HOSTILE[0] in page.of("text")  # in a legend
    assert "$x_{1}$" in page.of("text")
    assert "<b>task</b>" in page.of("h1")
    assert "{{ 7 * 7 }}" in page.of("dd")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", page.source)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("metrics.json", "This run holds no metrics.json"),
        ("predictions.parquet", "This run holds no predictions.parquet"),
        ("log.jsonl", "This run holds no log.jsonl"),
        ("cost.json", "This run holds no cost.json"),
        ("environment.json", "This run holds no environment.json"),
        ("recipe.toml", "This run holds no recipe.toml"),
        ("run.json", "This run does not name its store"),
    ],
)
def test_a_missing_file_is_a_sentence(light: Path, file: str, sentence: str) -> None:
    (light / file).unlink(missing_ok=True)
    assert sentence in Read(report_html(light)).of("p")


def test_the_command_prints_the_path(light: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(light)
    assert capsys.readouterr().out == f"{light / 'report.html'}\n"


def test_a_run_of_one_file_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"recipe": "galaxy4"}')
    page = Read(report_html(tmp_path))
    assert "galaxy4" in page.of("h1")
    assert "nothing is judged" in page.of("p")


def test_a_lost_store_is_a_sentence_and_another_one_may_be_given(
    tmp_path: Path, whole_run: Path, build: Callable[..., Path]
) -> None:
    run = shutil.copytree(whole_run, tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"store": str(tmp_path / "gone")}))
    page = Read(report_html(run))
    assert "The store of this run cannot be read" in page.of("p")
    assert not [a for tag, a in page.elements if tag == "img"]
    assert "sdss-" in page.of("h4")
    other = build(tmp_path / "other", names=[f"elsewhere {k}" for k in range(12)])
    page = Read(report_html(run, other.parent / "store"))
    assert "The store has changed since this run" in page.of("p")
    assert "This object is not in the store." in page.of("p")
    with pytest.raises(StoreError, match="gone"):
        report_html(run, tmp_path / "gone")


def test_folds_have_a_line_and_a_cost_each(tmp_path: Path, build: Callable[..., Path]) -> None:
    page = Read(report_html(build(tmp_path, folds=5, rows=80)))
    assert "each by the one of 5 models that had not seen it" in page.of("p")
    assert page.of("text").count("fold 4") == 2  # loss, score
    assert page.row("fold 4")[1] == "415 490"
    assert page.row("Class")[0] == "Class"
    assert "Fold 4" in page.of("th")


def test_what_is_no_run_or_damaged_is_refused(tmp_path: Path, whole_run: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        report_html(tmp_path)
    run = shutil.copytree(whole_run, tmp_path / "run")
    (run / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json is not JSON"):
        report_html(run)


def test_a_killed_run_of_folds_is_named_and_can_be_resumed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for k in range(2):
        (run / f"fold-{k}").mkdir(parents=True)
        (run / f"fold-{k}" / "recipe.toml").write_text('name = "r"')
    (run / "fold-0" / "metrics.json").write_text("{}")
    (run / "run.json").write_text(json.dumps({"folds": 5}))
    with pytest.raises(RunError, match=r"run is an unfinished run: 1 of 5 folds .* --resume"):
        report_html(run)
    assert not (run / "report.html").exists()


def test_a_log_cut_off_by_a_kill_is_read_to_its_last_whole_line(light: Path) -> None:
    text = (light / "log.jsonl").read_text()
    (light / "log.jsonl").write_text(text[:-30])
    assert "Loss by epoch" in Read(report_html(light)).of("figcaption")
    (light / "log.jsonl").write_text("{\n" + text)
    with pytest.raises(RunError, match="line 1"):
        report_html(light)


def test_a_leaky_input_is_said_beside_the_numbers(light: Path) -> None:
    facts = json.loads((light / "run.json").read_text())
    (light / "run.json").write_text(json.dumps(facts | {"leaky_inputs": ["table"]}))
    assert "Leaky input: table holds what the label was made from" in Read(report_html(light)).of(
        "p"
    )


def test_text_stands_out_from_its_ground() -> None:
    from importlib.resources import files

    style = (files("trifid.report") / "templates" / "report.css").read_text()
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style))
    for name in ("ink", "muted", "accent", "right", "wrong"):
        assert _contrast(named[name], named["paper"]) > 4.5
        assert _contrast(named[name], named["wash"]) > 4.5
    for step, ground in re.findall(r"\.heat-(\d+) \{ background: (#[0-9a-f]{6}); \}", style):
        assert _contrast("#ffffff" if int(step) > 5 else named["ink"], ground) > 4.5


def _contrast(first: str, second: str) -> float:
    """WCAG 2.1 contrast ratio of two colours."""
    light = sorted(_luminance(colour) for colour in (first, second))
    return (light[1] + 0.05) / (light[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
