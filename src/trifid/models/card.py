"""What a model is made of: parts with shapes and parameters, without allocating a weight."""

from typing import Any

import torch
from torch import Tensor, nn

from trifid.models.base import ModelConfig
from trifid.schema.batch import Batch, Image, Input, Spectrum, Table
from trifid.schema.signature import Signature


def model_card(config: ModelConfig, signature: Signature | None = None) -> dict[str, Any]:
    """Parts of a model with kind, output shape and parameters, on the meta device.

    Args:
        config: A model's configuration.
        signature: Inputs and classes; `config.example()` by default.
    """
    signature = signature or config.example()
    with torch.device("meta"):
        model = config.build(signature).eval()
        batch = meta_batch(signature, rows=2)
    parts: list[dict[str, Any]] = []
    hooks = [
        part.register_forward_hook(_recorder(name, parts))
        for name, part in model.named_modules()
        if name
        and not isinstance(part, nn.Identity)
        and (not any(True for _ in part.children()) or name.count(".") <= 1)
    ]
    output = model(batch)
    for hook in hooks:
        hook.remove()
    return {
        "parts": parts,
        "parameters": sum(p.numel() for p in model.parameters()),
        "inputs": {name: list(shape) for name, shape in signature.inputs.items()},
        "outputs": {"answer": list(output.answer.shape[1:])},
    }


def meta_batch(signature: Signature, rows: int) -> Batch:
    """A batch of this signature on the current device, without content."""
    inputs: dict[str, Input] = {}
    for name, shape in signature.inputs.items():
        content, present = torch.zeros(rows, *shape), torch.ones(rows, dtype=torch.bool)
        if len(shape) == 3:
            inputs[name] = Image(flux=content, present=present)
        elif name == "table":
            valid = torch.ones(rows, *shape, dtype=torch.bool)
            inputs[name] = Table(values=content, valid=valid, present=present)
        else:
            inputs[name] = Spectrum(flux=content, ivar=content, present=present)
    return Batch(ids=tuple(str(i) for i in range(rows)), inputs=inputs)


def _recorder(name: str, parts: list[dict[str, Any]]) -> Any:
    def record(part: nn.Module, _: Any, output: Any) -> None:
        shape = list(output.shape[1:]) if isinstance(output, Tensor) else []
        parts.append(
            {
                "name": name,
                "kind": type(part).__name__,
                "output": "x".join(map(str, shape)),
                "parameters": sum(p.numel() for p in part.parameters()),
            }
        )

    return record
