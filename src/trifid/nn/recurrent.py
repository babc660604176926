"""A bidirectional GRU over sequences of which some steps are missing."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class BiGRU(nn.Module):
    """Two GRUs (Cho et al. 2014), one in each direction, over the valid steps of each row.

    Valid steps are moved to the front, in their order, so that gaps and padding of any length
    leave no trace; there is no packing, so batches of all lengths share one graph.

    Args:
        features: Of a step.
        width: Of the output, half from each direction.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.forwards = nn.GRU(features, width // 2, batch_first=True)
        self.backwards = nn.GRU(features, width // 2, batch_first=True)

    def forward(
        self, steps: Float[Tensor, "B T F"], valid: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B T E"], Float[Tensor, "B E"]]:
        """States at the steps (0 at invalid ones), and the last states of both directions."""
        order = (~valid).to(torch.uint8).argsort(dim=1, stable=True)  # (B, T) valid ones first
        count = valid.sum(dim=1, keepdim=True)  # (B, 1)
        place = torch.arange(valid.shape[1], device=valid.device)
        turned = torch.where(place < count, count - 1 - place, place)  # (B, T) its own inverse
        packed = _take(steps, order)
        ahead = self.forwards(packed)[0]
        back = _take(self.backwards(_take(packed, turned))[0], turned)
        last = (count - 1).clamp_min(0)
        ends = torch.cat([_take(ahead, last), back[:, :1]], dim=2).squeeze(1)
        states = _take(torch.cat([ahead, back], dim=2), order.argsort(dim=1))
        zero = states.new_zeros(())
        return torch.where(valid[..., None], states, zero), torch.where(count > 0, ends, zero)


def _take(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
