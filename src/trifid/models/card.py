"""What a model is made of: parts with shapes and parameters, without allocating a weight."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trifid.models.base import Estimator, ModelConfig
from trifid.schema.batch import Batch, Image, Input, Series, Spectrum, Table
from trifid.schema.signature import Signature


def model_card(config: ModelConfig, signature: Signature | None = None) -> dict[str, Any]:
    """Parts of a model with kind, output shape and parameters, on the meta device.

    The parts of a classical model are its steps; it has no parameters before it is fitted.

    Args:
        config: A model's configuration.
        signature: Inputs and classes or targets; `config.example()` by default.
    """
    signature = signature or config.example()
    with torch.device("meta"):
        model = config.build(signature)
        batch = meta_batch(signature, rows=2)
    if isinstance(model, nn.Module):
        parts = _parts(model.eval(), batch)
        parameters = sum(p.numel() for p in model.parameters())
    else:
        parts = [_part(name, kind, "", 0) for name, kind in estimator_steps(model)]
        parameters = 0
    return {
        "parts": parts,
        "parameters": parameters,
        "inputs": {name: list(shape) for name, shape in signature.inputs.items()},
        "outputs": {"answer": [signature.outputs]}
        | ({"targets": list(signature.targets)} if signature.targets else {}),
    }


def estimator_steps(model: Estimator) -> list[tuple[str, str]]:
    """Name and kind of each step of a classical model, first to last.

    A model that is made of several has an optional method `steps()` that gives them.
    """
    steps: Callable[[], list[tuple[str, str]]] | None = getattr(model, "steps", None)
    return [("estimator", type(model).__name__)] if steps is None else steps()


def meta_batch(signature: Signature, rows: int) -> Batch:
    """A batch of this signature on the current device, without content."""
    present = torch.ones(rows, dtype=torch.bool)
    inputs = {
        name: _input(name, torch.zeros(rows, *shape), present)
        for name, shape in signature.inputs.items()
    }
    return Batch(ids=tuple(str(i) for i in range(rows)), inputs=inputs)


def _input(name: str, content: Tensor, present: Tensor) -> Input:
    """The input that a name and shape stand for: `table` and `series` by name, images by shape."""
    valid = torch.ones_like(content, dtype=torch.bool)
    if content.ndim == 4:
        return Image(flux=content, present=present)
    if name.startswith("table"):
        return Table(values=content, valid=valid, present=present)
    if name.startswith("series"):
        return Series(content, content, content, torch.zeros_like(valid).long(), valid, present)
    return Spectrum(flux=content, ivar=content, present=present)


def _parts(model: nn.Module, batch: Batch) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    hooks = [
        part.register_forward_hook(_recorder(name, parts))
        for name, part in model.named_modules()
        if name
        and not isinstance(part, nn.Identity)
        and (not any(True for _ in part.children()) or name.count(".") <= 1)
    ]
    model(batch)
    for hook in hooks:
        hook.remove()
    return parts


def _recorder(name: str, parts: list[dict[str, Any]]) -> Any:
    def record(part: nn.Module, _: Any, output: Any) -> None:
        shape = list(output.shape[1:]) if isinstance(output, Tensor) else []
        parameters = sum(p.numel() for p in part.parameters())
        parts.append(_part(name, type(part).__name__, "x".join(map(str, shape)), parameters))

    return record


def _part(name: str, kind: str, output: str, parameters: int) -> dict[str, Any]:
    return {"name": name, "kind": kind, "output": output, "parameters": parameters}
