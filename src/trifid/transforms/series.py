"""Light curves to what a network reads: time from the first point, flux around its median."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def since_first(time: Float[Tensor, "B T"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """Time since the first valid point of each row; 0 at invalid points."""
    first = torch.where(valid, time, torch.inf).amin(dim=1, keepdim=True)
    return torch.where(valid, time - first, time.new_zeros(()))


def centre(
    flux: Float[Tensor, "B T"],
    band: Int[Tensor, "B T"],
    valid: Bool[Tensor, "B T"],
    bands: int,
) -> Float[Tensor, "B T"]:
    """Flux minus the median of the row's valid points in the same band; 0 at invalid points."""
    centred = torch.zeros_like(flux)
    for number in range(bands):
        there = valid & (band == number)
        middle = torch.where(there, flux, torch.nan).nanmedian(dim=1, keepdim=True).values
        centred = torch.where(there, flux - middle, centred)
    return centred


def typical(x: Float[Tensor, "B T"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Median over rows of the median |x| over valid points; 1 where that is 0 or nothing is."""
    rows = torch.where(valid, x.abs(), torch.nan).nanmedian(dim=1).values
    found = rows.nanmedian() if rows.numel() else rows.new_zeros(())
    return torch.where(found > 0, found, torch.ones_like(found))
