"""Optimizers and learning-rate schedules by the names that studies use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from architectures import TrainingHyperparameters

WARM_UP = 0.25  # share of the steps in which one_cycle raises the learning rate


def build_optimizer(
    decayed: Iterable[Tensor], spared: Iterable[Tensor], hyperparameters: TrainingHyperparameters, device: str
) -> Optimizer:
    """The optimizer, fused.

    On a CUDA device its learning rate is a tensor there, so that a captured step follows the schedule.

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
    on_cuda = device.startswith("cuda")
    rate = torch.tensor(hyperparameters.learning_rate, device=device) if on_cuda else hyperparameters.learning_rate
    match hyperparameters.optimizer:
        case "sgd":
            return SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)
        case "adam":
            return Adam(groups, lr=rate, fused=True, capturable=on_cuda)
        case "adamw":
            return AdamW(groups, lr=rate, fused=True, capturable=on_cuda)


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of the next step, without waiting for the device."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def forget(optimizer: Optimizer) -> None:
    """Take an optimizer back to before its first step, in the same memory: moments and step counts are 0."""
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                value.zero_()


def learning_rates(hyperparameters: TrainingHyperparameters, total_steps: int) -> Iterator[float]:
    """The learning rate of each step of a trial, by torch's own schedules.

    one_cycle follows Smith, Topin 2018 (arXiv 1708.07120); it leaves the momentum as it is, so that
    a step differs from the one before in nothing but its rate.
    """
    # Schedules of torch change an optimizer; this one optimises nothing and lends itself to that.
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=hyperparameters.learning_rate)
    schedule = _schedule(optimizer, hyperparameters, total_steps)
    for _ in range(total_steps):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()


def _schedule(optimizer: Optimizer, hyperparameters: TrainingHyperparameters, total_steps: int) -> LRScheduler:
    if hyperparameters.schedule == "one_cycle":
        return OneCycleLR(
            optimizer,
            max_lr=hyperparameters.learning_rate,
            # One more than is taken: the schedule counts the rate that follows the last step too.
            total_steps=total_steps + 1,
            # Of few steps, torch would divide by the length of a phase that has none.
            pct_start=max(WARM_UP, 1.5 / (total_steps + 1)),
            cycle_momentum=False,
        )
    if hyperparameters.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return LambdaLR(optimizer, lambda _: 1.0)
