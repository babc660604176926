import pytest

from trifid import registry
from trifid.bench.published import published
from trifid.bench.suites import SUITES
from trifid.models.batmm import batmm
from trifid.registry import entries


def recipes(suite):
    """Name to recipe with all changes of the suite and the contender."""
    return {
        entry.name: registry.get("recipe", entry.recipe).build().edited((*suite.set, *entry.set))
        for entry in suite.contenders
        if entry.recipe
    }


def test_every_contender_is_a_recipe_under_a_name_of_its_own():
    known = {entry.name for entry in entries("recipe")}
    for name, suite in SUITES.items():
        assert suite.name == name
        assert {contender.recipe for contender in suite.contenders} - {""} <= known
        names = [contender.name for contender in suite.contenders]
        assert len(set(names)) == len(names) > 1


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_contenders_differ_and_share_task_split_and_budget(suite):
    found = recipes(suite)
    resolved = [recipe.resolved()[0].replace(name="one") for recipe in found.values()]
    assert len({recipe.hash() for recipe in resolved}) == len(resolved)
    assert len({recipe.task for recipe in resolved}) == 1
    assert suite.folds or len({recipe.split.model_dump_json() for recipe in resolved}) == 1
    assert len({recipe.training.epochs for recipe in resolved}) == 1
    assert suite.seeds == (42, 100, 3407)


def test_one_input_is_never_dropped():
    for suite in SUITES.values():
        for name, recipe in recipes(suite).items():
            if len(recipe.inputs) == 1:
                assert recipe.training.modality_dropout == 0.0, name


def test_the_rows_of_batmm_differ_by_what_their_names_say():
    found = recipes(SUITES["bhb2_tables"])
    full = found["batmm"].model
    assert found["transformer-image-cross"].model == full.replace(semantic=False)
    assert found["transformer-image-segment"].model == full.replace(cross="none")
    assert found["transformer-image"].model == full.replace(cross="none", semantic=False)
    assert found["transformer-spectrum"].model == full
    assert list(found["transformer-spectrum"].inputs) == ["spectrum"]
    window = found["batmm"].inputs["spectrum"]
    assert found["transformer-spectrum"].inputs["spectrum"] == window
    assert found["resnet"].inputs["image"] == found["batmm"].inputs["image"]
    for count in (1, 3, 14):
        assert found[f"batmm-{count}-segments"].model.spectrum.segments == count


def test_a_quarter_of_batmm_is_a_quarter_in_every_width():
    quarter, full = recipes(SUITES["bhb2_quarter"])["batmm"].model, batmm()
    assert (quarter.width * 4, quarter.hidden * 4) == (full.width, full.hidden)
    assert tuple(4 * width for width in quarter.image.widths) == full.image.widths
    assert tuple((4 * c, n) for c, n in quarter.spectrum.plan) == full.spectrum.plan
    same = ("blocks", "heads", "stages", "cross", "semantic")
    assert [getattr(quarter, n) for n in same] == [getattr(full, n) for n in same]
    assert quarter.image.blocks == full.image.blocks


def test_the_stages_of_bhb2_and_the_alignment_are_switched_one_by_one():
    found = recipes(SUITES["bhb2_stages"])
    plain = found["batmm"].model
    assert plain.stages == "two" and plain.alignment == 0.0 and plain.cross == "image"
    assert found["batmm-aligned"].model == plain.replace(alignment=0.1)
    assert found["end-to-end"].model == plain.replace(stages="end_to_end")
    assert found["end-to-end-aligned"].model == found["end-to-end"].model.replace(alignment=0.1)


def test_the_scalings_of_bhb2_differ_in_the_image_alone():
    found = recipes(SUITES["bhb2_scaling"])
    for name, inputs in (("fused", ["image", "spectrum"]), ("image", ["image"])):
        kept, paper = found[name], found[f"{name}-minmax"]
        assert sorted(kept.inputs) == sorted(paper.inputs) == inputs
        assert kept.inputs["image"].norm == "asinh_zscore"
        assert paper.inputs["image"] == kept.inputs["image"].replace(norm="per_image_minmax")
        assert paper.model == kept.model
    assert list(found["spectrum"].inputs) == ["spectrum"]
    assert found["image"].inputs["image"] == found["fused"].inputs["image"]
    assert found["spectrum"].inputs["spectrum"] == found["fused"].inputs["spectrum"]


def test_paper_003_has_no_numbers_to_compare_with():
    assert published("redshift_sfr").tables == ()
    stacks = {c.name: (c.stack, c.way) for c in SUITES["zsfr_grid"].contenders if c.stack}
    both = ("image", "spectrum")
    assert stacks == {"stacked": (both, "ridge"), "weighted": (both, "inverse_mse")}
    table = recipes(SUITES["zsfr_grid"])["redshift-r-linear"].resolved()[0].inputs["table"]
    assert table.features == ("redshift", "modelmag_r")
