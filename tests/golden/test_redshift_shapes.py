"""Shapes, sizes and promises of the redshift and SFR networks and of active learning's VGG."""

import pytest
import torch

from trifid.errors import ConfigError
from trifid.models.active_vgg import active_vgg, min_max
from trifid.models.card import meta_batch, model_card
from trifid.models.sznet import (
    BayesianDense,
    Bins,
    Continuum,
    combined,
    fcnn,
    sznet,
    sznet_small,
)
from trifid.models.zsfr_networks import (
    QUANTILES,
    TARGETS,
    MedianScale,
    in_order,
    target_groups,
    zsfr_early,
    zsfr_early_small,
    zsfr_feature,
    zsfr_feature_small,
    zsfr_late,
    zsfr_small,
)
from trifid.schema.batch import Spectrum
from trifid.schema.signature import Signature

SMALL = {"late": zsfr_small, "feature": zsfr_feature_small, "early": zsfr_early_small}


def _sizes(config):
    card = model_card(config)
    return card["parameters"], {p["name"]: p["output"] for p in card["parts"]}


def _filled(signature, rows=6):
    batch = meta_batch(signature, rows)
    for value in batch.inputs.values():
        value.flux.normal_()
        if isinstance(value, Spectrum):
            value.ivar.fill_(1.0)
    return batch


def _spectrum(flux, ivar=None):
    present = torch.ones(len(flux), dtype=torch.bool)
    return Spectrum(flux, torch.ones_like(flux) if ivar is None else ivar, present)


def test_sznet_has_7488_features_and_halves_to_117_positions():
    parameters, shapes = _sizes(sznet())
    pools = [s for name, s in shapes.items() if name.startswith("trunk") and "64x117" in s]
    assert pools and shapes["trunk"] == "7488"
    lengths = [int(shapes[f"trunk.{i}"].split("x")[1]) for i in (2, 5, 10, 15, 20)]
    assert lengths == [1876, 938, 469, 234, 117]
    assert parameters == 4_145_905


def test_fcnn_is_3752_512_512_1():
    parameters, shapes = _sizes(fcnn())
    assert shapes["trunk"] == "3752"
    assert parameters == 3752 * 512 + 512 + 512 * 512 + 512 + 512 + 1


def test_the_vgg_of_active_learning():
    parameters, shapes = _sizes(active_vgg())
    assert shapes["trunk"] == shapes["pool"] == "256x17"
    assert parameters == 2_874_434
    long = model_card(active_vgg(), Signature(inputs={"spectrum": (3843,)}, classes=("A", "B")))
    assert long["parameters"] == parameters


@pytest.mark.parametrize(
    ("config", "parameters"),
    [(zsfr_feature(), 2_988_233), (zsfr_late(), 2_956_252), (zsfr_early(), 3_188_617)],
)
def test_sizes_of_the_dual_stream_networks(config, parameters):
    assert _sizes(config)[0] == parameters


def test_the_image_is_halved_to_four_pixels_and_256_channels():
    _, shapes = _sizes(zsfr_feature())
    convolutions = [shapes[f"streams.image.convolutions.{i}"] for i in range(4)]
    assert convolutions == ["32x64x64", "64x32x32", "128x16x16", "256x8x8"]
    assert shapes["streams.image"] == "1x128"


def test_free_numbers_are_put_in_order():
    raw = torch.randn(1000, 5) * 30
    ordered = in_order(raw, 2)
    assert (ordered.diff(dim=1) >= 0).all()
    assert torch.equal(ordered[:, 2], raw[:, 2])
    by_hand = raw[:, 2] - torch.nn.functional.softplus(raw[:, 1])
    torch.testing.assert_close(ordered[:, 1], by_hand)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("inputs", [("image", "spectrum"), ("image",), ("spectrum",)])
def test_quantiles_never_cross(name, inputs):
    """Acceptance test F.9, with weights thrown about and inputs missing."""
    torch.manual_seed(0)
    signature = SMALL[name]().example(small=True)
    index = [signature.targets.index(quantile) for quantile in QUANTILES]
    for scale in (0.1, 1.0, 10.0):
        model = SMALL[name]().build(signature).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=scale)
        output = model(_filled(signature, 50).only(inputs))
        assert (output.mean[:, index].diff(dim=1) >= 0).all()
        for branch in output.branches.values():
            assert (branch[:, index].diff(dim=1) >= 0).all()


