"""The claims audit finds in the papers' tables what a careful reader found by hand."""

import pytest

from trifid.bench.audit_papers import audit_paper
from trifid.bench.published import published


@pytest.fixture(scope="module")
def gcsnet():
    return audit_paper(published("gcsnet"))


@pytest.fixture(scope="module")
def triple():
    return audit_paper(published("quasar_galaxy_star"))


def pick(findings, check, table, model=""):
    return [f for f in findings if (f.check, f.table, f.model) == (check, table, model)]


@pytest.mark.parametrize(
    "model, hits, predicted",
    [
        ("GCSNet", [1105, 4930, 1784, 2224], [1178, 5045, 1891, 2224]),
        ("GaSNet", [1082, 4838, 1827, 2218], [1142, 4920, 2049, 2227]),
        ("MB-ISTL", [1080, 4679, 1759, 2218], [1193, 4783, 2137, 2225]),
    ],
)
def test_table_2_single_runs(gcsnet, model, hits, predicted):
    (finding,) = pick(gcsnet, "counts", "2", model)
    assert finding.verdict == "one run"
    assert finding.numbers["hits"] == hits
    assert finding.numbers["predicted"] == predicted
    assert sum(predicted) == finding.numbers["n"] == 10_338
    assert finding.numbers["coincidence"] < 1e-9


def test_table_2_mixes_them_with_means_of_three(gcsnet):
    (mean,) = pick(gcsnet, "counts", "2", "TransformerFusion")
    assert mean.verdict == "mean" and mean.numbers["runs"] == 3
    assert [round(3 * hits) for hits in mean.numbers["hits"]] == [3232, 14491, 5226, 6665]
    (mixed,) = pick(gcsnet, "counts", "2")
    assert mixed.verdict == "mixed"
    assert mixed.numbers["runs"]["3"] == ["TransformerFusion"]


def test_table_3_holds_a_number_that_fits_no_count(gcsnet):
    (odd,) = pick(gcsnet, "n", "3", "our-Spec_Img")
    assert odd.verdict == "does not fit"
    (mean,) = pick(gcsnet, "n", "3", "TransformerFusion")
    assert mean.verdict == "mean" and mean.numbers["runs"] == 3


@pytest.mark.parametrize(
    "frame, n, counts",
    [
        ("observed", 10_338, [10047, 10018, 9958, 10001, 10004, 10028, 9963]),
        ("rest", 10_316, [9784, 9805, 9769, 9771, 9748, 9805, 9774]),
    ],
)
def test_the_ablation_has_one_number_of_objects_a_frame(gcsnet, frame, n, counts):
    table = f"5 (ablation, {frame} frame)"
    (whole,) = pick(gcsnet, "n", table)
    assert whole.numbers["all_n"] == [n]
    rows = [f for f in gcsnet if (f.check, f.table) == ("counts", table)]
    assert [f.numbers["correct"] for f in rows] == counts


def test_the_seeds_mean_is_below_the_headline(gcsnet):
    (mean,) = pick(gcsnet, "averages", "4 (stability)", "GCSNet")
    assert round(mean.numbers["accuracy"], 4) == 0.9709
    headline = [
        f
        for f in gcsnet
        if f.check == "single run"
        and (f.numbers["metric"], f.numbers["class"]) == ("precision", "COMP")
    ]
    assert [f.verdict for f in headline] == ["above the mean"]


def test_the_claims_of_gcsnet(gcsnet):
    verdicts = {f.text.split(":")[0]: f.verdict for f in gcsnet if f.check == "claim"}
    assert verdicts["all inputs better than spectrum and table without redshift"] == "open"
    assert verdicts["the image helps the spectrum"] == "the other way"
    (image,) = [f for f in gcsnet if f.text.startswith("the image helps")]
    assert image.numbers["objects"] == -5
    (whole,) = [f for f in gcsnet if f.text.startswith("all inputs")]
    assert whole.numbers["objects"] == 19 and round(whole.numbers["objects_error"]) == 24
    precision, recall = [f for f in gcsnet if f.text.startswith("composite galaxies")]
    assert precision.numbers["a"] == [1784, 1891] and precision.numbers["b"] == [1827, 2049]
    assert round(100 * precision.numbers["difference"], 2) == 5.18
    assert recall.verdict == "the other way"


@pytest.mark.parametrize(
    "model, quasars, errors, support",
    [
        ("ResNet50+ANN", 13, [2, 1, 3], 13),
        ("Xception+ANN", 9, [2, 0, 2], 11),
        ("EfficientNetB2+ANN", 9, [3, 1, 2], 12),
    ],
)
def test_three_networks_were_judged_on_200_objects(triple, model, quasars, errors, support):
    stated, other = pick(triple, "joined", "7 and 8", model)
    assert (stated.numbers["n"], other.numbers["n"]) == (300, 200)
    solutions = other.numbers["solutions"]
    assert {s["hits"][0] for s in solutions} == {quasars}
    assert all(s["errors"] == errors for s in solutions)
    assert {tuple(s["supports"][0]) for s in solutions} == {(support, support)}
    assert bool(stated.numbers["solutions"]) == (model == "Xception+ANN")


def test_and_on_different_ones(triple):
    (finding,) = pick(triple, "joined", "7 and 8")
    assert finding.verdict == "different splits"


def test_recall_is_averaged_in_two_ways(triple):
    (table_4,) = pick(triple, "averages", "4")
    assert table_4.verdict == "mixed" and "ANN" in table_4.numbers["equal"]
    (table_5,) = pick(triple, "averages", "5")
    assert table_5.verdict == "weighted mean"


def test_batmm_averages_by_class_and_its_small_steps_are_not_shown():
    findings = audit_paper(published("batmm"))
    assert {f.verdict for f in findings if f.check == "averages"} == {"macro mean"}
    verdicts = {f.text.split(":")[0]: f.verdict for f in findings if f.check == "claim"}
    assert verdicts["squeeze and excitation helps the image"] == "not shown"
    assert verdicts["segment embeddings help"] == "not shown"
    gains = {
        f.text.split(":")[0]: round(100 * f.numbers["difference"], 2)
        for f in findings
        if f.check == "claim"
    }
    assert gains["+2.76 points of F1 over the spectrum alone (VGG1D)"] == 2.76
    assert gains["over the Transformer with the spectrum alone"] == 0.98


def test_nothing_can_be_said_of_a_paper_without_numbers():
    assert audit_paper(published("redshift_sfr")) == []
