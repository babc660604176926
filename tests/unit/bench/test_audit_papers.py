"""The audit of invented tables whose truth is known."""

from trifid.bench.audit_papers import audit_paper
from trifid.bench.published import PublishedPaper
from trifid.config import parse


def paper(*tables, **rest):
    return parse(PublishedPaper, {"paper": "invented", "table": list(tables)} | rest)


def found(document, check, model=None):
    return [
        finding
        for finding in audit_paper(document)
        if finding.check == check and model in (None, finding.model)
    ]


def by_class(hits, predicted, support, digits=6):
    ratio = [h / n for h, n in zip(hits, support, strict=True)]
    precise = [h / n for h, n in zip(hits, predicted, strict=True)]
    f1 = [2 * h / (n + m) for h, n, m in zip(hits, support, predicted, strict=True)]
    named = {"recall": ratio, "precision": precise, "f1": f1}
    return {name: [f"{value:.{digits}f}" for value in values] for name, values in named.items()}


def table(**rest):
    return {"number": "1", "n": [1000], "classes": ["a", "b"], "support": [300, 700]} | rest


def test_one_run_and_a_mean_of_two_are_told_apart():
    single = {"model": "one", "by_class": by_class((250, 650), (300, 700), (300, 700))}
    mean = {"model": "two", "by_class": by_class((250.5, 650), (300.5, 699.5), (300, 700))}
    findings = found(paper(table(row=[single, mean])), "counts")
    assert [(f.model, f.verdict) for f in findings] == [
        ("one", "one run"),
        ("two", "mean"),
        ("", "mixed"),
    ]
    assert findings[0].numbers["hits"] == [250, 650]
    assert findings[0].numbers["predicted"] == [300, 700]
    assert findings[1].numbers["runs"] == 2


def test_numbers_that_no_counts_give_are_said():
    broken = {"model": "m", "by_class": {"recall": ["0.833333", "0.928573"]}}
    (finding,) = found(paper(table(row=[broken])), "counts")
    assert finding.verdict == "odd"


def test_another_number_of_objects_is_found():
    rows = [
        {"model": str(k), "overall": {"accuracy": f"{k / 957:.6f}"}} for k in (901, 877, 850, 799)
    ]
    whole = {"number": "1", "n": [1000, 957], "row": rows}
    (finding,) = [f for f in found(paper(whole), "n") if not f.model]
    assert finding.verdict == "other n" and finding.numbers["all_n"] == [957]
    stated = {"number": "1", "n": [1000], "row": rows}
    assert {f.verdict for f in found(paper(stated), "n")} == {"does not fit"}


def test_which_mean_is_printed():
    row = {
        "model": "m",
        "overall": {"recall": "0.90", "f1": "0.88", "precision": "0.50"},
        "by_class": {
            "recall": ["0.80", "1.00"],
            "f1": ["0.60", "1.00"],
            "precision": ["0.70", "0.90"],
        },
    }
    findings = found(paper(table(row=[row])), "averages", "m")
    assert [f.verdict for f in findings] == ["macro mean", "weighted mean", "none"]


def test_a_headline_is_set_against_the_models_own_mean():
    seeds = table(
        number="2",
        row=[{"model": "m", "by_class": {"recall": ["0.80", "0.90"]},
              "by_class_sd": {"recall": ["0.01", "0.02"]}}],
    )  # fmt: skip
    best = {"model": "m", "by_class": by_class((246, 630), (300, 700), (300, 700))}
    findings = found(paper(table(row=[best]), seeds), "single run")
    assert [(f.verdict, f.numbers["class"]) for f in findings] == [("above the mean", "a")]
    assert "+2.0 sd" in findings[0].text
