"""Catalogue cells to what a network reads: sums and differences of columns, robust scale."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trifid.errors import ConfigError
from trifid.transforms.expression import terms


def expression_matrix(
    expressions: Sequence[str], features: Sequence[str]
) -> Float[Tensor, "F_out F_in"]:
    """The matrix that turns stored features into features such as `psfmag_u - psfmag_g`.

    An expression is a stored feature or a sum and difference of some, with spaces around the
    signs.

    Raises:
        ConfigError: If a name is not among the stored features.
    """
    matrix = torch.zeros(len(expressions), len(features))
    for row, expression in enumerate(expressions):
        for sign, name in terms(expression):
            if name not in features:
                raise ConfigError(
                    f"table feature {expression!r} needs {name!r}; "
                    f"the store has {', '.join(features) or 'none'}"
                )
            matrix[row, list(features).index(name)] += 1.0 if sign == "+" else -1.0
    return matrix


def combine(
    values: Float[Tensor, "B F_in"],
    valid: Bool[Tensor, "B F_in"],
    matrix: Float[Tensor, "F_out F_in"],
) -> tuple[Float[Tensor, "B F_out"], Bool[Tensor, "B F_out"]]:
    """Expressions of stored features; a result is valid if all its terms are."""
    missing = (~valid).to(matrix.dtype) @ (matrix != 0).to(matrix.dtype).T
    # in float64: a difference of two magnitudes must not lose the last digits
    combined = (values.double() @ matrix.double().T).to(values.dtype)
    return combined, missing == 0


def robust_statistics(
    values: Float[np.ndarray, "N F"], valid: Bool[np.ndarray, "N F"]
) -> tuple[Float[np.ndarray, "F"], Float[np.ndarray, "F"]]:
    """Median and interquartile range of the valid cells of each feature.

    Paper: GCSNet eq. 5. A feature without valid cells, or with IQR 0, gets median 0 or IQR 1.
    """
    median = np.zeros(values.shape[1], np.float32)
    spread = np.ones(values.shape[1], np.float32)
    for column in range(values.shape[1]):
        cells = values[valid[:, column], column]
        if cells.size:
            low, middle, high = np.quantile(cells, (0.25, 0.5, 0.75))
            median[column] = middle
            spread[column] = high - low if high > low else 1.0
    return median, spread


def robust_scale(
    values: Float[Tensor, "B F"],
    valid: Bool[Tensor, "B F"],
    median: Float[Tensor, "F"],
    spread: Float[Tensor, "F"],
) -> Float[Tensor, "B F"]:
    """(x - median) / IQR; an invalid cell becomes 0, the training median."""
    return torch.where(valid, (values - median) / spread, values.new_zeros(()))
