"""Checkpoints and weights as safetensors and JSON: nothing in them can run code."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trifid.errors import RunError
from trifid.files import sync_folder, write_json, written_whole

TENSORS, STATE = "tensors.safetensors", "state.json"


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors whole, contiguous and on the CPU."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with written_whole(path) as temporary:
        save_file(plain, temporary)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's parameters and buffers."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
    state: Mapping[str, Any],
) -> None:
    """Writes `step-N/` and removes older ones; a kill at any moment leaves one whole checkpoint.

    Randomness needs no saving: order, mixup and dropout are pure functions of (seed, step).
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    moments = optimiser.state_dict()["state"]
    tensors |= {f"optimiser.{i}.{k}": v for i, entry in moments.items() for k, v in entry.items()}
    target = folder / f"step-{step:08d}"
    temporary = folder / f".{target.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_tensors(temporary / TENSORS, tensors)
    write_json(temporary / STATE, {"step": step, **state})
    temporary.rename(target)
    sync_folder(folder)
    for older in [*folder.glob("step-*"), *folder.glob(".step-*.tmp")]:
        if older != target:
            shutil.rmtree(older)


def load_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Puts the newest checkpoint into model and optimiser; gives its state and best weights.

    Raises:
        RunError: If the checkpoint cannot be read or does not fit the model.
    """
    steps = sorted(folder.glob("step-*"))
    if not steps:
        return None
    newest = steps[-1]
    try:
        tensors = load_file(newest / TENSORS)
        state = json.loads((newest / STATE).read_text(encoding="utf-8"))
        model.load_state_dict(_under(tensors, "model."))
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": _moments(tensors), "param_groups": groups})
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise RunError(f"{newest} cannot be resumed: {str(error)[:200]}; remove it") from None
    return state, _under(tensors, "best.")


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimiser.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    return moments
