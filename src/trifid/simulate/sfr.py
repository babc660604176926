"""Star-formation rates as a catalogue gives them: a probability distribution and its summary.

Each object has a skewed distribution on a grid of 0.05 dex; average, entropy, median, mode and
percentiles are all taken from it, so what they owe to each other holds, as it does in the
catalogue `gal_totsfr_dr7_v5_2`. Rates from emission lines are known to 0.5 to 0.8 dex (P84 - P16),
those from photometry to 1.5 to 2.2. Distributions are calibrated: the true value is below a
percentile as often as that says.
Paper: Brinchmann+ 2004, MNRAS 351, 1151; widths and skewness are those of five real rows.
"""

import numpy as np
from scipy.special import gamma, gammainc, gammaincinv

STEP = 0.05  # [dex]
_LOW, _HIGH = -9.0, 6.0  # of the grid [log10 solar mass/yr]
SENTINEL = -99.0  # every value of an object without an estimate; its entropy is 0
COLUMNS = (
    "sfr_avg", "sfr_entropy", "sfr_median", "sfr_mode",
    "sfr_p16", "sfr_p2p5", "sfr_p84", "sfr_p97p5",
)  # fmt: skip
FROM_LINES = (0.5, 0.8)  # P84 - P16 [dex], range
FROM_PHOTOMETRY = (1.5, 2.2)


def draw_estimates(
    rng: np.random.Generator, truth: np.ndarray, from_lines: np.ndarray, failed: float = 0.02
) -> dict[str, np.ndarray]:
    """What the catalogue says of objects.

    Args:
        rng: Random numbers.
        truth: log10 of the star-formation rates [solar mass/yr] (B,).
        from_lines: Whether the lines give the rate, as for star-forming galaxies (B,).
        failed: Share of objects without an estimate.

    Returns:
        Columns `COLUMNS` and `sfr_flag`, an integer that is 0 where the estimate is good (B,).
    """
    place, weights = draw_distributions(rng, truth, from_lines)
    columns = summarise(place, weights)
    flag = np.where(rng.random(truth.size) < failed, rng.integers(1, 4, truth.size), 0)
    for name, values in columns.items():
        missing = 0.0 if name == "sfr_entropy" else SENTINEL
        columns[name] = np.where(flag == 0, values, missing)
    return columns | {"sfr_flag": flag}


def draw_distributions(
    rng: np.random.Generator, truth: np.ndarray, from_lines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The grid (G,) [log10 solar mass/yr] and the probabilities on it (B, G), rows of sum 1.

    A generalised normal distribution, exp(-|x/s|^p / p), of its own s and p on each side; the lower
    side is the longer. It lies so that a random percentile of it is the truth.
    """
    count = truth.size
    shape = np.stack([rng.uniform(1.1, 1.7, count), rng.uniform(1.4, 2.1, count)])  # p below, above
    ratio = np.exp(rng.normal(0.25, 0.25, count))  # of the scales
    scale = np.stack([np.sqrt(ratio), 1.0 / np.sqrt(ratio)])
    width = np.where(
        from_lines, rng.uniform(*FROM_LINES, count), rng.uniform(*FROM_PHOTOMETRY, count)
    )
    span = _quantile(np.full(count, 0.84), scale, shape) - _quantile(
        np.full(count, 0.16), scale, shape
    )
    scale = scale * width / span
    mode = truth - _quantile(rng.uniform(0.0, 1.0, count).clip(1e-4, 1.0 - 1e-4), scale, shape)
    places = np.arange(round(_LOW / STEP), round(_HIGH / STEP) + 1)
    edges = STEP * (np.append(places, places[-1] + 1) - 0.5)
    weights = np.diff(_below(edges - mode[:, None], scale, shape), axis=1)
    return STEP * places, weights / weights.sum(axis=1, keepdims=True)


def summarise(place: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The columns `COLUMNS` of distributions (B, G) on a grid (G,) of 0.05 dex.

    Entropy is the sum of p lg2 p and negative; the mode is a point of the grid; percentiles are
    interpolated, probability being spread evenly over a grid cell.
    """
    positive = np.maximum(weights, 1e-300)
    total = np.cumsum(weights, axis=1)
    columns = {
        "sfr_avg": weights @ place,
        "sfr_entropy": np.sum(weights * np.log2(positive), axis=1),
        "sfr_mode": place[weights.argmax(axis=1)],
    }
    rows = np.arange(weights.shape[0])
    for name, level in (
        ("median", 0.5), ("p16", 0.16), ("p2p5", 0.025), ("p84", 0.84), ("p97p5", 0.975),
    ):  # fmt: skip
        cell = (total < level).sum(axis=1).clip(0, place.size - 1)
        inside = (level - total[rows, cell]) / positive[rows, cell] + 0.5
        columns[f"sfr_{name}"] = place[cell] + STEP * inside
    return {name: columns[name] for name in COLUMNS}


def entropy_of_width(p16: np.ndarray, p84: np.ndarray) -> np.ndarray:
    """Entropy of a normal distribution of these percentiles on the grid, as `sfr_entropy`."""
    sigma = 0.5 * (p84 - p16)
    return -np.log2(sigma * np.sqrt(2.0 * np.pi * np.e) / STEP)


def _share_below(scale: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Probability below the mode (B,), from scales and shapes below and above it (2, B)."""
    area = scale * shape ** (1.0 / shape - 1.0) * gamma(1.0 / shape)
    return area[0] / area.sum(axis=0)


def _quantile(level: np.ndarray, scale: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Place of a cumulative probability relative to the mode (B,)."""
    below = _share_below(scale, shape)
    left = level < below
    side = np.where(left, 1.0 - level / below, (level - below) / (1.0 - below))
    size, power = np.where(left, scale[0], scale[1]), np.where(left, shape[0], shape[1])
    distance = size * (power * gammaincinv(1.0 / power, side)) ** (1.0 / power)
    return np.where(left, -distance, distance)


def _below(offset: np.ndarray, scale: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Cumulative probability at offsets from the mode (B, E)."""
    below = _share_below(scale, shape)[:, None]
    left = offset < 0.0
    size = np.where(left, scale[0][:, None], scale[1][:, None])
    power = np.where(left, shape[0][:, None], shape[1][:, None])
    side = gammainc(1.0 / power, (np.abs(offset) / size) ** power / power)
    return np.where(left, below * (1.0 - side), below + (1.0 - below) * side)
