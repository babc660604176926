"""The ablation grid of galaxy4: complete, distinct, and every row builds."""

import torch

from trifid.data.tasks.galaxy4 import galaxy4 as task
from trifid.models.card import meta_batch
from trifid.recipes.galaxy4 import galaxy4
from trifid.recipes.galaxy4_grid import BASELINES, SEEDS, grid, input_sets
from trifid.schema.modality import ImageSpec, SpectrumSpec, TableSpec
from trifid.schema.signature import Signature
from trifid.training.recipe import Recipe
from trifid.transforms.pipeline import Pipeline

_FEATURES = ("modelmag_u", "modelmag_g", "modelmag_r", "modelmag_i", "modelmag_z")
_FEATURES += ("petror50_r", "ebv_sfd", "redshift", "sn_median", "ebmv", "ew_ha_6562")
STORED = {
    "image": ImageSpec(bands=tuple("ugriz"), height=128, width=128, pixel_scale=0.396),
    "spectrum": SpectrumSpec(),
    "table": TableSpec(features=_FEATURES, units=("",) * len(_FEATURES)),
}


def test_inputs_alone_in_pairs_and_together_with_one_table_at_a_time():
    sets = input_sets()
    assert [sum(len(found) == count for found in sets) for count in (1, 2, 3)] == [4, 5, 2]


def test_five_seeds_of_rows_that_are_all_different():
    rows = grid()
    assert len(SEEDS) == len(set(SEEDS)) == 5 and len(rows) == 5 * len(grid((1,)))
    assert len({name for name, _ in rows}) == len(rows)
    for name, recipe in rows:
        assert recipe.name == name and name.endswith(f"-seed{recipe.training.seed}")
    distinct = {recipe.replace(name="").hash() for _, recipe in rows}
    assert len(distinct) == len(rows)


def test_frames_and_splits():
    names = [name for name, _ in grid((1,))]
    with_spectrum = [found for found in input_sets() if "spectrum" in found]
    frames = sum(len(input_sets()) + 2 * len(with_spectrum) for _ in ("random", "plate"))
    assert sum("-plate-" in name or "-random-" in name for name in names) == frames
    rows = dict(grid((1,)))
    predicted = rows["spectrum-rest_predicted-plate-seed1"].inputs["spectrum"]
    assert (predicted.frame, predicted.redshift_column) == ("rest", "redshift_predicted")
    assert rows["image+spectrum-observed-random-seed1"].split.by == "group"


def test_only_rows_with_the_leaky_table_leak():
    for name, recipe in grid((1,)):
        assert recipe.leaky_inputs() == (("table",) if "table_leaky" in name else ())


def test_a_baseline_differs_from_the_default_in_model_inputs_and_modality_dropout_alone():
    default = galaxy4()
    for build in BASELINES:
        found = build()
        dropout = 0.2 if len(found.inputs) > 1 else 0.0
        assert found.training == default.training.replace(modality_dropout=dropout)
        assert found.replace(
            name="", model=default.model, inputs=default.inputs, training=default.training
        ) == default.replace(name="")


def test_every_row_builds_and_survives_toml():
    for name, recipe in grid((1,)):
        assert Recipe.from_toml(recipe.toml()) == recipe, name
        resolved, _ = recipe.resolved()
        shapes = Pipeline(resolved.inputs, STORED).shapes
        signature = Signature(inputs=shapes, classes=task().classes)
        with torch.device("meta"):
            output = recipe.model.build(signature).eval()(meta_batch(signature, rows=2))
        assert output.logits.shape == (2, 4), name
