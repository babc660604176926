"""BATMM's image encoder: weights of bands, residual network, weights from elsewhere."""

import torch

from trifid.encoders import batmm_image
from trifid.encoders.batmm_image import BandExcitation, BatmmImageConfig
from trifid.encoders.timm_backbone import TimmBackboneConfig

CONFIG = BatmmImageConfig(stem=4, blocks=(1, 2), widths=(4, 4), width=8)


def test_tokens_of_absent_rows_are_zero(check, image):
    assert check(CONFIG.build((3, 32, 32)), image).shape == (4, 4, 8)


def test_without_projection_the_width_is_that_of_the_last_stage(image):
    encoder = CONFIG.replace(width=0, excitation=False, grid=1).build((3, 32, 32))
    assert encoder.width == 16
    assert encoder(image()).shape == (4, 1, 16)


def test_bands_are_weighted_by_a_sigmoid_of_their_means():
    excitation = BandExcitation(2)
    with torch.no_grad():
        for layer in (excitation.squeeze, excitation.excite):
            layer.weight.copy_(torch.eye(2))
            layer.bias.zero_()
    flux = torch.tensor([1.0, -3.0])[None, :, None, None].expand(1, 2, 4, 4)
    expected = torch.sigmoid(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(excitation.weights(flux), expected)
    torch.testing.assert_close(excitation(flux)[0, :, 0, 0], expected[0] * flux[0, :, 0, 0])


def test_weights_of_bands_sum_to_one_and_are_even_without_an_se_block(image):
    for excitation in (True, False):
        weights = CONFIG.replace(excitation=excitation).build((3, 32, 32)).band_weights(image())
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(weights, torch.full((4, 3), 1 / 3))


def test_the_residual_network_is_timms_to_the_number(image):
    """Same names, same shapes and the same answer with the same weights."""
    torch.manual_seed(0)
    ours = BatmmImageConfig(excitation=False, width=0, grid=1).build((3, 64, 64)).eval()
    theirs = TimmBackboneConfig(standardise=False).build((3, 64, 64)).eval()
    found = {k: v for k, v in theirs.features.state_dict().items() if "num_batches" not in k}
    ours.backbone.load_state_dict(found)
    with torch.inference_mode():
        torch.testing.assert_close(ours(image(64)), theirs(image(64)), rtol=1e-4, atol=1e-5)


def test_weights_from_elsewhere_are_fetched_once(monkeypatch):
    calls = []

    def weights(name, bands, network):
        calls.append((name, bands))
        return {key: torch.full_like(value, 0.5) for key, value in network.state_dict().items()}

    monkeypatch.setattr(batmm_image, "imagenet_weights", weights)
    encoder = CONFIG.replace(pretrained=True).build((5, 32, 32))
    encoder.fetch()
    assert bool((encoder.backbone.conv1.weight == 0.5).all())
    torch.nn.init.zeros_(encoder.backbone.conv1.weight)
    encoder.fetch()
    again = CONFIG.replace(pretrained=True).build((5, 32, 32))
    again.load_state_dict(encoder.state_dict())
    again.fetch()  # weights that were trained on stay
    assert calls == [("resnet50", 5)]
    assert not again.backbone.conv1.weight.any()
    CONFIG.build((5, 32, 32)).fetch()  # nothing was asked for
