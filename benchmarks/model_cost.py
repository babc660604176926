"""What every registered model costs; writes docs/reference/model_cost.md.

Each model is built in a fresh process (a fork of one that has only imported the package), so that
memory is its own. Networks take random rows of the inputs of their card: the paper's sizes. Where a
row costs more than LIMIT multiply-adds, images have 64 pixels on a side instead, and the table says
so. Rows of a step: as many as cost STEP multiply-adds, 2 to 32. A step of training is forward,
backward and AdamW; the first one is not timed. Memory is the growth of the process from before the
model is built to its peak, weights and optimiser in it.

    python benchmarks/model_cost.py [--device cpu|cuda] [--threads 1] [--models NAME ...] [--count]
                [--note TEXT] [--kept model_cost.json] [--out docs/reference/model_cost.md]

A model that is in the file `kept` is not measured again; `--count` counts and measures nothing.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trifid import registry
from trifid.encoders.timm_backbone import import_timm
from trifid.memory import keep_freed_memory
from trifid.models.base import Estimator
from trifid.models.card import meta_batch
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "model_cost.md"
LIMIT, STEP = 1e9, 4e9  # multiply-adds: of a row, and of the rows of a step going forward
SECONDS, REPEATS = 1.0, 20  # a measurement ends with the first of them
CLASSICAL = Signature(inputs={"spectrum": (200,), "table": (6,)}, classes=("A", "B", "C"))
CLASSICAL_ROWS = 1000
MEGABYTE = 2**20
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--kept", type=Path, default=Path("model_cost.json"))
    parser.add_argument("--note", default="", help="one more paragraph of the page")
    parser.add_argument("--count", action="store_true", help="parameters and multiply-adds only")
    options = parser.parse_args()
    names = options.models or [entry.name for entry in registry.entries("model")]
    registry.load("model")  # imported here, so that no fork has to
    import_timm()
    context = multiprocessing.get_context("fork" if options.device == "cpu" else "spawn")
    rows: dict[str, Row] = {}
    if options.kept.is_file():
        rows = json.loads(options.kept.read_text(encoding="utf-8"))
    for name in names:
        with context.Pool(1) as pool:
            if name not in rows or ("use" not in rows[name] and not options.count):
                job = (name, options.device, options.threads, options.count)
                rows[name] = pool.apply(measured, job)
                options.kept.write_text(json.dumps(rows), encoding="utf-8")
        print(name, json.dumps(rows[name]), file=sys.stderr, flush=True)
    found = [rows[name] for name in sorted(rows)]
    text = page(found, options.device, options.threads)
    options.out.write_text(text + (f"\n{options.note}\n" if options.note else ""), encoding="utf-8")


def measured(name: str, device: str, threads: int, counted: bool) -> Row:
    """All numbers of one model, or only what is counted; called in a process of its own."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    config = registry.get("model", name).build()
    signature = config.example()
    with torch.device("meta"):
        shown = config.build(signature)
    if not isinstance(shown, nn.Module):
        return {"name": name} if counted else {"name": name, **classical(config, signature)}
    parameters = sum(p.numel() for p in shown.parameters())
    macs = multiply_adds(shown, signature)
    timed = signature if macs <= LIMIT else smaller(signature)
    known = {
        "name": name,
        "inputs": written(signature),
        "parameters": parameters,
        "multiply_adds": macs,
        "timed": written(timed) if timed != signature else "",
    }
    return known if counted else known | network(config, timed, device)


def multiply_adds(model: nn.Module, signature: Signature) -> float:
    """Of one row going forward in use: convolutions and products of matrices, on meta tensors."""
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        model.eval()(meta_batch(signature, rows=1))
    return counter.get_total_flops() / 2


def smaller(signature: Signature) -> Signature:
    """The same with images of 64 pixels."""
    inputs = {k: (s[0], 64, 64) if len(s) == 3 else s for k, s in signature.inputs.items()}
    return signature.replace(inputs=inputs)


def network(config: Any, signature: Signature, device: str) -> Row:
    """Rows per second in training and in use, and the peak of memory."""
    with torch.device("meta"):
        macs = multiply_adds(config.build(signature), signature)
    size = int(min(32, max(2, STEP / max(macs, 1.0))))
    before = memory(device)
    model = config.build(signature).to(device)
    batch = random_batch(signature, size, device)
    optimiser = torch.optim.AdamW(model.parameters())

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        total(model(batch)).backward()
        optimiser.step()

    @torch.no_grad()
    def use() -> None:
        model(batch)

    model.train()
    training = seconds(step, device)
    peak = memory(device) - before
    model.eval()
    return {
        "batch": size,
        "training": size / training,
        "use": size / seconds(use, device),
        "memory": peak,
    }


