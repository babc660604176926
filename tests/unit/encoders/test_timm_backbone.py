"""timm's networks: import, absent rows, ImageNet weights, freezing."""

import importlib
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trifid.encoders import timm_backbone
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.timm_backbone import (
    TimmBackboneConfig,
    fetch_all,
    hold_frozen,
    imagenet_weights,
    import_timm,
    layer_counts,
    stage_of,
    train_top,
    width_of,
)
from trifid.errors import ConfigError
from trifid.schema.batch import Image

SMALLEST = "test_resnet"  # timm's own network for tests, 0.5 million parameters


@pytest.fixture
def broken_import(monkeypatch):
    """A function that makes importing timm fail once with an error."""

    def break_with(error):
        calls = []

        def importing(name):
            calls.append(name)
            if len(calls) == 1:
                raise error
            return name

        monkeypatch.setattr(importlib, "import_module", importing)
        return calls

    return break_with


def test_a_missing_package_names_the_extra(broken_import):
    broken_import(ModuleNotFoundError("no timm", name="timm"))
    with pytest.raises(ConfigError, match=r"package timm; pip install 'trifid\[models\]'"):
        import_timm()


def test_other_errors_are_not_swallowed(broken_import):
    broken_import(ModuleNotFoundError("no yaml", name="yaml"))
    with pytest.raises(ModuleNotFoundError):
        import_timm()


def test_another_runtime_error_defines_nothing(broken_import):
    broken_import(RuntimeError("out of memory"))
    known = len(timm_backbone._defined)
    with pytest.raises(RuntimeError, match="out of memory"):
        import_timm()
    assert len(timm_backbone._defined) == known


