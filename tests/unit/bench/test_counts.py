"""Integer counts behind printed ratios."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifid.bench.counts import (
    Printed,
    coincidence,
    counts_behind,
    denominators,
    f1_solutions,
    predicted_behind,
    runs_behind,
)


def test_the_last_digit_is_part_of_the_number():
    short, long = Printed.of("98.5", percent=True), Printed.of("98.50", percent=True)
    assert short.value == long.value == 0.985
    assert (short.half, long.half) == pytest.approx((0.0005, 0.00005))
    assert short.holds(0.9853) and not long.holds(0.9853)


@given(st.integers(2, 20_000), st.floats(0, 1), st.integers(1, 5))
@settings(deadline=None, max_examples=200)
def test_the_true_count_is_always_found(n, share, runs):
    hits = round(share * n * runs)
    ratio = Printed.of(f"{hits / (n * runs):.6f}")
    assert hits in counts_behind(ratio, n, runs)
    assert runs_behind([ratio], [n], runs) in range(1, runs + 1)


def test_a_mean_of_three_runs_is_no_whole_count():
    ratio = Printed.of("0.937627")
    assert counts_behind(ratio, 1149) == []
    assert counts_behind(ratio, 1149, 3) == [3232]
    assert runs_behind([ratio, Printed.of("0.884264")], [1149, 1970]) == 3
    assert runs_behind([Printed.of("0.333"), Printed.of("0.5001")], [3, 2]) == 0


def test_coarse_numbers_prove_nothing():
    assert coincidence([Printed.of("0.9")], [1000], 1) == 1.0
    assert coincidence([Printed.of("0.941688")], [1149], 1) == pytest.approx(1.149e-3)


def test_predicted_totals_follow_from_precision_and_f1():
    assert predicted_behind(Printed.of("0.938031"), Printed.of("0.949721"), 1105, 1149) == [1178]
    assert predicted_behind(Printed.of("0.9"), None, 9, 10) == [10]
    assert predicted_behind(Printed.of("0.0"), None, 0, 10) == []


def test_the_number_of_objects_follows_from_several_accuracies():
    ratios = [Printed.of(f"{k / 977:.6f}") for k in (700, 811, 903)]
    assert denominators(ratios, 100, 2000) == [977, 1954]


def test_every_solution_gives_the_printed_scores_back():
    scores = [Printed.of(text, percent=True) for text in ("92.86", "99.46", "98.4")]
    (only,) = f1_solutions(scores, 200, Printed.of("98.50", percent=True))
    assert sum(only.hits) == 197 and sum(only.errors) == 6
    for score, hits, errors in zip(scores, only.hits, only.errors, strict=True):
        assert score.holds(2 * hits / (2 * hits + errors))
    for (low, high), hits in zip(only.supports, only.hits, strict=True):
        assert hits <= low <= high


def test_all_right_is_a_solution_too():
    perfect = [Printed.of("1.000")] * 2
    found = f1_solutions(perfect, 4, Printed.of("1.000"))
    assert {solution.hits for solution in found} == {(1, 3), (2, 2), (3, 1)}
