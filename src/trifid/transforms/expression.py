"""Sums and differences of stored features, such as `psfmag_u - psfmag_g`, as text."""

import re
from collections.abc import Iterable

_SIGNS = re.compile(r"\s+([+-])\s+")


def terms(expression: str) -> list[tuple[str, str]]:
    """Sign and stored feature of each term; signs have spaces around them."""
    first, *rest = _SIGNS.split(expression.strip())
    return [("+", first), *zip(rest[::2], rest[1::2], strict=True)]


def stored_features(expressions: Iterable[str]) -> frozenset[str]:
    """The stored features that expressions are made of."""
    return frozenset(name for text in expressions for _, name in terms(text))
