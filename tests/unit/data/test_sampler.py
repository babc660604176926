"""The order of training rows."""

import numpy as np

from trifid.data.sampler import epoch_order

ROWS = np.arange(100, 1100)
LABELS = (np.arange(1000) % 10 == 0).astype(np.int64)  # 100 of class 1


def test_shuffled_visits_every_row_once():
    order = epoch_order(ROWS, LABELS, "shuffled", seed=1, epoch=0)
    assert sorted(order) == ROWS.tolist() and order.tolist() != ROWS.tolist()


def test_balanced_classes_are_equally_frequent_within_three_sigma():
    order = epoch_order(ROWS, LABELS, "balanced", seed=1, epoch=0)
    rare = int(LABELS[order - 100].sum())
    assert len(order) == 1000
    assert abs(rare - 500) < 3 * np.sqrt(1000 * 0.25)


def test_order_is_a_pure_function_of_seed_and_epoch():
    def order(seed, epoch):
        return epoch_order(ROWS, LABELS, "balanced", seed=seed, epoch=epoch).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3) and order(1, 2) != order(2, 2)