def test_quantiles_are_found_wherever_the_task_has_them():
    signature = zsfr_small().example(small=True)
    targets = ("sfr_p84", "redshift", "sfr_p16")
    model = zsfr_small().build(signature.replace(targets=targets)).eval()
    mean = model(_filled(signature, 50)).mean
    assert mean.shape == (50, 3) and (mean[:, 0] >= mean[:, 2]).all()
    free = zsfr_small().replace(monotone=False).build(signature.replace(targets=targets)).eval()
    with torch.no_grad():
        free.answers["image"].linear.bias.copy_(torch.tensor([-9.0, 0, 9, 0, 0, 0]))
    mean = free(_filled(signature, 50).only(("image",))).mean
    assert (mean[:, 0] < mean[:, 2]).all()


def test_quantiles_share_a_weight_and_other_targets_have_their_own():
    groups = dict(zip(TARGETS, target_groups(TARGETS, True), strict=True))
    assert len({groups[name] for name in QUANTILES}) == 1
    assert len(set(groups.values())) == 5
    assert target_groups(TARGETS, False) == list(range(9))


def test_late_fusion_is_the_weighted_mean_of_the_streams_that_are_there():
    torch.manual_seed(0)
    signature = zsfr_small().example(small=True)
    model = zsfr_small().build(signature).eval()
    torch.nn.init.normal_(model.scores)
    batch = _filled(signature)
    output = model(batch, explain=True)
    torch.testing.assert_close(sum(output.gates.values()), torch.ones(6, 9))
    by_hand = sum(output.gates[name] * output.branches[name] for name in output.branches)
    torch.testing.assert_close(output.mean, by_hand)
    alone = model(batch.only(("image",)))
    torch.testing.assert_close(alone.mean, alone.branches["image"])


def test_the_variance_of_late_fusion_counts_disagreement():
    torch.manual_seed(0)
    signature = zsfr_small().example(small=True)
    model = zsfr_small().replace(monotone=False).build(signature).eval()
    for answer, mean in zip(model.answers.values(), (3.0, -3.0), strict=True):
        torch.nn.init.zeros_(answer.linear.weight)
        with torch.no_grad():
            answer.linear.bias[:9], answer.linear.bias[9:] = mean, 0.0
    output = model(_filled(signature))
    torch.testing.assert_close(output.mean, torch.zeros(6, 9))
    torch.testing.assert_close(output.log_variance.exp(), torch.full((6, 9), 10.0))


def test_spectra_are_divided_by_their_median_and_clipped():
    flux = torch.tensor([[2.0, 4.0, 8.0, 400.0, 5.0], [-1.0, 1.0, -2.0, 3.0, 0.0]])
    ivar = torch.ones_like(flux)
    ivar[0, 4] = 0
    scaled = MedianScale()(_spectrum(flux, ivar))
    torch.testing.assert_close(scaled[0], torch.tensor([0.5, 1.0, 2.0, 10.0, 0.0]))
    torch.testing.assert_close(scaled[1], flux[1])  # its median says nothing: |flux| does


def test_the_continuum_goes_and_the_lines_stay():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 1000)
    smooth = 40 + 30 * x - 20 * x**2 + 10 * x**3
    lines = torch.zeros(1000)
    lines[200:230], lines[700:760] = 60.0, 90.0
    noise = 0.5 * torch.randn(1000)
    ivar = torch.ones(1, 1000)
    ivar[0, 500:520] = 0
    flux = (smooth + lines + noise)[None].clone()
    flux[0, 500:520] = 1e4
    found = Continuum(3, 1000)(_spectrum(flux, ivar))[0]
    known = ivar[0] > 0
    unit = flux[0, known].std(correction=0)
    assert (found - (lines + noise) / unit)[known].abs().max() < 0.1 / unit * 2
    assert not found[~known].any()


def test_a_continuum_is_harmless_where_there_is_nothing_to_fit():
    flux = torch.zeros(3, 50)
    flux[1], flux[2, 7] = 3.0, 5.0
    ivar = torch.ones(3, 50)
    ivar[0] = 0
    for degree in (-1, 0, 3):
        found = Continuum(degree, 50)(_spectrum(flux, ivar))
        assert found.isfinite().all() and not found[0].any()


