"""Numbers with their intervals as text, one form for the terminal and the report."""

from collections.abc import Mapping
from typing import Any


def interval_text(entry: Mapping[str, Any], *, digits: int = 3) -> str:
    """`0.829 (0.804 to 0.851)`; a dash stands for a value or an interval that does not exist."""
    value, low, high = entry["value"], entry["low"], entry["high"]
    if value is None:
        return "-"
    if low is None or high is None:
        return f"{value:.{digits}f} (-)"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def p_text(p: float | None) -> str:
    """A p-value with two significant digits, never rounded to zero."""
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def verdict(difference: Mapping[str, Any]) -> str:
    """What a comparison shows: `A better`, or that it shows no difference."""
    better = difference["better"]
    return "no difference shown" if better is None else f"{better} better"
