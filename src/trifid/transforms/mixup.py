"""Mixup of whole objects: one weight for all modalities and targets of a pair."""

from dataclasses import fields, replace

import torch
from torch import Tensor

from trifid.schema.batch import Batch, Input


def pairs(present: Tensor) -> Tensor:
    """A random partner (B,) for each row among the rows with the same modalities present (B, M).

    Randomness comes from torch's generator, which training seeds at every step.
    """
    place = torch.arange(present.shape[1], device=present.device)
    pattern = (present.long() << place).sum(dim=1).cpu()

    def grouped() -> Tensor:
        shuffled = torch.randperm(len(pattern))
        return shuffled[pattern[shuffled].argsort(stable=True)]

    partner = torch.empty_like(pattern)
    partner[grouped()] = grouped()
    return partner.to(present.device)


def mix(batch: Batch, share: float, partner: Tensor) -> Batch:
    """Share * row + (1 - share) * partner, for every input and float target.

    Paper: GCSNet eq. 9 (Zhang et al. 2018): the same weight for all modalities and the target.
    Integer targets must have been turned into soft ones before. Cells and pixels that only one of
    the two has are absent from the mixture.
    """
    return batch.replace(
        inputs={name: _mix_input(value, share, partner) for name, value in batch.inputs.items()},
        targets={n: share * t + (1 - share) * t[partner] for n, t in batch.targets.items()},
    )


def _mix_input(value: Input, share: float, partner: Tensor) -> Input:
    mixed: dict[str, Tensor] = {}
    for item in fields(value):
        mine = getattr(value, item.name)
        other = mine[partner]
        if mine.dtype == torch.bool:
            mixed[item.name] = mine & other
        elif mine.is_floating_point():
            mixed[item.name] = torch.lerp(other, mine, share)
    return replace(value, **mixed)
