from trifid.recipes.sgq3_fits import sgq3_fits, sgq3_fits_boosted, sgq3_fits_trees
from trifid.simulate.class_fits import FEATURES


def test_recipes_learn_the_truth_from_colours_and_fits_without_redshift_or_magnitude() -> None:
    for make in (sgq3_fits, sgq3_fits_trees, sgq3_fits_boosted):
        recipe, task = make().resolved()
        assert (task.name, recipe.labels, recipe.name) == ("sgq3", "truth", make.__name__)
        features = recipe.inputs["table"].features
        assert features[4:] == FEATURES and len(features) == 10
        assert not {"redshift", "sn_median", "psfmag_i"} & set(features)
    assert set(sgq3_fits().inputs) == {"spectrum", "table"}
    assert "spectrum" not in sgq3_fits_trees().inputs
