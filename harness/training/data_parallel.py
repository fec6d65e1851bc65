"""Several processes that train one model on each batch together, to the same result as one, to rounding.

Each has the whole data set and the whole plan of an epoch, takes its part of every batch, and sums gradients with
the others. What one process would compute from the whole batch is computed from the whole batch: statistics of batch
norm, the mean of the loss, and the dropout masks, which each draws for all and uses its part of. Plain
`DistributedDataParallel` does the first of these with `SyncBatchNorm`, which CPUs lack, and the last not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from harness.training.layers.dropout import active_dropouts


@dataclass(frozen=True)
class Group:
    """The place of a process among those that train together; `torch.distributed` connects them.

    Attributes:
        rank: of this process.
        workers: how many there are.
    """

    rank: int
    workers: int

    def part(self, batch_size: int) -> slice:
        """Which images of a batch are this process's.

        >>> [Group(rank, 3).part(8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(batch_size * self.rank // self.workers, batch_size * (self.rank + 1) // self.workers)


def join(model: nn.Module, part: slice) -> None:
    """Have a model take its part of every batch.

    Args:
        model: as `build_model` gives it; its parameters keep their names.
        part: of each batch.
    """
    for _, dropout in active_dropouts(model):
        dropout.part = part
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalise, module)  # type: ignore[method-assign]


def sum_gradients(parameters: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
    """Sum the gradients over all processes, in place; gives the sum of their losses."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([loss.detach().float().view(1), *(gradient.flatten() for gradient in gradients)])
    distributed.all_reduce(flat)
    total, *summed = torch.split(flat, [1, *(gradient.numel() for gradient in gradients)])
    for gradient, values in zip(gradients, summed, strict=True):
        gradient.copy_(values.view_as(gradient))
    return torch.squeeze(total, 0)


def _normalise(norm: _BatchNorm, inputs: Tensor) -> Tensor:
    """Batch norm (Ioffe and Szegedy 2015, arXiv 1502.03167) with the statistics of the whole batch."""
    if not norm.training:
        normalised: Tensor = type(norm).forward(norm, inputs)
        return normalised
    with torch.autocast(inputs.device.type, enabled=False):
        values = inputs.float()
        dimensions = [0, *range(2, inputs.ndim)]
        counted = torch.full((1,), values.numel() / values.shape[1], device=values.device)
        summed = _summed(torch.cat([counted, values.sum(dimensions)]))
        count, total = summed[:1], summed[1:]
        shape = [1, -1, *[1] * (inputs.ndim - 2)]
        mean = total / count
        centred = values - mean.view(shape)
        variance = _summed(centred.square().sum(dimensions)) / count
        _remember(norm, mean.detach(), variance.detach() * count / (count - 1))
        output = centred * torch.rsqrt(variance + norm.eps).view(shape)
        if norm.affine:
            output = output * norm.weight.view(shape) + norm.bias.view(shape)
        result: Tensor = output.to(inputs.dtype)
        return result


def _summed(values: Tensor) -> Tensor:
    """The sum over all processes, and of its gradients likewise."""
    summed: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return summed


def _remember(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if not norm.track_running_stats or norm.running_mean is None or norm.running_var is None:
        return
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = norm.momentum if norm.momentum is not None else 1.0 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance, share)
