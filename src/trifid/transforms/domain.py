"""Whether an input looks like the training data at all: a coarse guard, not a detector.

Each transformed input is summarised by a few numbers; a row is out of domain if one of them lies
outside the range of the training rows, widened by half of it on each side. It catches other units,
empty or saturated data and foreign instruments, not subtle novelty.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trifid.schema.batch import Image, Input, Series, Spectrum, Table

MARGIN = 0.5


def summary(value: Input) -> Float[Tensor, "B S"]:
    """Mean and log of the spread over all pixels or cells, and the share that holds data."""
    if isinstance(value, Image):
        content, valid = value.flux.flatten(1), torch.ones_like(value.flux.flatten(1))
    elif isinstance(value, Spectrum):
        content, valid = value.flux, (value.ivar > 0).float()
    elif isinstance(value, Table):
        content, valid = value.values, value.valid.float()
    elif isinstance(value, Series):
        content, valid = value.flux, value.valid.float()
    else:
        content = value.pixels.flatten(1).float()
        valid = torch.ones_like(content)
    mean = content.mean(dim=1)
    spread = content.std(dim=1, correction=0)
    return torch.stack([mean, torch.log10(spread + 1e-6), valid.mean(dim=1)], dim=1)


def fit_domain(value: Input) -> dict[str, Tensor]:
    """The range of the summaries over present rows: `domain_low`, `domain_high` (S,)."""
    summaries = summary(value)[value.present]
    if not len(summaries):
        summaries = torch.zeros(1, 3)
    low, high = summaries.amin(dim=0), summaries.amax(dim=0)
    margin = MARGIN * (high - low) + 1e-3
    return {"domain_low": low - margin, "domain_high": high + margin}


def distance(value: Input, state: dict[str, Tensor]) -> Float[Tensor, "B"]:
    """How far out a summary lies, the farthest one: 0 the middle of the range, 1 its end.

    Absent rows are at 0, rows with a NaN infinitely far.
    """
    if "domain_low" not in state:
        return torch.zeros_like(value.present, dtype=torch.float32)
    middle = (state["domain_high"] + state["domain_low"]) / 2
    half = ((state["domain_high"] - state["domain_low"]) / 2).clamp_min(1e-12)
    far = ((summary(value) - middle).abs() / half).amax(dim=1)
    return torch.where(far.isnan(), torch.inf, far).where(value.present, 0.0)


def outside(value: Input, state: dict[str, Tensor]) -> Bool[Tensor, "B"]:
    """Present rows whose summary lies outside the training range."""
    return distance(value, state) > 1.0
