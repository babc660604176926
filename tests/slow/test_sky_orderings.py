"""What the modalities of simulated skies hold, by simple models: papers' specification F.10.

`bhb2`: image < spectrum <= both, for the Balmer jump is in the u band alone. `galaxy4`: the image
adds next to nothing to the spectrum, for the class is made of lines. Images as they are, and each
stretched to 0..1 by itself as BATMM's are, which erases colour.
"""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trifid.schema import grid
from trifid.simulate import plates
from trifid.simulate.options import SkyOptions
from trifid.simulate.run import sky_task

PLATES, ROWS, SIZE, TRAIN = 20, 60, 16, 14
LINES = (3728.5, 4102.9, 4341.7, 4862.7, 4960.3, 5008.2, 6302.0, 6549.9, 6564.6, 6585.3, 6718.3,
         6732.7)  # fmt: skip


def sky(task):
    """Plates of one sky; seed 4."""
    return [
        plates.simulate_plate(sky_task(task), SkyOptions(), 4, plate, ROWS, SIZE)
        for plate in range(PLATES)
    ]


def joined(blocks, modality, name):
    return np.concatenate([block.inputs[modality][name] for block in blocks])


def components(blocks, train):
    """Twenty components of scaled spectra of stars (N, 20)."""
    inside = slice(521, 4041)  # 4000 to 9000 angstrom
    flux = joined(blocks, "spectrum", "flux")[:, inside]
    seen = joined(blocks, "spectrum", "ivar")[:, inside] > 0
    level = np.array([np.median(row[good]) for row, good in zip(flux, seen, strict=True)])
    scaled = np.where(seen, flux / level[:, None], 1.0).clip(-3.0, 6.0)
    scaled = scaled.reshape(len(scaled), -1, 2).mean(axis=2)
    return PCA(20, random_state=0).fit(scaled[train]).transform(scaled)


def lines(blocks):
    """Lines of galaxies over the continuum, and the logarithms of two ratios (N, 14)."""
    flux = joined(blocks, "spectrum", "flux")
    redshift = np.concatenate([block.columns["redshift"] for block in blocks]).astype(float)
    place = (np.log10(np.outer(1.0 + redshift, LINES)) - grid.LOG10_START) / grid.LOG10_STEP
    found = []
    for column in np.rint(place).astype(int).T:
        near = (column[:, None] + np.arange(-4, 5)).clip(0, grid.LENGTH - 1)
        sides = (column[:, None] + np.r_[-60:-35, 35:60]).clip(0, grid.LENGTH - 1)
        level = np.median(np.take_along_axis(flux, sides, axis=1), axis=1)
        light = np.take_along_axis(flux, near, axis=1).sum(axis=1)
        found.append((light / np.maximum(level, 0.1) - near.shape[1]).clip(-20.0, 500.0))
    strength = np.stack(found, axis=1)
    logs = np.log(np.maximum(strength, 0.3))
    ratios = np.stack([logs[:, 9] - logs[:, 8], logs[:, 5] - logs[:, 3]], axis=1)
    return np.hstack([strength, ratios])


def colours(blocks, scaling):
    """Colours of the inner 4 arcsec of images (N, 4)."""
    image = joined(blocks, "image", "flux")
    if scaling == "minmax":
        low, high = (limit(image, axis=(2, 3), keepdims=True) for limit in (np.min, np.max))
        image = (image - low) / (high - low)
    middle = slice(SIZE // 2 - 5, SIZE // 2 + 5)
    light = np.log(np.maximum(image[:, :, middle, middle].sum(axis=(2, 3)), 1e-2))
    return np.diff(light, axis=1).clip(-4.0, 4.0)


def scores(model, blocks, spectrum, label, train):
    """Macro one-vs-rest AUC on the plates left out, by input."""
    found = {}
    for scaling in ("flux", "minmax"):
        image = colours(blocks, scaling)
        inputs = {"spectrum": spectrum, f"image {scaling}": image,
                  f"both {scaling}": np.hstack([spectrum, image])}  # fmt: skip
        for name, features in inputs.items():
            fitted = model.fit(features[train], label[train])
            chance = fitted.predict_proba(features[~train])
            each = [
                roc_auc_score(label[~train] == one, chance[:, place])
                for place, one in enumerate(fitted.classes_)
            ]
            found[name] = float(np.mean(each))
    return found


@pytest.fixture(scope="module")
def train():
    return np.repeat(np.arange(PLATES), ROWS) < TRAIN


def test_bhb2_image_below_spectrum_and_spectrum_not_above_both(train):
    blocks = sky("bhb2")
    label = np.concatenate([block.columns["star_type"] for block in blocks]) == "BHB"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=3000))
    found = scores(model, blocks, components(blocks, train), label, train)
    for scaling in ("flux", "minmax"):
        assert found[f"image {scaling}"] < found["spectrum"] - 0.05, found
        assert found[f"both {scaling}"] > found["spectrum"] - 0.005, found
    assert found["both flux"] > found["spectrum"] + 0.003, found


def test_galaxy4_image_adds_next_to_nothing_to_the_spectrum(train):
    blocks = sky("galaxy4")
    label = np.concatenate([block.columns["bpt"] for block in blocks])
    label = np.where(np.isin(label, ["Seyfert", "LINER"]), "AGN", label)
    model = ExtraTreesClassifier(100, min_samples_leaf=3, max_features=0.4, random_state=0)
    found = scores(model, blocks, lines(blocks), label, train)
    for scaling in ("flux", "minmax"):
        assert found[f"image {scaling}"] < found["spectrum"] - 0.05, found
        assert found[f"both {scaling}"] == pytest.approx(found["spectrum"], abs=0.01), found
