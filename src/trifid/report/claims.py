"""The linter of generated reports: no model is called better unless a test shows it (trap E29)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trifid.errors import RunError

_ALPHA = 0.05
_CLAIM = re.compile(
    r"(?:\[\[(\d+)\]\] |(\bcalled ))?"
    r"\b(better|best|outperforms?|superior|beats|wins|state[ -]of[ -]the[ -]art)\b",
    re.IGNORECASE,
)


def supported(text: str, names: Sequence[str], differences: Iterable[Mapping[str, Any]]) -> str:
    """The same text, where each claim in it is backed by a difference.

    A claim is a word such as better or superior. Right before it must stand the name of a model
    whose difference has an adjusted p below 0.05 and an interval without zero. `called better`,
    of the sentence that states this very rule, is none.

    Args:
        text: Markdown or plain text that trifid wrote.
        names: Of the models; words within them are no claims.
        differences: Each with `better`, `p_adjusted`, `low`, `high`.

    Raises:
        RunError: If a claim has no such difference; the message quotes it.
    """
    shown = {str(entry["better"]) for entry in differences if _significant(entry)}
    numbered = text
    for number in sorted(range(len(names)), key=lambda number: -len(names[number])):
        whole = rf"(?<![\w.+\[-]){re.escape(names[number])}(?![\w.+\]-])"
        numbered = re.sub(whole, f"[[{number}]]", numbered)
    for claim in _CLAIM.finditer(numbered):
        model = names[int(claim[1])] if claim[1] else ""
        if model not in shown and not claim[2]:
            said = f"{model} {claim[3]}".strip()
            raise RunError(
                f"the report says {said!r:.100}, which no test shows: it needs an adjusted p below "
                f"{_ALPHA} and an interval without zero"
            )
    return text


def _significant(entry: Mapping[str, Any]) -> bool:
    p, low, high = (entry.get(key) for key in ("p_adjusted", "low", "high"))
    if entry.get("better") is None or p is None or low is None or high is None:
        return False
    return p < _ALPHA and (low > 0.0 or high < 0.0)
