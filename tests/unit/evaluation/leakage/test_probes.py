import numpy as np

from trifid.evaluation.leakage.probes import boosted_auc, folds, tree_probe


def test_a_class_of_one_row_is_judged_too():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], (150, 149, 1))
    values = labels[:, None] + 0.1 * random.normal(size=(300, 2))
    area = boosted_auc(values, labels, np.arange(300))
    assert 0.6 < area <= 1


def test_folds_keep_groups_together_and_classes_in_proportion():
    random = np.random.default_rng(0)
    groups = random.integers(0, 300, 900)
    labels = (groups % 10 == 0).astype(int)
    found = folds(labels, groups)
    assert len(found) == 5
    assert np.sort(np.concatenate([new for _, new in found])).tolist() == list(range(900))
    for fit, new in found:
        assert not set(groups[fit]) & set(groups[new])
        assert len(fit) + len(new) == 900
        rare = len(set(groups[new][labels[new] == 1]))
        assert 5 <= rare <= 7  # of 30 groups


def test_a_tree_says_how_much_a_feature_knows():
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 500)
    blind = tree_probe(random.normal(size=(500, 1)), labels, np.arange(500))
    assert abs(blind.skill) < 0.15 and abs(blind.accuracy - 0.5) < 0.08
    seeing = tree_probe(labels[:, None] + 0.01, labels, np.arange(500))
    assert (seeing.skill, seeing.accuracy, seeing.given_away) == (1.0, 1.0, (0, 1))
