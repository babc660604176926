"""The report of trust: recalibration, conformal sets, abstention, and the worst slices."""

from typing import Any

import numpy as np

from trifid.evaluation.predictions import Predictions
from trifid.metrics.selective import risk_coverage
from trifid.report import svg
from trifid.report.gallery import Drawn
from trifid.report.run import Document
from trifid.report.tables import Cell, Table, estimate
from trifid.report.text import count, number, percent, words

_METHODS = {
    "lac": "Least ambiguous (LAC)",
    "aps": "Adaptive (APS)",
    "raps": "Regularised adaptive (RAPS)",
    "lac_per_class": "Least ambiguous, class by class",
}
_SHARES = {
    "trained": "As trained",
    "valid": "Of validation labels",
    "estimated": "Estimated here without labels",
}
_SLICES = 12


def trust_tables(metrics: Document) -> list[Table]:
    """What was fitted on validation rows and judged here; empty where nothing could be."""
    trust: Document = metrics.get("trust", {})
    if not trust:
        return []
    prior = [_prior(trust)] if trust.get("prior") else []
    return [_maps(trust), *prior, _sets(trust), _abstention(trust)]


def slice_table(metrics: Document) -> Table | None:
    """The slices the model does worst on, those that are worse than the whole marked so."""
    entries = metrics.get("slices", [])[:_SLICES]
    if not entries:
        return None
    by_class = "accuracy" in entries[0]
    rows = tuple(
        (
            f"{entry['column']}: {entry['slice']}",
            count(entry["n"]),
            estimate(entry["accuracy" if by_class else "ratio"]),
            "worse" if entry["worse"] else "",
        )
        for entry in entries
    )
    judged = words("accuracy") if by_class else "RMSE over that of all"
    note = "worst first; worse = the whole interval lies "
    note += "below the accuracy of all" if by_class else "above 1"
    return Table("Slices", ("Slice", "Objects", judged, "Against all objects"), rows, note=note)


def risk_curve(rows: Predictions) -> Drawn:
    """Error among the objects answered, as the less sure ones are left out."""
    sure, right = rows.probabilities.max(axis=1), rows.predicted == rows.labels
    curve = risk_coverage(right, sure)

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot(curve.coverage, curve.risk, color=svg.COLOURS[0])
        axes.set(xlabel="Share of objects answered", ylabel="Error among them", xlim=(0, 1))
        axes.set_ylim(bottom=0)

    half = float(np.interp(0.5, curve.coverage, curve.risk))
    said = f"Of the surer half {percent(half)} are wrong, of all {percent(1 - right.mean())}."
    drawn = svg.draw("risk-coverage", "Error against share answered", said, paint)
    return Drawn(drawn, f"Leaving out the objects the model is least sure of. {said}")


def _maps(trust: Document) -> Table:
    rows = tuple(
        (words(name), *(number(entry[key]) for key in ("ece", "classwise_ece", "brier", "nll")))
        for name, entry in trust["calibration"].items()
    )
    head = ("Map", *(words(key) for key in ("ece", "classwise_ece", "brier", "nll")))
    return Table("Recalibrated", head, rows, note=_fitted(trust))


def _prior(trust: Document) -> Table:
    prior: Document = trust["prior"]
    rows = tuple(
        (said, *(number(prior[key][name], 2) for name in prior[key]))
        for key, said in _SHARES.items()
    )
    note = "training drew its classes by other shares; the map `prior` above corrects for it"
    return Table("Class shares", ("Shares", *prior["trained"]), rows, note=note)


def _sets(trust: Document) -> Table:
    rows = tuple(
        (
            _METHODS[name],
            estimate(entry["coverage"]),
            _worst(entry["per_class"]),
            number(entry["mean_size"]),
            percent(entry["empty"]),
        )
        for name, entry in trust["conformal"].items()
    )
    wanted = percent(next(iter(trust["conformal"].values()))["wanted"])
    head = ("Sets", f"Hold the label (wanted {wanted})", "Least, by class", "Classes", "Empty")
    return Table("Conformal sets", head, rows, note=_fitted(trust))


def _worst(per_class: Document) -> Cell:
    name = min(per_class, key=lambda key: per_class[key]["value"])
    return Cell(f"{name} {number(per_class[name]['value'])}", estimate(per_class[name]).detail)


def _abstention(trust: Document) -> Table:
    rows = tuple(
        (
            percent(entry["risk"]),
            percent(entry["answered"]),
            "none answered" if entry["error"] is None else estimate(entry["error"]),
        )
        for entry in trust["selective"]["at"]
    )
    head = ("Error wanted, at most", "Objects answered", "Error among them")
    return Table("Abstention", head, rows, note=_fitted(trust))


def _fitted(trust: Document) -> str:
    return f"fitted on {count(trust['n_valid'])} validation objects, judged on {count(trust['n'])}"
