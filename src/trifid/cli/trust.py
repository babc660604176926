"""What the verbs print of trust and slices."""

from typing import Any


def trust_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Calibration error by map, coverage and size of conformal sets, abstention at an error."""
    from trifid.evaluation.text import interval_text

    found = document["trust"]
    rows = [
        (f"calibration error, {name.replace('_', ' ')}", f"{entry['ece']:.3f}")
        for name, entry in found["calibration"].items()
    ]
    for name, entry in found["conformal"].items():
        said = f"{interval_text(entry['coverage'])}, {entry['mean_size']:.2f} classes"
        rows.append((f"sets of {entry['wanted']:.0%}, {name.replace('_', ' ')}", said))
    for entry in found["selective"]["at"]:
        said = "no object can be answered"
        if entry["error"] is not None:
            said = f"{entry['answered']:.0%} answered, error {interval_text(entry['error'])}"
        rows.append((f"abstain for an error of {entry['risk']:.0%}", said))
    return rows


def slice_rows(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Column and value of each slice, its rows and accuracy."""
    from trifid.evaluation.text import interval_text

    return [
        (f"{entry['column']}: {entry['slice']}", str(entry["n"]), interval_text(entry["accuracy"]))
        for entry in entries
    ]
