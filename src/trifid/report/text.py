"""Words and numbers of the page."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_DASH = "–"


def clean(text: str) -> str:
    """Text without control, direction-changing and surrogate characters; lines stay, tabs go."""
    return "".join(
        char
        for char in text.replace("\t", " ")
        if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def number(value: Any, digits: int = 3) -> str:
    """A number with a fixed number of decimals; a dash where there is none."""
    return _DASH if value is None else f"{float(value):.{digits}f}"


def count(value: Any) -> str:
    """A whole number with thin spaces between thousands."""
    return _DASH if value is None else f"{int(value):,}".replace(",", "\u202f")


def percent(share: float, digits: int = 1) -> str:
    """A share as `12.3 %`, which no line break divides."""
    return f"{100 * share:.{digits}f}\u00a0%"


def interval(estimate: Mapping[str, Any], digits: int = 3) -> str:
    """`low to high` of an estimate {value, low, high}; said in words where it has none."""
    low, high = estimate.get("low"), estimate.get("high")
    if low is None or high is None:
        return "no interval" if estimate.get("value") is not None else ""
    return f"{number(low, digits)} to {number(high, digits)}"


def words(name: str) -> str:
    """`macro_f1` as `macro F1`: a key as one would say it."""
    said = name.replace("_", " ")
    for short, full in _SAID:
        said = said.replace(short, full)
    return said[:1].upper() + said[1:]


_SAID = (
    (" f1", " F1"),
    ("auc", "AUC"),
    ("mcc", "Matthews correlation"),
    ("rmse", "RMSE"),
    ("mae", "MAE"),
    ("nmad", "NMAD"),
    ("crps", "CRPS"),
    ("pit ", "PIT "),
    (" 1z", " over 1 + z"),
    ("velocity", "median velocity error in km/s"),
    ("ece", "expected calibration error"),
    ("nll", "log loss"),
    ("brier", "Brier score"),
    ("ovr", "one-vs-rest"),
)


def duration(seconds: Any) -> str:
    """A time in the unit a reader would choose."""
    if seconds is None:
        return _DASH
    value = float(seconds)
    if value < 90:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def size(amount: Any) -> str:
    """Bytes in MiB or GiB."""
    if amount is None:
        return _DASH
    value = float(amount) / 2**20
    return f"{value:.0f} MiB" if value < 1024 else f"{value / 1024:.1f} GiB"


def joined(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
