"""Optimizers and learning-rate schedules by the names that studies use."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from architectures import TrainingHyperparameters

WARM_UP = 0.25  # share of the steps in which one_cycle raises the learning rate


def build_optimizer(
    decayed: Iterable[Tensor], spared: Iterable[Tensor], hyperparameters: TrainingHyperparameters, device: str
) -> Optimizer:
    """The optimizer, fused; each step sets its learning rate.

    Args:
        decayed: parameters that weight decay applies to: matrices and kernels.
        spared: the others: biases and norms.
        hyperparameters: optimizer, learning rate, weight decay.
        device: where the parameters are.
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
    """Have the next step read its learning rate from this tensor, on the device of the parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def forget(optimizer: Optimizer) -> None:
    """Take an optimizer back to before its first step, in the same memory: moments and step counts are 0."""
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                value.zero_()


def learning_rates(hyperparameters: TrainingHyperparameters, total_steps: int, device: str = "cpu") -> Tensor:
    """The learning rate of each step of a trial, by torch's own schedules.

    one_cycle follows Smith, Topin 2018 (arXiv 1708.07120); it leaves the momentum as it is, so that
    a step differs from the one before in nothing but its rate.

    Returns:
        (total_steps,) on the device: float32 on a CUDA device, whose optimizers read no other type; else float64.
    """
    rates = _learning_rates(hyperparameters.schedule, hyperparameters.learning_rate, total_steps)
    return torch.tensor(rates, dtype=torch.float32 if device.startswith("cuda") else torch.float64, device=device)


@lru_cache(maxsize=32)  # the seeds of a configuration share one; a schedule takes some 10 microseconds for each step
def _learning_rates(schedule: str, learning_rate: float, total_steps: int) -> tuple[float, ...]:
    # Schedules of torch change an optimizer; this one optimises nothing and lends itself to that.
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate)
    scheduler = _scheduler(optimizer, schedule, learning_rate, total_steps)
    optimizer.step()  # once, or the scheduler warns
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
            # One more than is taken: the schedule counts the rate that follows the last step too.
            total_steps=total_steps + 1,
            # Of few steps, torch would divide by the length of a phase that has none.
            pct_start=max(WARM_UP, 1.5 / (total_steps + 1)),
            cycle_momentum=False,
        )
    if schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return LambdaLR(optimizer, lambda _: 1.0)
