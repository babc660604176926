"""The typed containers a model sees.

Axis legend, used everywhere:

    B row   M modality   C band   H W pixel   L wavelength pixel   T token or time
    E embedding   F table feature   K output

Every input has `present (B,)`; the constructor zeroes the content of absent rows, so that no
value behind the mask (1e6, NaN) can reach a network or its gradients.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import torch
from torch import Tensor

from trifid.errors import InputError


class _Input:
    """Shared behaviour of the inputs: a `present` mask, absence zeroed, moves between devices."""

    present: Tensor  # (B,) bool

    def __post_init__(self) -> None:
        for name in self._content():
            tensor = getattr(self, name)
            if tensor.shape[0] != self.present.shape[0]:
                raise InputError(
                    f"{type(self).__name__}.{name} has {tensor.shape[0]} rows, "
                    f"present has {self.present.shape[0]}"
                )
        on_cpu = self.present.device.type == "cpu"  # elsewhere asking would wait for the device
        absent = ~self.present
        if on_cpu and not absent.any():
            return
        for name in self._content():
            tensor = getattr(self, name)
            if on_cpu and not tensor[absent].any():
                continue  # zero already, as most are: no need for a copy
            mask = self.present.view(-1, *[1] * (tensor.ndim - 1))
            object.__setattr__(self, name, torch.where(mask, tensor, tensor.new_zeros(())))

    def _content(self) -> list[str]:
        return [item.name for item in fields(self) if item.name != "present"]  # type: ignore[arg-type]

    def to(self, device: torch.device) -> Self:
        """The same input on another device."""
        if self.present.device == device:
            return self
        moved = {name: getattr(self, name).to(device) for name in (*self._content(), "present")}
        return type(self)(**moved)

    def absent(self) -> Self:
        """The same input with every row absent."""
        return self.where(torch.zeros_like(self.present))

    def where(self, keep: Tensor) -> Self:
        """The same input, present only where `keep (B,)` is true too."""
        values = {name: getattr(self, name) for name in self._content()}
        return type(self)(**{**values, "present": self.present & keep})


@dataclass(frozen=True)
class Image(_Input):
    """Calibrated flux [nanomaggy] or its transform. flux (B, C, H, W)."""

    flux: Tensor
    present: Tensor


@dataclass(frozen=True)
class Picture(_Input):
    """Colour pictures. pixels (B, H, W, 3) uint8."""

    pixels: Tensor
    present: Tensor


@dataclass(frozen=True)
class Spectrum(_Input):
    """Spectra on one grid. flux (B, L), ivar (B, L); ivar 0 = no data."""

    flux: Tensor
    ivar: Tensor
    present: Tensor


@dataclass(frozen=True)
class Table(_Input):
    """Catalogue features. values (B, F), valid (B, F) bool; a row counts as present if any is."""

    values: Tensor
    valid: Tensor
    present: Tensor


@dataclass(frozen=True)
class Series(_Input):
    """Light curves. time, flux, error, band, valid (B, T)."""

    time: Tensor
    flux: Tensor
    error: Tensor
    band: Tensor
    valid: Tensor
    present: Tensor


Input = Image | Picture | Spectrum | Table | Series


@dataclass(frozen=True)
class Tokens(_Input):
    """What an encoder made of an input; in a batch that a fusion alone sees. values (B, T, E)."""

    values: Tensor
    present: Tensor


@dataclass(frozen=True)
class Batch:
    """B rows.

    Attributes:
        ids: `object_id` of each row.
        inputs: Modality name to input; to `Tokens` where encoders are done with it.
        targets: Target name to tensor (B, ...); a class target is int64, -1 = unlabelled.
        weight: Weight of each row in the loss (B,).
        context: Per-row numbers that transforms may need and models never see, e.g. `redshift`.
    """

    ids: tuple[str, ...]
    inputs: Mapping[str, Input]
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    weight: Tensor = field(default_factory=lambda: torch.empty(0))
    context: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weight.numel() == 0:
            object.__setattr__(self, "weight", torch.ones(len(self.ids)))
        for name, value in self.inputs.items():
            if value.present.shape[0] != len(self.ids):
                raise InputError(
                    f"input {name!r} has {value.present.shape[0]} rows for {len(self.ids)} ids"
                )

    def __len__(self) -> int:
        return len(self.ids)

    def replace(self, **values: Any) -> "Batch":
        """A copy with some attributes changed."""
        current = {item.name: getattr(self, item.name) for item in fields(self)}
        return Batch(**(current | values))

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(
            ids=self.ids,
            inputs={name: value.to(device) for name, value in self.inputs.items()},
            targets={name: value.to(device) for name, value in self.targets.items()},
            weight=self.weight.to(device),
            context={name: value.to(device) for name, value in self.context.items()},
        )

    def only(self, modalities: tuple[str, ...]) -> "Batch":
        """The same batch with every other modality absent."""
        kept = {n: v if n in modalities else v.absent() for n, v in self.inputs.items()}
        return self.replace(inputs=kept)

    @property
    def present(self) -> Tensor:
        """(B, M) in the order of `inputs`: which modalities each row has."""
        return torch.stack([value.present for value in self.inputs.values()], dim=1)


@dataclass(frozen=True)
class Output:
    """What a model says, each part named. A classifier fills `logits`, a regression `mean`.

    Attributes:
        logits: Class scores (B, K).
        mean: Predicted targets, standardised as in training (B, D).
        log_variance: Logarithm of their predicted variance, same scale (B, D).
        auxiliary: Scores for belonging to a class, class name to (B,); used in training only.
        branches: Answers from single modalities, name to (B, K) logits or (B, D) means; trained
            with the same loss where the recipe gives them weight.
        losses: Further terms of the training loss, name to scalar; empty outside training.
        embedding: The fused embedding (B, E).
        tokens: Tokens per modality, name to (B, T, E).
        attention: Attention weights, name to (B, heads, T, T), or (B, N) over bands or segments.
        gates: Weights of modalities in the fusion, name to (B,) or (B, E).
        anomaly: How unlike the training rows a row is (B,); larger is stranger.
    """

    logits: Tensor | None = None
    mean: Tensor | None = None
    log_variance: Tensor | None = None
    auxiliary: Mapping[str, Tensor] = field(default_factory=dict)
    branches: Mapping[str, Tensor] = field(default_factory=dict)
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    embedding: Tensor | None = None
    tokens: Mapping[str, Tensor] = field(default_factory=dict)
    attention: Mapping[str, Tensor] = field(default_factory=dict)
    gates: Mapping[str, Tensor] = field(default_factory=dict)
    anomaly: Tensor | None = None

    @property
    def answer(self) -> Tensor:
        """The logits of a classifier, the means of a regression.

        Raises:
            InputError: If the model gave neither.
        """
        if self.logits is not None:
            return self.logits
        if self.mean is not None:
            return self.mean
        raise InputError("the model gave neither logits nor means")
