"""Training of one model by several processes, with torch's `DistributedDataParallel`.

Each process has the whole data set and the order of the whole epoch, and takes its part of every
batch. Gradients are averaged over the processes. On GPUs, `SyncBatchNorm` uses the statistics of
the whole batch. It does not exist for CPUs, where each process uses the statistics of its part.
Each process draws its own dropout masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Group:
    """The group of processes that train a model together, from the view of one process.

    `torch.distributed` connects the processes.

    Attributes:
        rank: Rank of this process.
        workers: Number of processes.
        wrap: Wraps a model so that its gradients are averaged over all processes, as
            `DistributedDataParallel` does.
    """

    rank: int
    workers: int
    wrap: Callable[[nn.Module], nn.Module]

    def part(self, batch_size: int) -> slice:
        """Return the part of a batch that this process trains on.

        >>> [Group(rank, 3, nn.Identity).part(8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(batch_size * self.rank // self.workers, batch_size * (self.rank + 1) // self.workers)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes; the tensor is overwritten."""
        distributed.all_reduce(value)
        return value / self.workers


def with_synchronised_batch_norm(model: nn.Module, device_type: str) -> nn.Module:
    """Replace batch norm by `SyncBatchNorm` on CUDA devices, with the same parameter names."""
    if device_type != "cuda":
        return model
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch's
    return converted
