"""Several processes that train one model together, with torch's `DistributedDataParallel`.

Each process has the whole data set and the plan of the whole epoch, and takes its part of every batch. Gradients are
averaged over the processes. On GPUs `SyncBatchNorm` normalises with the statistics of the whole batch; CPUs have no
such layer, so there each process normalises with the statistics of its part. Each draws its own dropout masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Group:
    """The place of a process among those that train together; `torch.distributed` connects them.

    Attributes:
        rank: of this process.
        workers: how many there are.
        wrap: makes a model average its gradients over all of them, as `DistributedDataParallel` does.
    """

    rank: int
    workers: int
    wrap: Callable[[nn.Module], nn.Module]

    def part(self, batch_size: int) -> slice:
        """Which images of a batch are this process's.

        >>> [Group(rank, 3, nn.Identity).part(8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(batch_size * self.rank // self.workers, batch_size * (self.rank + 1) // self.workers)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes; it is overwritten."""
        distributed.all_reduce(value)
        return value / self.workers


def with_synchronised_batch_norm(model: nn.Module, device_type: str) -> nn.Module:
    """The model with `SyncBatchNorm` where that exists: on CUDA devices. Parameters and buffers keep their names."""
    if device_type != "cuda":
        return model
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch's
    return converted
