"""Optimizers and learning-rate schedules by the names that studies use."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from architectures import TrainingHyperparameters

WARM_UP = 0.25  # share of the steps in which one_cycle raises the learning rate


def build_optimizer(model: nn.Module, hyperparameters: TrainingHyperparameters) -> Optimizer:
    """The optimizer, fused; weight decay applies to matrices and kernels, not to biases and norms."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": hyperparameters.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = hyperparameters.learning_rate
    match hyperparameters.optimizer:
        case "sgd":
            return SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)
        case "adam":
            return Adam(groups, lr=rate, fused=True)
        case "adamw":
            return AdamW(groups, lr=rate, fused=True)


def build_schedule(optimizer: Optimizer, hyperparameters: TrainingHyperparameters, total_steps: int) -> LRScheduler:
    """The schedule, stepped once after each optimizer step.

    one_cycle follows Smith, Topin 2018 (arXiv 1708.07120), its momentum included.
    """
    if hyperparameters.schedule == "one_cycle":
        return OneCycleLR(
            optimizer,
            max_lr=hyperparameters.learning_rate,
            # One more than is taken: the schedule counts the rate that follows the last step too.
            total_steps=total_steps + 1,
            pct_start=WARM_UP,
        )
    if hyperparameters.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return LambdaLR(optimizer, lambda _: 1.0)
