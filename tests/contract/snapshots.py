"""Writes docs/reference/models anew: python tests/contract/snapshots.py."""

import json
from pathlib import Path

from trifid import registry
from trifid.models.card import model_card

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "models"

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for entry in registry.entries("model"):
        card = model_card(entry.build())
        (FOLDER / f"{entry.name}.json").write_text(json.dumps(card, indent=1) + "\n")