def classical(config: Any, shown: Signature) -> Row:
    """Seconds of fitting, rows per second in use, and the growth of memory."""
    regression = bool(shown.targets)
    targets = ("redshift", "sfr_median") if regression else ()
    signature = CLASSICAL.replace(targets=targets, classes=() if regression else CLASSICAL.classes)
    label = torch.arange(CLASSICAL_ROWS) % 3
    batch = random_batch(signature, CLASSICAL_ROWS, "cpu")
    batch.inputs["table"].values.add_(label[:, None])
    known = {name: label.float() for name in targets} if regression else {"label": label}
    batch = batch.replace(targets=known)
    before = memory("cpu")
    model: Estimator = config.build(signature)
    start = time.perf_counter()
    model.fit([batch])
    fit = time.perf_counter() - start
    use = CLASSICAL_ROWS / seconds(lambda: model(batch), "cpu")
    return {"fit": fit, "use": use, "memory": memory("cpu") - before}


def random_batch(signature: Signature, rows: int, device: str) -> Batch:
    """Normal numbers; every pixel is known."""
    torch.manual_seed(0)
    empty = meta_batch(signature, rows)
    inputs = {}
    for key, value in empty.inputs.items():
        content = {}
        for item in fields(value):
            tensor = getattr(value, item.name)
            if tensor.is_floating_point():
                known = item.name == "ivar"
                tensor = torch.ones_like(tensor) if known else torch.randn_like(tensor)
            content[item.name] = tensor.to(device)
        inputs[key] = replace(value, **content)
    return empty.replace(inputs=inputs)


def total(output: Output) -> Tensor:
    """Something that every output takes part in, as in the loss of training."""
    parts = [output.answer, output.log_variance, *output.auxiliary.values()]
    parts += [*output.branches.values(), *output.losses.values()]
    return sum((part.square().mean() for part in parts if part is not None), torch.zeros(()))


def seconds(call: Callable[[], object], device: str) -> float:
    """Median of one call, after one that does not count."""
    found: list[float] = []
    begin = time.perf_counter()
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        if repeat:
            found.append(time.perf_counter() - start)
        if found and time.perf_counter() - begin > SECONDS:
            break
    return sorted(found)[len(found) // 2]


def memory(device: str) -> float:
    """The peak so far [MB]: of the process, or of the accelerator."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def written(signature: Signature) -> str:
    """The inputs in words."""
    shapes = ((name, "×".join(map(str, shape))) for name, shape in signature.inputs.items())
    return ", ".join(f"{name} {shape}" for name, shape in shapes)


def page(rows: list[Row], device: str, threads: int) -> str:
    """The Markdown page."""
    own = f"{processor()}, threads: {threads}"
    where = torch.cuda.get_device_name() if device == "cuda" else own
    networks = [row for row in rows if "parameters" in row]
    fitted = [row for row in rows if "fit" in row]
    lines = [
        "# What models cost",
        "",
        "Written by `python benchmarks/model_cost.py`. Measured on " + where + f", {device}, torch "
        f"{torch.__version__}. Random rows; the sizes of the paper, except where `timed with` says",
        "otherwise. Multiply-adds are those of convolutions and products of matrices for one row "
        "in use, with",
        "the inputs of the paper (recurrent layers of torch are not counted). Memory: growth of the"
        " process to the",
        "peak of a training step, weights and optimiser in it. A dash: not measured.",
        "",
        "| network | inputs | parameters | multiply-adds [M] | timed with | rows a step "
        "| training [rows/s] | use [rows/s] | memory [MB] |",
        "|---" * 9 + "|",
    ]
    lines += [
        f"| `{row['name']}` | {row['inputs']} | {row['parameters']:,} "
        f"| {millions(row)} | {row['timed'] or 'the same'} | {row.get('batch', '-')} "
        f"| {number(row, 'training')} | {number(row, 'use')} | {number(row, 'memory')} |"
        for row in networks
    ]
    lines += [
        "",
        f"Classical models: {CLASSICAL_ROWS:,} random rows with {written(CLASSICAL)}; three "
        "classes, or two numbers.",
        "",
        "| model | fit [s] | use [rows/s] | memory [MB] |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{row['name']}` | {row['fit']:.2f} | {row['use']:,.0f} | {row['memory']:,.0f} |"
        for row in fitted
    ]
    return "\n".join(lines) + "\n"


def millions(row: Row) -> str:
    """Multiply-adds of a row [M]."""
    value = row["multiply_adds"] / 1e6
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def number(row: Row, name: str) -> str:
    """A measured number; a dash where nothing was measured."""
    value = row.get(name)
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def processor() -> str:
    """Its name, as Linux gives it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
