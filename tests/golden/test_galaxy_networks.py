"""Shapes and sizes of the galaxy-class baselines as papers and authors' code give them."""

import pytest
import torch

from trifid.errors import ConfigError
from trifid.models.card import meta_batch, model_card
from trifid.models.galspecnet import galspecnet
from trifid.models.gasnet2 import GaSNet2Config, final_length, gasnet2, gasnet2_redshift, unit_power
from trifid.models.istl import istl, mb_istl, mb_istl_gan
from trifid.models.transformer_fusion import transformer_fusion
from trifid.schema.signature import Signature

CLASSES = ("SF", "COMP", "AGN", "NORMAL")


def _spectrum(length):
    return Signature(inputs={"spectrum": (length,)}, classes=CLASSES)


def _shapes(config, signature=None):
    return {part["name"]: part["output"] for part in model_card(config, signature)["parts"]}


def test_gasnet2_s_lengths_from_block_to_block():
    assert [final_length(3600, n) for n in range(7)] == [3600, 1199, 399, 132, 43, 13, 3]
    assert [final_length(3843, n) for n in range(7)] == [3843, 1280, 426, 141, 46, 14, 4]
    assert [final_length(1600, n) for n in range(7)] == [1600, 532, 176, 58, 18, 5, 1]


@pytest.mark.parametrize(("length", "flat"), [(3600, "1536"), (3843, "2048"), (1600, "512")])
def test_gasnet2_s_flattened_width(length, flat):
    assert _shapes(gasnet2(), _spectrum(length))["networks.0.dropout"] == flat


def test_gasnet2_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="400 pixels is too short for 6 blocks"):
        gasnet2().build(_spectrum(400))
    with pytest.raises(ConfigError, match="form = 'redshift' does not fit a task that predicts SF"):
        gasnet2_redshift().build(_spectrum(3600))


def test_gasnet2_s_normalisation_divides_by_the_norm_and_multiplies_by_the_root_of_the_length():
    flux = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(unit_power(flux), torch.tensor([[1.2, 1.6, 0.0, 0.0], [0.0] * 4]))


def test_gasnet2_s_answer_is_the_mean_of_its_networks_and_its_error_their_spread():
    signature = Signature(inputs={"spectrum": (1600,)}, targets=("redshift",))
    small = {"channels": (2, 2, 2, 2, 2, 2), "hidden": 4, "networks": 10, "form": "redshift"}
    torch.manual_seed(0)
    model = GaSNet2Config(**small, initial_sd=0).build(signature).eval()
    batch = meta_batch(signature, rows=3)
    batch.inputs["spectrum"].flux.normal_()
    output = model(batch)
    each = torch.stack(list(output.branches.values()), dim=1)
    assert each.shape == (3, 10, 1)
    torch.testing.assert_close(output.mean, each.mean(dim=1))
    torch.testing.assert_close(output.log_variance.exp(), each.var(dim=1))
    assert model.train()(batch).log_variance is None


def test_ten_networks_of_a_classifier_average_their_probabilities():
    torch.manual_seed(0)
    config = GaSNet2Config(channels=(2, 2, 2, 2, 2, 2), hidden=4, networks=10, initial_sd=0)
    model = config.build(_spectrum(1600)).eval()
    batch = meta_batch(_spectrum(1600), rows=2)
    batch.inputs["spectrum"].flux.normal_()
    got, answers = model(batch), []
    for network in model.networks:
        spectrum = batch.inputs["spectrum"]
        answers.append(network(unit_power(spectrum.flux)[:, None], spectrum.present)[0])
    expected = torch.stack(answers).softmax(dim=-1).mean(dim=0)
    torch.testing.assert_close(got.logits.softmax(dim=1), expected)


@pytest.mark.parametrize("length", [2538, 2600, 2601])
def test_galspecnet_s_last_convolution_has_32_times_37_numbers(length):
    shapes = _shapes(galspecnet(), _spectrum(length))
    assert shapes["convolutions.3"] == "32x37"
    assert shapes["dropout"] == "1184"


def test_istl_s_features_have_128_numbers_and_its_generator_512_256_128():
    assert _shapes(istl())["encoders.spectrum"] == "1x128"
    assert _shapes(mb_istl())["encoders.image"] == "1x128"
    shapes = _shapes(mb_istl_gan())
    assert [shapes[f"generator.{i}"] for i in (0, 2, 4)] == ["512", "256", "128"]
    parts = dict(mb_istl_gan().build(mb_istl_gan().example(small=True)).named_modules())
    assert [parts[f"discriminator.{i}"].out_features for i in (0, 2)] == [64, 1]


def test_transformer_fusion_reads_cls_and_sixteen_tokens_a_modality():
    card = model_card(transformer_fusion())
    shapes = {part["name"]: part["output"] for part in card["parts"]}
    assert shapes["encoders.image"] == shapes["encoders.spectrum"] == "16x128"
    assert shapes["transformer"] == "33x128"
    assert card["parameters"] == 964_868
