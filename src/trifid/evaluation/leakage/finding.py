"""One answer of the leakage audit."""

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "warn", "fail", "none"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        verdict: `fail` means results on this split cannot be believed; `none`, nothing to check.
        reason: One line.
        numbers: What the reason rests on.
    """

    check: str
    verdict: Verdict
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """As plain values."""
        return {"check": self.check, "verdict": self.verdict, "reason": self.reason} | (
            {"numbers": self.numbers} if self.numbers else {}
        )
