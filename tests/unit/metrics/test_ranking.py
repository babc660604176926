import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from trifid.metrics.ranking import Ranking, class_areas


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(2, 4), st.integers(1, 6))
def test_weighted_areas_equal_scikit_learn_with_ties(seed, rows, classes, levels):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    scores = generator.integers(0, levels + 1, (rows, classes)) / levels  # many ties
    groups = generator.integers(0, 7, rows)
    weights = generator.integers(0, 4, (3, 7))
    areas, precisions = Ranking.of(labels, scores, groups).measure(weights)
    for b, row_weights in enumerate(weights[:, groups]):
        for k in range(classes):
            truth = labels == k
            positive = row_weights[truth].sum()
            negative = row_weights[~truth].sum()
            if positive and negative:
                auc = roc_auc_score(truth, scores[:, k], sample_weight=row_weights)
                np.testing.assert_allclose(areas[b, k], auc, atol=1e-12)
            else:
                assert np.isnan(areas[b, k])
            if positive:
                expected = average_precision_score(truth, scores[:, k], sample_weight=row_weights)
                np.testing.assert_allclose(precisions[b, k], expected, atol=1e-12)
            else:
                assert np.isnan(precisions[b, k])


def test_the_area_is_the_share_of_pairs_in_order():
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, 200)
    score = generator.normal(size=200).round(1)
    above = score[labels == 1][:, None] - score[labels == 0][None, :]
    expected = (above > 0).mean() + 0.5 * (above == 0).mean()
    areas, _ = class_areas(labels, np.stack([-score, score], axis=1))
    np.testing.assert_allclose(areas, expected, atol=1e-12)


def test_many_resamples_in_parts_equal_one_at_a_time():
    generator = np.random.default_rng(2)
    labels, groups = generator.integers(0, 3, 3000), np.arange(3000)
    ranking = Ranking.of(labels, generator.random((3000, 3)), groups)
    weights = generator.integers(0, 3, (101, 3000))
    areas, _ = ranking.measure(weights)
    np.testing.assert_array_equal(areas[100], ranking.measure(weights[100:])[0][0])