def test_operators_are_defined_when_they_are_what_is_missing():
    """In a process of its own: a definition is for good."""
    code = (
        "import importlib, torch\n"
        "from trifid.encoders import timm_backbone as t\n"
        "real, calls = importlib.import_module, []\n"
        "def once(name):\n"
        "    calls.append(name)\n"
        "    if len(calls) == 1:\n"
        "        raise RuntimeError('operator torchvision::nms does not exist')\n"
        "    return name\n"
        "importlib.import_module = once\n"
        "assert t.import_timm() == 'timm' and calls == ['timm', 'timm']\n"
        "assert len(t._defined) == 2\n"
        "print(torch.ops.torchvision.nms.default, torch.ops.torchvision.qnms.default)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["torchvision.nms.default", "torchvision.qnms.default"]


def test_listing_models_and_recipes_needs_no_timm():
    code = (
        "import sys\n"
        "from trifid import registry\n"
        "names = [e.build().kind for e in registry.entries('model')]\n"
        "recipes = [e.build().name for e in registry.entries('recipe')]\n"
        "assert 'imagenet' in names and 'sgq3_resnet50' in recipes\n"
        "print(sorted({'timm', 'torchvision', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_network_is_refused():
    with pytest.raises(ConfigError, match="no network 'resnet5000'"):
        TimmBackboneConfig(name="resnet5000").build((3, 32, 32))


def test_tokens_of_absent_rows_are_zero(check, image):
    encoder = TimmBackboneConfig(name=SMALLEST, grid=2).build((3, 32, 32))
    assert check(encoder, image).shape == (4, 4, encoder.width)


@pytest.mark.parametrize("there", [0, 1, 2])
def test_statistics_count_present_rows_only(image, there):
    encoder = TimmBackboneConfig(name=SMALLEST).build((3, 32, 32)).train()
    full = Image(image().flux, torch.ones(4, dtype=torch.bool))
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder(full.where(torch.arange(4) < there))
    moved = any(not torch.equal(before[name], value) for name, value in encoder.named_buffers())
    assert moved == (there >= 2)  # of fewer there are none: the running ones serve
    assert all(part.training for part in encoder.modules())


def test_three_colours_are_standardised_and_five_bands_are_not():
    colours = TimmBackboneConfig(name=SMALLEST).build((3, 32, 32)).eval()
    plain = TimmBackboneConfig(name=SMALLEST, standardise=False).build((3, 32, 32)).eval()
    plain.load_state_dict(colours.state_dict())
    flux, present = torch.rand(2, 3, 32, 32), torch.ones(2, dtype=torch.bool)
    other = plain(Image((flux - colours.mean) / colours.sd, present))
    torch.testing.assert_close(colours(Image(flux, present)), other)
    assert not TimmBackboneConfig(name=SMALLEST).build((5, 32, 32)).standardise


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that has the weights of the smallest network, with its classifier."""
    import huggingface_hub

    network = import_timm().create_model(SMALLEST)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def download(repo_id, filename):
        asked.append(filename)
        return str(tmp_path / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return network, asked


def test_imagenet_weights_are_taken_over_before_the_first_epoch(hub):
    network, asked = hub
    encoder = TimmBackboneConfig(name=SMALLEST, pretrained=True).build((3, 32, 32))
    assert asked == []  # building fetches nothing: a bundle is read without a network
    model = nn.ModuleDict({"image": encoder})
    fetch_all(model)
    fetch_all(model)
    assert asked == ["model.safetensors"]
    for name, value in encoder.features.state_dict().items():
        assert torch.equal(value, network.state_dict()[name])


def test_five_bands_share_the_mean_filter_so_that_grey_stays_grey(hub):
    network, _ = hub
    encoder = TimmBackboneConfig(name=SMALLEST, pretrained=True).build((5, 32, 32)).eval()
    fetch_all(encoder)
    grey = torch.rand(2, 1, 32, 32)
    wide, narrow = (
        f(grey.expand(-1, n, -1, -1))
        for f, n in ((_stem(encoder.features), 5), (_stem(network), 3))
    )
    torch.testing.assert_close(wide, narrow, rtol=1e-4, atol=1e-5)


def _stem(network):
    return next(part for part in network.modules() if isinstance(part, nn.Conv2d))


def test_weights_that_cannot_be_had_say_so(monkeypatch):
    import huggingface_hub

    def download(repo_id, filename):
        raise OSError("no network\nand more")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(ConfigError, match=r"cannot be fetched \(no network\); set pretrained"):
        imagenet_weights("resnet50", 3, nn.Identity())
    with pytest.raises(ConfigError, match="no safetensors weights of legacy_xception"):
        imagenet_weights("legacy_xception", 3, nn.Identity())


def test_the_top_learns_and_frozen_norms_keep_their_statistics():
    network = nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4), nn.BatchNorm1d(4)
    )
    assert layer_counts(network) == (4, 0, 4)
    for share, frozen in ((0.0, 4), (0.25, 3), (0.5, 2), (1.0, 0)):
        train_top(network.train(), share)
        assert layer_counts(network) == (4, frozen, 4 - frozen)
        assert network[1].training == (frozen < 2) and network[4].training == (frozen < 4)
    train_top(network, 0.5)
    network.train()
    hold_frozen(network)
    network(torch.randn(8, 4))
    assert not network[1].running_mean.any() and network[4].running_mean.any()
    assert network[0].weight.grad is None


def test_stages_divide_the_epochs_evenly():
    assert [stage_of(epoch, 6, 3) for epoch in range(6)] == [0, 0, 1, 1, 2, 2]
    assert [stage_of(epoch, 1, 2) for epoch in range(1)] == [0]
    assert stage_of(9, 6, 3) == 2


def test_the_width_is_the_encoders_or_its_configurations():
    config = ConvImageConfig(width=24)
    assert width_of(config.build((3, 32, 32)), config) == 24
    backbone = TimmBackboneConfig(name=SMALLEST)
    encoder = backbone.build((3, 32, 32))
    assert width_of(encoder) == width_of(encoder, backbone) == encoder.width


def test_an_encoder_without_width_is_refused():
    with pytest.raises(ConfigError, match="Identity names no width"):
        width_of(nn.Identity())
