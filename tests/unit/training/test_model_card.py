from trifid.training.bundle import load_bundle
from trifid.training.model_card import model_card

ENTRY = {"value": 0.8, "low": 0.7, "high": 0.9}
METRICS = {
    "kind": "classification",
    "simulated": True,
    "n": 200,
    "groups": 190,
    "fold": "test",
    "subset": "image+spectrum",
    "metrics": dict.fromkeys(
        ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", "log_loss", "brier"), ENTRY
    ),
    "per_class": {"SF": {"support": 90, "recall": ENTRY, "precision": ENTRY | {"low": None}}},
    "notes": ["a | note with <b>markup</b>"],
}


def test_a_bundle_carries_its_card_and_numbers_join_it(trained_run):
    card = load_bundle(trained_run / "bundle").card
    written = (trained_run / "bundle" / "model_card.md").read_text()
    assert written.startswith(f"# Model card: {card.recipe.name}") or "\\_" in written
    assert "sorts objects into SF, COMP, AGN, NORMAL" in written and "store\\_hash" in written
    assert "Not judged yet" in model_card(card)
    said = model_card(card, METRICS)
    assert "On 200 held-out simulated objects in 190 groups" in said
    assert "| accuracy | 0.800 | 0.700 to 0.900 |" in said
    assert "| SF | 90 | 0.800 | 0.700 to 0.900 | 0.800 | - |" in said
    assert r"a \| note with &lt;b\>" in said and said == model_card(card, METRICS)


def test_limits_name_leaky_inputs_and_simulated_objects(trained_run):
    card = load_bundle(trained_run / "bundle").card
    simulated = card.replace(provenance=card.provenance | {"simulated": "true"})
    assert "no statement about the sky" in model_card(simulated)
    assert "Leaky inputs" not in model_card(card)


def test_numbers_are_listed_by_target(trained_run):
    card = load_bundle(trained_run / "bundle").card
    target = {"n": 50, "metrics": {"rmse": ENTRY, "coverage_95": ENTRY, "velocity": ENTRY}}
    metrics = METRICS | {"kind": "regression", "targets": {"sfr|avg": target}}
    said = model_card(card, metrics)
    assert r"| sfr\|avg | 50 | rmse | 0.800 | 0.700 to 0.900 |" in said
    assert "coverage" in said and "velocity" not in said
