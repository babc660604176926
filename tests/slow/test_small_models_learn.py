"""Every small variant learns its task on a simulated sky: no chance would do as well.

The yardstick is a permutation test on rows that the model has not seen: how often do the same
answers, dealt out to other rows, agree with the truth as well. A constant answer never passes.
"""

from functools import cache

import numpy as np
import pytest

from trifid import registry
from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import PREDICTIONS, judge
from trifid.simulate import simulate
from trifid.simulate.options import SkyOptions
from trifid.training.run import train

ROWS = {"galaxy4": 500, "sgq3": 400, "zsfr": 400, "bhb2": 400}
CHANCE = 0.001  # probability that a model that has learnt nothing passes
PERMUTATIONS = 4000
SPLIT = (
    "split.train=[0,1,2,3,4,5,6,7,8,9,10]",
    "split.valid=[11,12]",
    "split.test=[13,14,15,16,17,18,19]",
)
BUDGET = ("training.epochs=10", "training.batch_size=16", "training.learning_rate=0.003")
PLAIN = ("training.mixup=0.0", "training.label_smoothing=0.0", "training.patience=0")
GALAXY = ("inputs.spectrum.length=3840", "inputs.spectrum.rebin=4")  # 960 pixels
GASNET = ("inputs.spectrum.length=3840", "inputs.spectrum.rebin=2")  # its blocks take no fewer
REDSHIFT = ('targets=["redshift"]', "inputs.spectrum.length=3656", "inputs.spectrum.rebin=4")
BHB = ("inputs.spectrum.length=3520", "inputs.spectrum.rebin=4")
PICTURE = ("inputs.image_rgb.resize=32",)
MAGNITUDES = ("inputs.table.feature_set=ugriz5",)

# model: sky, recipe whose model it replaces, what is changed in the recipe
CASES = {
    "active_vgg_small": ("galaxy4", "galaxy4_galspecnet", (*GALAXY, "training.epochs=25")),
    "ann_small": ("sgq3", "sgq3_ann", ()),
    "autoencoder_small": ("galaxy4", "galaxy4_autoencoder", GALAXY),
    "batmm_small": ("bhb2", "bhb2_end_to_end", BHB),
    "bhb_early_small": ("bhb2", "bhb2_early_small", BHB),
    "bigru_small": ("galaxy4", "galaxy4_bigru", GALAXY),
    "cnn_ann_small": ("sgq3", "sgq3_cnn_ann_small", (*PICTURE, *MAGNITUDES)),
    "fusion_data_small": ("galaxy4", "galaxy4_fusion_data", GALAXY),
    "fusion_decision_small": ("galaxy4", "galaxy4_fusion_decision", GALAXY),
    "fusion_feature_small": ("galaxy4", "galaxy4_fusion_feature", GALAXY),
    "fusion_hybrid_small": ("galaxy4", "galaxy4_fusion_hybrid", GALAXY),
    "galspecnet_small": ("galaxy4", "galaxy4_galspecnet", GALAXY),
    "gasnet2_redshift_small": ("zsfr", "zsfr_spectrum", (*REDSHIFT, "inputs.spectrum.rebin=2")),
    "gasnet2_small": ("galaxy4", "galaxy4_gasnet2", GASNET),
    "gcsnet_small": ("galaxy4", "galaxy4", GALAXY),
    "imagenet_small": ("sgq3", "sgq3_picture_small", PICTURE),
    "istl_small": ("galaxy4", "galaxy4_istl", GALAXY),
    "mb_istl_gan_small": ("galaxy4", "galaxy4_mb_istl_gan", GALAXY),
    "mb_istl_small": ("galaxy4", "galaxy4_mb_istl", GALAXY),
    "sequence_transformer_small": ("galaxy4", "galaxy4_transformer", GALAXY),
    "sznet_bins_small": ("zsfr", "zsfr_sznet_bins", REDSHIFT),
    "sznet_small": ("zsfr", "zsfr_sznet", (*REDSHIFT, "training.loss=default")),
    "transformer_fusion_small": ("galaxy4", "galaxy4_transformer_fusion", GALAXY),
    "zsfr_early_small": ("zsfr", "zsfr_early_fusion", REDSHIFT),
    "zsfr_feature_small": ("zsfr", "zsfr", REDSHIFT),
    "zsfr_small": ("zsfr", "zsfr_narrow", REDSHIFT),
}


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    """A function that simulates the sky of a task, once."""

    @cache
    def make(task):
        folder = tmp_path_factory.mktemp("skies") / task
        options = SkyOptions(rgb=task == "sgq3")
        simulate(task, ROWS[task], folder, seed=5, size=32, options=options)
        return folder

    return make


def test_every_small_variant_has_its_case():
    names = {entry.name for entry in registry.entries("model")}
    assert set(CASES) == {name for name in names if name.endswith("_small")}


@pytest.mark.parametrize("name", CASES)
def test_a_small_model_learns(name, sky, tmp_path):
    task, recipe_name, changes = CASES[name]
    recipe = registry.get("recipe", recipe_name).build()
    recipe = recipe.replace(model=registry.get("model", name).build())
    recipe = recipe.edited([*SPLIT, *BUDGET, *PLAIN, *changes])
    judge(train(recipe, sky(task), tmp_path), tmp_path)
    rows = read_predictions(tmp_path / PREDICTIONS).select(fold="test")
    rows = rows.select(subset=rows.subsets[0])
    if rows.classes:
        rows = rows.labelled()
        assert p_of_classes(rows.labels, rows.predicted) < CHANCE
    else:
        found = rows.labelled("redshift").numbers("redshift")
        assert p_of_numbers(found.truth, found.mean) < CHANCE


def p_of_classes(labels, predicted):
    """Permutation p of the mean recall of the classes."""
    share = 1 / np.bincount(labels)[labels]  # of its class, that a row is

    def score(answers):
        return share[answers == labels].sum()

    return _p(score, predicted)


def p_of_numbers(truth, mean):
    """Permutation p of the squared error, the largest first."""
    return _p(lambda answers: -np.square(answers - truth).mean(), mean)


def _p(score, answers):
    generator = np.random.default_rng(0)
    chance = [score(generator.permutation(answers)) for _ in range(PERMUTATIONS)]
    return (1 + np.sum(np.array(chance) >= score(answers))) / (1 + PERMUTATIONS)
