import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from trifid.metrics.classification import (
    CONFUSION_METRICS,
    class_metrics,
    confusion_counts,
    confusion_metrics,
)


@st.composite
def labelled(draw):
    classes = draw(st.integers(2, 5))
    rows = st.lists(
        st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=40
    )
    labels, predicted = np.array(draw(rows)).T
    return classes, labels, predicted


@settings(max_examples=80, deadline=None)
@given(labelled())
def test_every_metric_equals_scikit_learn(case):
    classes, labels, predicted = case
    counts = confusion_counts(labels, predicted, classes)
    ours = confusion_metrics(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": reference.accuracy_score(labels, predicted),
            "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
            "mcc": reference.matthews_corrcoef(labels, predicted),
        }
        for average in ("macro", "weighted"):
            values = reference.precision_recall_fscore_support(
                labels, predicted, average=average, zero_division=0
            )
            for name, value in zip(("precision", "recall", "f1"), values, strict=False):
                expected[f"{average}_{name}"] = value
    assert tuple(ours) == CONFUSION_METRICS
    assert set(ours) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-12, err_msg=name)
    assert (
        counts == reference.confusion_matrix(labels, predicted, labels=np.arange(classes))
    ).all()


@settings(max_examples=40, deadline=None)
@given(labelled())
def test_class_metrics_equal_scikit_learn(case):
    classes, labels, predicted = case
    ours = class_metrics(confusion_counts(labels, predicted, classes))
    expected = reference.precision_recall_fscore_support(
        labels, predicted, labels=np.arange(classes), zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(ours[name], values, atol=1e-12)


def test_a_stack_of_matrices_is_each_matrix_alone():
    stack = np.random.default_rng(0).integers(0, 9, size=(2, 5, 3, 3))
    whole = confusion_metrics(stack)
    for name, values in whole.items():
        assert values.shape == (2, 5)
        np.testing.assert_allclose(values[1, 3], confusion_metrics(stack[1, 3])[name])


def test_zero_divisions_are_zero_and_unseen_classes_do_not_count():
    counts = np.array([[4, 0, 0], [2, 0, 0], [0, 0, 0]])
    metrics = confusion_metrics(counts)
    assert metrics["macro_recall"] == 0.5  # (1 + 0) / 2: the third class was never seen
    assert metrics["mcc"] == 0.0  # a constant answer
    assert confusion_metrics(np.zeros((3, 3)))["macro_f1"] == 0.0
