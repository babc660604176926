import numpy as np

from trifid.evaluation.leakage.probes import boosted_auc


def test_a_class_of_one_row_is_judged_too():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], (150, 149, 1))
    values = labels[:, None] + 0.1 * random.normal(size=(300, 2))
    area = boosted_auc(values, labels, np.arange(300))
    assert 0.6 < area <= 1
