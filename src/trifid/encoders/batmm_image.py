"""BATMM's image encoder: squeeze-and-excitation over the bands, then ResNet-50.

The residual network carries the names of timm's `resnet50`, so that weights trained on ImageNet
fit; it is written out here because its normalisation must not count absent rows.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.encoders.timm_backbone import imagenet_weights
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.schema.batch import Image

EXPANSION = 4  # of a bottleneck block, He et al. 2016


class BatmmImageConfig(EncoderConfig):
    """SE block, residual network, projection.

    Attributes:
        excitation: Whether bands are weighted by an SE block.
        stem: Channels after the first convolution.
        blocks: Bottleneck blocks of each stage; each stage but the first halves the side.
        widths: Inner channels of each stage; four times as many leave it.
        width: Width of the tokens; 0 = as they leave the last stage.
        grid: Tokens along each side; 64 pixels give 2, 224 give 7.
        pretrained: Whether training begins from ImageNet weights of timm's `resnet50`, fetched
            before the first epoch.
    """

    kind: Literal["batmm_image"] = "batmm_image"
    excitation: bool = True
    stem: int = 64
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    widths: tuple[int, ...] = (64, 128, 256, 512)
    width: int = 512
    grid: int = 2
    pretrained: bool = False

    @property
    def tokens(self) -> int:
        """One token per cell of the grid."""
        return self.grid**2

    def build(self, shape: tuple[int, ...]) -> "BatmmImage":
        """The module for images of shape (C, H, W)."""
        return BatmmImage(self, bands=shape[0])


class BatmmImage(nn.Module):
    """Image -> (B, grid * grid, width).

    Paper: BATMM section 4.1. With `grid` as the network leaves it, the pooling is the identity.
    """

    fetched: Tensor  # () whether these weights began from ImageNet's

    def __init__(self, config: BatmmImageConfig, bands: int) -> None:
        super().__init__()
        self.bands, self.pretrained = bands, config.pretrained
        if config.pretrained:
            self.register_buffer("fetched", torch.zeros((), dtype=torch.uint8))
        self.excitation = BandExcitation(bands) if config.excitation else nn.Identity()
        self.backbone = ResNet(config, bands)
        self.pool = nn.AdaptiveAvgPool2d(config.grid)
        self.width = config.width or EXPANSION * config.widths[-1]
        self.project = (
            nn.Linear(EXPANSION * config.widths[-1], config.width)
            if config.width
            else nn.Identity()
        )

    def forward(self, image: Image) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(image.present, self.training)
        x = self.backbone(self.excitation(image.flux), mask)  # (B, E, h, w)
        tokens = self.project(self.pool(x).flatten(2).transpose(1, 2))  # (B, T, E)
        return torch.where(image.present[:, None, None], tokens, tokens.new_zeros(()))

    def fetch(self) -> None:
        """Takes ImageNet weights over, once in the life of these weights."""
        if self.pretrained and not bool(self.fetched):
            found = imagenet_weights("resnet50", self.bands, self.backbone)
            self.backbone.load_state_dict(found)
            self.fetched.fill_(1)

    def band_weights(self, image: Image) -> Float[Tensor, "B C"]:
        """SE weights divided by their sum, as the paper's figure 9 plots them."""
        weights = torch.ones_like(image.flux[..., 0, 0])
        if isinstance(self.excitation, BandExcitation):
            weights = self.excitation.weights(image.flux)
        return weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-12)


class BandExcitation(nn.Module):
    """Bands times sigmoid(FC ReLU FC of their means). Paper: BATMM eq. 1 and 2; Hu et al. 2018."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(bands, bands), nn.Linear(bands, bands)

    def forward(self, flux: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Bands, each times its weight."""
        return flux * self.weights(flux)[:, :, None, None]

    def weights(self, flux: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C"]:
        """A weight in 0..1 per band."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(flux.mean(dim=(2, 3))))))


class ResNet(nn.Module):
    """A residual network of bottleneck blocks without its classifier: (B, C, H, W) -> features.

    Paper: He et al. 2016; the stride sits in the 3 x 3 convolution, as everywhere today.
    """

    def __init__(self, config: BatmmImageConfig, bands: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(bands, config.stem, 7, 2, padding=3, bias=False)
        self.bn1 = MaskedBatchNorm(config.stem)
        inward = config.stem
        self.names: list[str] = []
        for number, (count, width) in enumerate(zip(config.blocks, config.widths, strict=True), 1):
            stage = nn.ModuleList()
            for i in range(count):
                stride = 2 if i == 0 and number > 1 else 1
                stage.append(Bottleneck(inward, width, stride))
                inward = EXPANSION * width
            self.names.append(f"layer{number}")
            self.add_module(self.names[-1], stage)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, x: Float[Tensor, "B C H W"], mask: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B E h w"]:
        """Features at a 32nd of the resolution; `mask` as `mask_of` gives it."""
        x = torch.relu(self.bn1(self.conv1(x), mask))
        x = nn.functional.max_pool2d(x, 3, 2, padding=1)
        for name in self.names:
            for block in getattr(self, name):
                x = block(x, mask)
        return x


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 convolutions around a shortcut."""

    def __init__(self, inward: int, width: int, stride: int) -> None:
        super().__init__()
        outward = EXPANSION * width
        self.conv1 = nn.Conv2d(inward, width, 1, bias=False)
        self.bn1 = MaskedBatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = MaskedBatchNorm(width)
        self.conv3 = nn.Conv2d(width, outward, 1, bias=False)
        self.bn3 = MaskedBatchNorm(outward)
        self.downsample = nn.ModuleList()
        if stride > 1 or inward != outward:
            self.downsample.append(nn.Conv2d(inward, outward, 1, stride, bias=False))
            self.downsample.append(MaskedBatchNorm(outward))

    def forward(
        self, x: Float[Tensor, "B C H W"], mask: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B E h w"]:
        """The block's output."""
        y = torch.relu(self.bn1(self.conv1(x), mask))
        y = torch.relu(self.bn2(self.conv2(y), mask))
        y = self.bn3(self.conv3(y), mask)
        if len(self.downsample):
            convolve, norm = self.downsample
            x = norm(convolve(x), mask)
        return torch.relu(x + y)
