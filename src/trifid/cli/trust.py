"""What the verbs print of trust and slices."""

from typing import Any

_SHARES = {
    "trained": "as trained",
    "valid": "of validation labels",
    "estimated": "estimated here without labels",
}


def trust_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Calibration error by map, coverage and size of conformal sets, abstention at an error."""
    from trifid.evaluation.text import interval_text

    found = document["trust"]
    rows = [
        (f"calibration error, {name.replace('_', ' ')}", f"{entry['ece']:.3f}")
        for name, entry in found["calibration"].items()
    ]
    if found["prior"]:
        rows += [
            (f"class shares, {said}", ", ".join(f"{k} {v:.2f}" for k, v in shares.items()))
            for key, said in _SHARES.items()
            for shares in [found["prior"][key]]
        ]
    for name, entry in found["conformal"].items():
        said = f"{interval_text(entry['coverage'])}, {entry['mean_size']:.2f} classes"
        rows.append((f"sets of {entry['wanted']:.0%}, {name.replace('_', ' ')}", said))
    for entry in found["mondrian"]:
        one, own = (_least(entry["bins"], key) for key in ("one", "coverage"))
        said = f"least by bin {own}; with one threshold for all {one}"
        rows.append((f"sets of {entry['wanted']:.0%}, bins of {entry['column']}", said))
    for entry in found["selective"]["at"]:
        said = "no object can be answered"
        if entry["error"] is not None:
            said = f"{entry['answered']:.0%} answered, error {interval_text(entry['error'])}"
        rows.append((f"abstain for an error of {entry['risk']:.0%}", said))
    return rows


def _least(bins: list[dict[str, Any]], key: str) -> str:
    from trifid.evaluation.text import interval_text

    worst = min(bins, key=lambda entry: entry[key]["value"])
    return interval_text(worst[key])


def interval_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """Coverage and width of each target's intervals: as predicted, recalibrated, conformal."""
    from trifid.evaluation.text import interval_text

    rows: list[tuple[str, ...]] = []
    for target, found in document["intervals"].items():
        sides = [found[key] for key in ("as_predicted", "recalibrated", "conformal")]
        said = [
            "-"
            if side is None
            else f"{interval_text(side['coverage'])}, width {side['mean_width']:.3g}"
            if side["mean_width"] is not None
            else "1.000, without ends: too few validation rows"
            for side in sides
        ]
        bins = [entry for by in found["by"] for entry in by["bins"]]
        rows.append((target, *said, _least(bins, "coverage") if bins else "-"))
    return rows


def slice_rows(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Column and value of each slice, its rows and accuracy, or its RMSE over that of all."""
    from trifid.evaluation.text import interval_text

    return [
        (
            f"{entry['column']}: {entry['slice']}",
            str(entry["n"]),
            interval_text(entry["accuracy"] if "accuracy" in entry else entry["ratio"]),
        )
        for entry in entries
    ]