def test_gradients_reach_the_flux_through_the_scalings():
    for scaling in (Continuum(3, 60), MedianScale(), min_max):
        flux = torch.randn(2, 60).add(5).requires_grad_()
        scaling(_spectrum(flux)).square().sum().backward()
        assert flux.grad.isfinite().all() and flux.grad.any()


def test_min_max_goes_from_minus_one_to_one_over_pixels_with_data():
    flux = torch.tensor([[0.0, 5.0, 10.0, 99.0], [3.0, 3.0, 3.0, 3.0]])
    ivar = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    scaled = min_max(_spectrum(flux, ivar))
    assert scaled.tolist() == [[-1.0, 0.0, 1.0, 0.0], [0.0] * 4]


def test_dropout_stays_on_in_use_the_same_for_every_row_and_every_time():
    torch.manual_seed(0)
    dense = BayesianDense((4, 64, 64, 1), 0.5, mc_samples=200).eval()
    x = torch.randn(3, 4)
    samples = dense(x)
    assert samples.shape == (200, 3, 1)
    assert torch.equal(samples, dense(x))
    torch.testing.assert_close(samples[:, 1:2], dense(x[1:2]))
    assert samples.std(dim=0).min() > 0
    other = BayesianDense((4, 64, 64, 1), 0.5, mc_samples=200).eval()
    other.load_state_dict(dense.state_dict())
    assert torch.equal(samples, other(x))  # the masks are no part of the weights
    assert dense.train()(x).shape == (1, 3, 1)
    assert BayesianDense((4, 8, 1), 0.5, mc_samples=0).eval()(x).shape == (1, 3, 1)


def test_masks_keep_the_expected_size():
    dense = BayesianDense((4, 2000, 1), 0.3, mc_samples=50)
    mask = dense.get_buffer("mask_0")
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert mask.mean() == pytest.approx(1.0, abs=0.02)


def test_variances_within_and_among_networks_add():
    mean = torch.tensor([1.0, 3.0, 5.0])[:, None, None]
    samples = torch.cat([mean, torch.zeros(3, 1, 1)], dim=2)
    answer, log_variance = combined(samples, 1, True)
    assert answer.item() == 3.0
    assert log_variance.exp().item() == pytest.approx(4.0 + 1.0)
    assert combined(mean, 1, False)[1].exp().item() == pytest.approx(4.0)
    assert combined(mean[:1], 1, False)[1] is None


def test_bins_give_the_moments_of_their_distribution():
    bins = Bins(10, 2)  # one standard deviation wide
    scores = torch.full((1, 1, 2, 10), -50.0)
    scores[0, 0, 0, 3] = scores[0, 0, 1, 4] = scores[0, 0, 1, 6] = 50.0
    mean, log_variance = bins(scores.flatten(2))
    torch.testing.assert_close(mean, torch.tensor([[-0.5, 1.5]]))
    torch.testing.assert_close(log_variance.exp(), torch.tensor([[1 / 12, 1.0 + 1 / 12]]))


def test_bins_learn_from_the_known_numbers_of_a_batch():
    bins = Bins(10, 1)
    scores = torch.zeros(1, 3, 10, requires_grad=True)
    targets = {"numbers": torch.tensor([[0.2], [99.0], [0.0]]), "known": torch.ones(3, 1)}
    targets["known"][2] = 0
    signature = Signature(inputs={"spectrum": (20,)}, targets=("redshift",))
    batch = meta_batch(signature, 3).replace(targets=targets)
    (loss,) = bins.losses(scores, batch).values()
    loss.backward()
    assert loss.item() == pytest.approx(torch.log(torch.tensor(10.0)).item())
    assert scores.grad[0].argmin(dim=1).tolist()[:2] == [4, 9]  # beyond the range: the last one
    assert not scores.grad[0, 2].any()
    assert bins.losses(scores, batch.replace(targets={})) == {}


def test_bins_and_a_predicted_variance_exclude_each_other():
    with pytest.raises(ConfigError, match="bins have a variance already"):
        sznet_small().replace(bins=5).build(sznet_small().example(small=True))


def test_a_redshift_network_gives_uncertainty_in_use():
    signature = sznet_small().example(small=True)
    model = sznet_small().replace(heteroscedastic=False).build(signature)
    batch = _filled(signature)
    assert model.train()(batch).log_variance is None
    assert model.eval()(batch).log_variance.shape == (6, 1)
