"""Optimizers and learning-rate schedules, by their names in studies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from architectures import TrainingHyperparameters

WARM_UP = 0.25  # fraction of the steps in which one_cycle increases the learning rate


def build_optimizer(
    decayed: Iterable[Tensor], spared: Iterable[Tensor], hyperparameters: TrainingHyperparameters, device: str
) -> Optimizer:
    """Build the fused optimizer. The training step sets its learning rate in each step.

    Args:
        decayed: Parameters with weight decay: matrices and kernels.
        spared: Parameters without weight decay: biases and normalisation layers.
        hyperparameters: Optimizer, learning rate and weight decay.
        device: Device of the parameters.
    """
    groups = [
        {"params": list(decayed), "weight_decay": hyperparameters.weight_decay},
        {"params": list(spared), "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    on_cuda, rate = device.startswith("cuda"), hyperparameters.learning_rate
    match hyperparameters.optimizer:
        case "sgd":
            return SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)
        case "adam":
            return Adam(groups, lr=rate, fused=True, capturable=on_cuda)
        case "adamw":
            return AdamW(groups, lr=rate, fused=True, capturable=on_cuda)


def set_learning_rate(optimizer: Optimizer, rate: Tensor) -> None:
    """Make the next step read its learning rate from a tensor on the device of the parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def forget(optimizer: Optimizer) -> None:
    """Reset an optimizer to its state before the first step, in place: moments and counts are 0."""
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                value.zero_()


def learning_rates(hyperparameters: TrainingHyperparameters, total_steps: int, device: str = "cpu") -> Tensor:
    """Compute the learning rate of each step of a trial with torch's schedules.

    one_cycle follows Smith, Topin 2018 (arXiv 1708.07120), but keeps the momentum constant, so that
    only the learning rate changes from step to step.

    Returns:
        (total_steps,) on the device. The type is float32 on a CUDA device, where optimizers support
        no other type; otherwise float64.
    """
    rates = _learning_rates(hyperparameters.schedule, hyperparameters.learning_rate, total_steps)
    return torch.tensor(rates, dtype=torch.float32 if device.startswith("cuda") else torch.float64, device=device)


# Cached for the seeds of a configuration: a schedule takes about 10 microseconds for each step.
@lru_cache(maxsize=32)
def _learning_rates(schedule: str, learning_rate: float, total_steps: int) -> tuple[float, ...]:
    # torch's schedules need an optimizer to modify; this one has a dummy parameter.
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate)
    scheduler = _scheduler(optimizer, schedule, learning_rate, total_steps)
    optimizer.step()  # avoids a warning from the scheduler
    rates = []
    for _ in range(total_steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step()
    return tuple(rates)


def _scheduler(optimizer: Optimizer, schedule: str, learning_rate: float, total_steps: int) -> LRScheduler:
    if schedule == "one_cycle":
        return OneCycleLR(
            optimizer,
            max_lr=learning_rate,
            # One more than the steps: the schedule also counts the rate after the last step.
            total_steps=total_steps + 1,
            # With few steps, a phase would have no steps, and torch would divide by zero.
            pct_start=max(WARM_UP, 1.5 / (total_steps + 1)),
            cycle_momentum=False,
        )
    if schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return LambdaLR(optimizer, lambda _: 1.0)
