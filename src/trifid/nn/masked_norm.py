"""Batch normalisation that ignores absent rows."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def mask_of(present: Bool[Tensor, "B"], training: bool) -> Bool[Tensor, "B"] | None:
    """The mask that batch statistics need, or none where every row counts.

    Only training statistics depend on the mask; asking once per encoder keeps the plain, fused
    kernels for complete batches.
    """
    return present if training and not bool(present.all()) else None


class MaskedBatchNorm(nn.Module):
    """BatchNorm over (B, C, ...) whose training statistics come from present rows only.

    With every row present it is `torch.nn.BatchNorm` to the bit. With fewer than two present rows
    it normalises by the running statistics and leaves them as they are, and so it does in
    evaluation, as where it is frozen in a network that learns. In training absent rows give 0.
    """

    running_mean: Tensor  # (C,)
    running_var: Tensor  # (C,)

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(
        self, x: Float[Tensor, "B C *S"], mask: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B C *S"]:
        """Normalises `x`; `mask` as `mask_of` gives it."""
        if mask is not None and self.training:
            if int(mask.sum()) >= 2:
                return self._over_present(x, mask)
            return self._native(x, training=False)
        return self._native(x, training=self.training and x.shape[0] > 1)

    def _native(self, x: Tensor, *, training: bool) -> Tensor:
        mean, var = self.running_mean, self.running_var
        return nn.functional.batch_norm(
            x, mean, var, self.weight, self.bias, training, self.momentum, self.eps
        )

    def _over_present(self, x: Tensor, mask: Tensor) -> Tensor:
        # the fused kernel on a copy of the present rows: half the time of sums under a mask
        rows = mask.nonzero().squeeze(1)
        normed = self._native(x.index_select(0, rows), training=True)
        return normed.new_zeros(x.shape).index_copy(0, rows, normed)
