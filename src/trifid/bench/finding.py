"""One line of the claims audit."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        table: The table's number.
        model: The row, or empty for the whole table.
        verdict: A word or two.
        text: The arithmetic in one line.
        numbers: The same, to compute with.
    """

    check: str
    table: str
    model: str
    verdict: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """As plain values."""
        return dict(vars(self))
