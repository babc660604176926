"""Writes models.md from the cards in models/: python docs/reference/write_models.py."""

import json
from pathlib import Path
from typing import Any

from trifid import registry

HERE = Path(__file__).parent
HEAD = """# Models

Written by `python docs/reference/write_models.py` after `python tests/contract/snapshots.py`. Each
name has a card with parts and shapes in [models/](models/) and in `trifid show NAME`; what differs
from a paper stands on top of its file in `src/trifid/models/`. Parameters are those of the inputs
shown; with the inputs of a recipe they may differ. Classical models have none before they are
fitted, and take any of the inputs. A recipe stands with the model whose settings are nearest.

| model | paper | inputs | parameters | recipes |
|---|---|---|---|---|
"""


def _alike(one: Any, other: Any) -> int:
    """How many settings are equal, in parts of the same kind."""
    if isinstance(one, dict) and isinstance(other, dict):
        same = one.get("kind") == other.get("kind")
        return sum(_alike(one[name], other.get(name)) for name in one) if same else -1
    return int(one == other)


def main() -> None:
    """One line for each registered model."""
    models = {e.name: e.build().model_dump(mode="json") for e in registry.entries("model")}
    used: dict[str, list[str]] = {name: [] for name in models}
    for entry in registry.entries("recipe"):
        wanted = entry.build().model.model_dump(mode="json")
        nearest = max(models, key=lambda name: _alike(wanted, models[name]))
        used[nearest].append(f"`{entry.name}`")
    lines: list[str] = []
    for entry in registry.entries("model"):
        card = json.loads((HERE / "models" / f"{entry.name}.json").read_text())
        shapes = ((name, "×".join(map(str, shape))) for name, shape in card["inputs"].items())
        inputs = ", ".join(f"{name} {shape}" for name, shape in shapes)
        count = f"{card['parameters']:,}" if card["parameters"] else "-"
        recipes = ", ".join(used[entry.name]) or "-"
        lines.append(f"| `{entry.name}` | {entry.paper or '-'} | {inputs} | {count} | {recipes} |")
    (HERE / "models.md").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
