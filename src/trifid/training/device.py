"""Where a run computes: device, mixed precision, and the processes of `torchrun`."""

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trifid.memory import keep_freed_memory


@dataclass(frozen=True)
class Place:
    """One process of a run.

    Attributes:
        device: Where tensors live.
        rank: Number of this process.
        world: Number of processes; each trains on its share of every batch.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 on a GPU; on a CPU it is several times slower, so nothing there."""
        if self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, with gradients averaged over the processes if there are several."""
        if self.world == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids, find_unused_parameters=True)

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.world > 1:
            distributed.all_reduce(value)
        return value

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            distributed.barrier()


def alone() -> Place:
    """This process by itself, under `torchrun` too."""
    gpus, local = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    return Place(torch.device("cuda", local % gpus) if gpus else torch.device("cpu"))


def leads() -> bool:
    """Whether this process, of several under `torchrun`, does what is done once."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def place() -> Generator[Place]:
    """This process's place: the GPU if there is one, and its rank under `torchrun`."""
    keep_freed_memory()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield alone()
        return
    device = alone().device
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Place(device, int(os.environ.get("RANK", "0")), world)
    finally:
        distributed.destroy_process_group()
