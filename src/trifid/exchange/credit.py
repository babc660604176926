"""Whom to thank and what to cite: it goes into every file that leaves trifid."""

from collections.abc import Mapping

from trifid import registry
from trifid.config import Config
from trifid.errors import ConfigError
from trifid.surveys.base import Survey

SIMULATED = "Simulated by trifid: no survey's data, and no statement about the sky."


def data_credit(provenance: Mapping[str, str]) -> dict[str, str]:
    """What a file says of where its data come from.

    Args:
        provenance: Of a store; its key `surveys` names registered surveys, comma-joined.

    Returns:
        `simulated` ("true" or "false"), `surveys` where known, and `acknowledgement`, which is
        empty for measured data of unknown origin.
    """
    simulated = provenance.get("simulated") == "true"
    names = [name.strip() for name in provenance.get("surveys", "").split(",") if name.strip()]
    said = [SIMULATED] if simulated else [_thanks(name) for name in names]
    known = {"simulated": "true" if simulated else "false"}
    if names:
        known["surveys"] = ", ".join(names)
    return known | {"acknowledgement": " ".join(filter(None, said))}


def _thanks(name: str) -> str:
    try:
        survey = registry.get("survey", name).build()
    except ConfigError:  # of a later trifid, or of a plug-in that is not here
        return ""
    if not isinstance(survey, Survey):
        return ""
    return survey.acknowledgement or f"Made from data of {name}; how to thank it: {survey.credit}"


def model_citation(model: Config) -> str:
    """The paper of a model's registration; empty for a kind that is not registered.

    A kind may have several registered forms: the one that equals the model counts most.
    """
    kind = getattr(model, "kind", None)
    forms = [entry for entry in registry.entries("model") if entry.paper]
    same = [entry for entry in forms if getattr(entry.build(), "kind", None) == kind]
    exact = [entry for entry in same if entry.build() == model]
    return next((entry.paper for entry in [*exact, *same]), "")
