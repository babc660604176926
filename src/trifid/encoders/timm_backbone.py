"""Image networks of timm without their classifiers, weights from ImageNet on request.

timm and torchvision belong to the extra `models` and are imported when a network is built.
"""

import importlib
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.errors import ConfigError
from trifid.nn.masked_norm import MaskedBatchNorm
from trifid.schema.batch import Image

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_defined: list[torch.library.Library] = []  # a definition lives as long as its library object

# arguments of timm.create_model besides the name
_OPTIONS: dict[str, dict[str, Any]] = {
    # the last norm of a block begins at one: at zero nothing before it learns at first
    "resnet50": {"zero_init_last": False},
    # its unused classifier shrunk from 120 million weights to 25 thousand
    "vgg16": {"mlp_ratio": 1 / 4096},
}


@runtime_checkable
class Pretrained(Protocol):
    """A part that may begin from weights trained elsewhere."""

    def fetch(self) -> None:
        """Takes them over where that was asked for and has not happened yet."""
        ...


class TimmBackboneConfig(EncoderConfig):
    """A network of timm by name.

    Attributes:
        name: As timm calls it, e.g. `resnet50`.
        pretrained: Whether training begins from ImageNet weights, fetched from the Hugging Face
            hub before the first epoch (safetensors only).
        standardise: Whether three colours in 0..1 are brought to the mean and sd that timm names
            for these weights.
        grid: Tokens along each side; 1 is global average pooling.
    """

    kind: Literal["timm"] = "timm"
    name: str = "resnet50"
    pretrained: bool = False
    standardise: bool = True
    grid: int = 1

    @property
    def tokens(self) -> int:
        """One token per cell of the grid."""
        return self.grid**2

    def build(self, shape: tuple[int, ...]) -> "TimmBackbone":
        """The module for images of shape (C, H, W)."""
        return TimmBackbone(self, bands=shape[0])


class TimmBackbone(nn.Module):
    """Image -> (B, grid * grid, E), E being the network's own width.

    timm's BatchNorm knows no absent rows: in training the network runs on the present ones only,
    and by its running statistics where there are fewer than two.
    """

    mean: Tensor  # (C, 1, 1)
    sd: Tensor  # (C, 1, 1)
    fetched: Tensor  # () whether these weights began from ImageNet's

    def __init__(self, config: TimmBackboneConfig, bands: int) -> None:
        super().__init__()
        self.name, self.bands = config.name, bands
        self.features, self.width = _features(config.name, bands)
        self.pool = nn.AdaptiveAvgPool2d(config.grid)
        self.standardise = config.standardise and bands == 3
        known = import_timm().models.get_pretrained_cfg(config.name)
        for key, values in (("mean", known.mean), ("sd", known.std)):
            self.register_buffer(key, torch.tensor(values)[:, None, None], persistent=False)
        self.pretrained = config.pretrained
        if config.pretrained:
            self.register_buffer("fetched", torch.zeros((), dtype=torch.uint8))

    def forward(self, image: Image) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        x = (image.flux - self.mean) / self.sd if self.standardise else image.flux
        if self.training and not bool(image.present.all()):
            maps = self._on_present(x, image.present)
        elif self.training and len(x) < 2:
            maps = self._by_running_statistics(x)
        else:
            maps = self._maps(x)
        return torch.where(image.present[:, None, None], maps, maps.new_zeros(()))

    def fetch(self) -> None:
        """Takes ImageNet weights over, once in the life of these weights."""
        if self.pretrained and not bool(self.fetched):
            self.features.load_state_dict(imagenet_weights(self.name, self.bands, self.features))
            self.fetched.fill_(1)

    def _maps(self, x: Tensor) -> Tensor:
        return self.pool(self.features(x)).flatten(2).transpose(1, 2)

    def _on_present(self, x: Tensor, present: Tensor) -> Tensor:
        rows = present.nonzero().squeeze(1)
        if len(rows) < 2:
            return self._by_running_statistics(x)
        maps = self._maps(x.index_select(0, rows))
        return maps.new_zeros(len(x), *maps.shape[1:]).index_copy(0, rows, maps)

    def _by_running_statistics(self, x: Tensor) -> Tensor:
        norms = [m for m in self.features.modules() if is_batch_norm(m) and m.training]
        for norm in norms:
            norm.eval()
        maps = self._maps(x)
        for norm in norms:
            norm.train()
        return maps


