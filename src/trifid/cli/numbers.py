"""What the verbs print of predicted numbers."""

from typing import Any

from trifid.evaluation.text import interval_text

_WORST = 8
_METRICS = ("rmse", "mae", "nmad", "r2", "skill", "crps")


def headline(document: dict[str, Any]) -> str:
    """RMSE and R2 of every target, in one line."""
    said = [
        f"{name}: RMSE {interval_text(entry['metrics']['rmse'])}, "
        f"R2 {interval_text(entry['metrics']['r2'])}"
        for name, entry in document["targets"].items()
    ]
    return f"n = {document['n']}: " + "; ".join(said)


def print_worst_slices(document: dict[str, Any]) -> None:
    """The slices that are worse than the whole, if any."""
    from trifid.cli.tables import plain_console, print_table
    from trifid.cli.trust import slice_rows

    if worse := [entry for entry in document.get("slices", ()) if entry["worse"]][:_WORST]:
        judged = "accuracy" if document["kind"] == "classification" else "RMSE over that of all"
        print_table(plain_console(), "Worst slices", ("slice", "n", judged), slice_rows(worse))


def print_numbers(document: dict[str, Any]) -> None:
    """The tables of `trifid evaluate`: targets, everything else, inputs, crossed quantiles."""
    from trifid.cli.tables import plain_console, print_table

    console = plain_console()
    targets = document["targets"]
    rows = [
        (name, str(entry["n"]), *(interval_text(entry["metrics"][key]) for key in _METRICS))
        for name, entry in targets.items()
    ]
    print_table(console, "Targets", ("target", "n", *_METRICS), rows)
    others = [
        (name, key, interval_text(value))
        for name, entry in targets.items()
        for key, value in entry["metrics"].items()
        if key not in _METRICS
    ]
    print_table(console, "Also", ("target", "metric", "value (interval)"), others)
    inputs = [
        (
            subset,
            str(document["subset_n"][subset]),
            *(interval_text(metrics[f"{n}_rmse"]) for n in targets if f"{n}_rmse" in metrics),
        )
        for subset, metrics in document["subsets"].items()
    ]
    print_table(console, "Inputs", ("inputs", "n", *(f"RMSE {name}" for name in targets)), inputs)
    if document["intervals"]:
        from trifid.cli.trust import interval_rows

        head = ("target", "as predicted", "recalibrated", "conformal", "least by bin, its own")
        print_table(console, "Intervals of 90 %", head, interval_rows(document))
    print_worst_slices(document)
    if crossings := document["crossings"]:
        console.print(
            f"{crossings['crossed']} of {crossings['rows']} rows have quantiles in the wrong order"
        )
