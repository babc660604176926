"""Parameters of the ImageNet networks: the paper's Keras counts and what timm's differ by."""

import pytest
import torch
from torch import nn

from trifid import registry
from trifid.encoders.timm_backbone import layer_counts
from trifid.models.card import meta_batch, model_card
from trifid.models.cnn_ann import CnnAnnConfig, cnn_ann_small
from trifid.models.imagenet import ImageNetConfig, imagenet_small, stage_layers

# name: paper (table 5), ours, moving mean and variance, what else Keras has
COUNTS = {
    "resnet50": (23_593_859, 23_514_179, 53_120, 26_560),
    "vgg16": (14_716_227, 14_716_227, 0, 0),
    "xception": (20_867_627, 20_813_099, 54_528, 0),
    "efficientnet_b2": (7_772_796, 7_705_221, 67_568, 7),
    "densenet121": (7_040_579, 6_956_931, 83_648, 0),
}
# name: fused network as Keras would count ours; the paper's (table 7)
FUSED = {
    "resnet50_ann": ("resnet50", 24_150_643, 24_321_519),
    "xception_ann": ("xception", 21_424_411, 22_131_607),
    "efficientnet_b2_ann": ("efficientnet_b2", 8_167_660, 8_764_776),
}


def config_of(name):
    return registry.get("model", name).build()


def on_meta(config):
    with torch.device("meta"):
        return config.build(config.example())


def size(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", COUNTS)
def test_the_papers_count_is_ours_and_what_keras_counts_besides(name):
    paper, ours, moving, besides = COUNTS[name]
    model = on_meta(config_of(name))
    statistics = [b for key, b in model.named_buffers() if "running" in key]
    assert size(model) == ours
    assert sum(b.numel() for b in statistics) == moving
    assert ours + moving + besides == paper


def test_the_biases_that_keras_has_in_resnet50_are_one_per_convolution_channel():
    model = on_meta(config_of("resnet50"))
    channels = [m.out_channels for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sum(channels) == COUNTS["resnet50"][3]


@pytest.mark.parametrize("name", FUSED)
def test_fused_networks_differ_from_the_paper_as_their_file_says(name):
    backbone, ours, paper = FUSED[name]
    counts = COUNTS[backbone]
    alone, fused = on_meta(config_of(backbone)), on_meta(config_of(name))
    keras = size(fused) + counts[2] + counts[3]
    assert keras == ours
    assert counts[0] - size(alone.classify) + size(fused) - size(fused.backbone) == keras
    text = __import__("trifid.models.cnn_ann", fromlist=["cnn_ann"]).__doc__
    assert f"{ours:,}" in text and f"{paper:,}" in text


def test_widths_of_the_fused_vector():
    card = model_card(config_of("resnet50_ann"))
    shapes = {part["name"]: part["output"] for part in card["parts"]}
    assert shapes["backbone"] == "1x2048"
    assert [shapes[n] for n in ("table", "image", "fused", "classify")] == ["16", "256", "128", "3"]


def test_layers_are_unfrozen_from_the_output_stage_by_stage():
    config = config_of("resnet50").replace(unfreeze=(0.0, 0.1, 1.0))
    model = on_meta(config)
    assert layer_counts(model.backbone) == (106, 0, 106)
    counts = []
    for epoch in range(6):
        model.set_epoch(epoch, 6)
        counts.append(layer_counts(model.backbone)[2])
    assert counts == [0, 0, 11, 11, 106, 106]
    assert all(p.requires_grad for p in model.classify.parameters())


@pytest.mark.parametrize("config", [imagenet_small(), cnn_ann_small()])
def test_frozen_layers_keep_weights_and_statistics(config):
    torch.manual_seed(0)
    signature = config.example(small=True)
    model = config.replace(unfreeze=(0.0, 0.5)).build(signature)
    batch = meta_batch(signature, rows=6)
    batch.inputs["image_rgb"].flux.normal_()
    model.set_epoch(0, 2)
    model.train()
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model(batch).logits.sum().backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.backbone.state_dict().items())
    model.set_epoch(1, 2)
    model.train()
    model(batch).logits.sum().backward()
    assert sum(p.grad is not None for p in model.backbone.parameters()) > 0
    assert any(not torch.equal(before[k], v) for k, v in model.backbone.state_dict().items())


@pytest.mark.parametrize("kind", [ImageNetConfig, CnnAnnConfig])
def test_inputs_that_do_not_fit_are_refused(kind):
    from trifid.errors import ConfigError
    from trifid.schema.signature import Signature

    signature = Signature(inputs={"spectrum": (400,), "table": (6,)}, classes=("A", "B"))
    with pytest.raises(ConfigError, match=r"takes one image; got \['spectrum', 'table'\]"):
        kind().build(signature)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [  # the paper's Keras counts: 176 = 150 + 26 (it prints 16), 340 = 330 + 10
        ("sgq3_resnet50_ann_paper", [(106, 106, 0), (106, 90, 16)]),
        ("sgq3_efficientnet_b2_ann_paper", [(184, 184, 0), (184, 179, 5)]),
        ("sgq3_vgg16", [(13, 0, 13)]),
        ("sgq3_knn", []),
    ],
)
def test_frozen_and_learning_layers_of_a_recipe_are_shown(recipe, expected):
    assert stage_layers(registry.get("recipe", recipe).build().model) == expected