def import_timm() -> Any:
    """The package timm, however torch and torchvision were built.

    The registry's torchvision fails to import beside a CPU-only torch, because operators that it
    describes do not exist there. Only when that error occurs are they defined, as names without
    code: nothing here calls them.

    Raises:
        ConfigError: If timm is not installed.
    """
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        if error.name not in ("timm", "torchvision"):
            raise
        raise ConfigError(
            f"this model needs the package {error.name}; pip install 'trifid[models]'"
        ) from None
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
        for operator in ("nms", "qnms"):
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(operator + _SCHEMA)
            _defined.append(library)
        return importlib.import_module("timm")


def _features(name: str, bands: int) -> tuple[nn.Module, int]:
    """A network of timm that gives its last feature maps, and their channels."""
    timm = import_timm()
    if name not in timm.list_models():
        raise ConfigError(f"timm has no network {name!r}; see timm.list_models()")
    options = _OPTIONS.get(name, {})
    network = timm.create_model(name, num_classes=0, global_pool="", in_chans=bands, **options)
    if name.startswith("vgg"):
        return network.features, int(network.num_features)
    return network, int(network.num_features)


def imagenet_weights(name: str, bands: int, network: nn.Module) -> dict[str, Tensor]:
    """ImageNet weights of one of timm's networks for this many bands, without the classifier.

    For other than three bands each filter of the first convolution becomes its mean over colours
    times 3 / bands, so that grey light gives what it gave.

    Args:
        name: As timm calls it.
        bands: Of the images.
        network: Whose parameters and buffers are wanted, under timm's names.

    Raises:
        ConfigError: If they cannot be fetched or do not fit.
    """
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file

    known = import_timm().models.get_pretrained_cfg(name)
    if known.hf_hub_id is None:
        raise ConfigError(f"timm has no safetensors weights of {name}; set pretrained = false")
    try:
        path = hf_hub_download(repo_id=known.hf_hub_id, filename="model.safetensors")
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"ImageNet weights of {name} cannot be fetched ({reason}); set pretrained = false"
        ) from None
    stored = load_file(path)
    stored |= {key.removeprefix("features."): value for key, value in stored.items()}
    wanted = network.state_dict()
    if missing := sorted(set(wanted) - set(stored)):
        raise ConfigError(f"ImageNet weights of {name} lack {missing[0]}")
    weights = {key: stored[key] for key in wanted}
    first = next(key for key, value in wanted.items() if value.ndim == 4)
    if weights[first].shape[1] != bands:
        mean = weights[first].mean(dim=1, keepdim=True)
        weights[first] = mean.expand(-1, bands, -1, -1) * (3.0 / bands)
    return weights


def fetch_all(model: nn.Module) -> None:
    """Takes ImageNet weights over in every part that was asked to begin from them."""
    for part in model.modules():
        if isinstance(part, Pretrained):
            part.fetch()


def width_of(encoder: nn.Module, config: EncoderConfig | None = None) -> int:
    """Width E of the tokens that an encoder gives, as it or its configuration says.

    Raises:
        ConfigError: If neither says.
    """
    width = getattr(encoder, "width", getattr(config, "width", None))
    if not isinstance(width, int):
        raise ConfigError(f"{type(encoder).__name__} names no width; use another encoder here")
    return width


def is_batch_norm(module: nn.Module) -> bool:
    """Whether it is a batch normalisation, torch's or ours."""
    return isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | MaskedBatchNorm)


def layers(module: nn.Module) -> list[nn.Module]:
    """Its parts that hold weights of their own, from the input to the output."""
    return [m for m in module.modules() if any(True for _ in m.parameters(recurse=False))]


def layer_counts(module: nn.Module) -> tuple[int, int, int]:
    """Layers in all, frozen, trainable."""
    found = layers(module)
    frozen = sum(not any(p.requires_grad for p in m.parameters(recurse=False)) for m in found)
    return len(found), frozen, len(found) - frozen


def train_top(module: nn.Module, share: float) -> None:
    """Freezes all but the last `share` of its layers: 0 freezes all, 1 none."""
    found = layers(module)
    frozen = len(found) - round(share * len(found))
    for i, layer in enumerate(found):
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(i >= frozen)
    hold_frozen(module)


def hold_frozen(module: nn.Module) -> None:
    """Frozen normalisations keep their running statistics, as Keras has it.

    To be called after every `train()`.
    """
    for part in module.modules():
        if is_batch_norm(part) and not part.weight.requires_grad:
            part.eval()


def stage_of(epoch: int, epochs: int, stages: int) -> int:
    """Which of so many equal stages of the training an epoch belongs to."""
    return min(stages * epoch // max(epochs, 1), stages - 1)
