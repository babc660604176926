"""GCSNet's shapes and sizes as the paper (read as in models/gcsnet.py) gives them."""

import pytest
import torch

from trifid.models.card import meta_batch, model_card
from trifid.models.gcsnet import GCSNetConfig, gcsnet_paper
from trifid.schema.signature import Signature

FULL = gcsnet_paper().example()


def _card(**inputs):
    return model_card(gcsnet_paper(), Signature(inputs=inputs, classes=FULL.classes))


def test_the_full_network_has_415490_parameters():
    card = model_card(gcsnet_paper())
    assert card["parameters"] == 415_490
    sizes = {part["name"]: part["parameters"] for part in card["parts"]}
    assert sizes["encoders.image"] == 110_208
    assert sizes["encoders.spectrum"] == 56_320
    assert sizes["encoders.table"] == 141_696
    assert sizes["fusion"] == 66_304
    assert sizes["head"] == 32_769
    assert sizes["auxiliary"] == 8_193


def test_shapes_of_every_step():
    shapes = {part["name"]: part["output"] for part in model_card(gcsnet_paper())["parts"]}
    assert shapes["encoders.image.convolutions.0"] == "32x300x300"
    assert shapes["encoders.image.convolutions.1"] == "64x150x150"
    assert shapes["encoders.image.convolutions.2"] == "128x75x75"
    assert shapes["encoders.spectrum.convolutions.0"] == "32x1922"
    assert shapes["encoders.spectrum.convolutions.1"] == "64x961"
    assert shapes["encoders.spectrum.convolutions.2"] == "128x961"
    for name in ("image", "spectrum", "table"):
        assert shapes[f"encoders.{name}"] == "16x128"
    assert shapes["fusion"] == "16x128"
    assert shapes["head"] == "4"


def test_rest_frame_lengths():
    shapes = {part["name"]: part["output"] for part in _card(spectrum=(1600,))["parts"]}
    assert shapes["encoders.spectrum.convolutions.0"] == "32x800"
    assert shapes["encoders.spectrum.convolutions.2"] == "128x400"
    assert shapes["encoders.spectrum"] == "16x128"


@pytest.mark.parametrize(
    ("names", "width"),
    [
        (("image", "spectrum", "table"), 8192),
        (("image", "spectrum"), 6144),
        (("spectrum",), 2048),
    ],
)
def test_width_of_the_vector_before_the_head(names, width):
    signature = Signature(inputs={n: FULL.inputs[n] for n in names}, classes=FULL.classes)
    with torch.device("meta"):
        model = gcsnet_paper().build(signature).eval()
        output = model(meta_batch(signature, rows=3))
    assert output.embedding.shape == (3, width)


def test_the_scale_begins_at_thirty_and_switches_remove_parts():
    model = gcsnet_paper().build(Signature(inputs={"spectrum": (3843,)}, classes=("SF", "AGN")))
    assert model.head.scale.item() == 30.0
    plain = GCSNetConfig(auxiliary="none", skip=False).build(FULL)
    assert plain.auxiliary is None
    assert plain.head.weight.shape == (4, 2048)
