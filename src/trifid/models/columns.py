"""From typed batches to the plain matrix of features that classical methods read.

Every input becomes a block of columns: the cells of a table, the pixels of a spectrum, the pixels
of an image averaged down to `side`; after them one more, 1 where the input is present. What is
absent or invalid is NaN.
"""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from trifid.errors import ConfigError
from trifid.schema.batch import Batch, Image, Input, Spectrum, Table

Shapes = Mapping[str, tuple[int, ...]]


def widths(shapes: Shapes, side: int) -> dict[str, int]:
    """Number of columns of each input, without the one that says whether it is present.

    Raises:
        ConfigError: If an input is neither table, spectrum nor image, or there is none.
    """
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        if len(shape) not in (1, 3):
            raise ConfigError(f"classical models take tables, spectra, images; {name} is {shape}")
        if len(shape) == 3:
            shape = (shape[0], *_pooled(shape[1:], side))
        found[name] = int(np.prod(shape))
    if not found:
        raise ConfigError("a classical model needs at least one input")
    return found


def matrix(batch: Batch, shapes: Shapes, side: int) -> Float[np.ndarray, "B F"]:
    """The columns of all inputs, in their order."""
    parts: list[Tensor] = []
    for name in shapes:
        value = batch.inputs[name]
        parts += [_block(value, side), value.present[:, None].float()]
    return torch.cat(parts, dim=1).cpu().numpy()


def _block(value: Input, side: int) -> Tensor:
    if isinstance(value, Table):
        return value.values.float().masked_fill(~(value.valid & value.present[:, None]), np.nan)
    if isinstance(value, Spectrum):
        content = value.flux.float()
    elif isinstance(value, Image):
        size = _pooled(tuple(value.flux.shape[2:]), side)
        content = adaptive_avg_pool2d(value.flux.float(), size).flatten(1)
    else:
        raise ConfigError(
            f"classical models take tables, spectra and images, got {type(value).__name__}"
        )
    return content.masked_fill(~value.present[:, None], np.nan)


def _pooled(size: tuple[int, ...], side: int) -> tuple[int, int]:
    height, width = (min(length, side) if side else length for length in size)
    return height, width


def preparation(
    x: Float[np.ndarray, "N F"],
    blocks: Mapping[str, int],
    tables: Set[str],
    *,
    components: int,
    seed: int,
) -> Any:
    """The unfitted transformer of such a matrix: imputation, PCA and scaling of each block.

    An invalid cell of a table becomes the median and gets a flag; an absent spectrum or image
    becomes the mean one and gets a flag where training rows lack some.

    Args:
        x: The training rows, for what varies among them.
        blocks: Inputs and their widths.
        tables: Names of the inputs that are tables.
        components: Principal components of each spectrum and image; 0 = all pixels.
        seed: Of the randomised PCA.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found: list[tuple[str, Any, list[int] | slice]] = []
    flags: list[int] = []
    start = 0
    for name, width in blocks.items():
        columns = slice(start, start + width)
        present, start = start + width, start + width + 1
        if name in tables:
            fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            found.append((name, make_pipeline(fill, StandardScaler()), columns))
            continue
        steps: list[Any] = [SimpleImputer(keep_empty_features=True)]
        if kept := min(components, width, len(x) - 1):
            steps.append(PCA(kept, random_state=seed))
        found.append((name, make_pipeline(*steps, StandardScaler()), columns))
        if np.ptp(x[:, present]) > 0:
            flags.append(present)
    if flags:
        found.append(("present", StandardScaler(), flags))
    return ColumnTransformer(found)
