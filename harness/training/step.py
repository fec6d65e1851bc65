"""A single training step, and steps that run one by one without capture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from architectures import TrainingHyperparameters
from harness.training.augmentation import augment
from harness.training.dropout import draw_masks
from harness.training.optimization import set_learning_rate
from harness.training.prediction import autocast
from harness.training.resident import ResidentData
from harness.training.settings import Settings

Steps = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Trains on N batches in order.

The arguments are the indices of training images (N, B), their augmentation draws (N, B, K), and the
learning rates (N,). The result is the sum of the losses before each step, (). For S stacked models
the shapes are (N, S, B), (N, S, B, K), (N,) and (S,).
"""


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """A training step: gather, augment, normalise, forward pass, backward pass, optimizer.

    A step never waits for the device and uses the same tensors each time, so it can be captured.

    Attributes:
        model: One model, or S stacked models.
        optimizer: Optimizer of the model's parameters.
        masks: Dropout masks with their probabilities.
        generators: Generators of the masks, one for each model.
        data: Data on the device.
        hyperparameters: Augmentation and label smoothing.
        settings: Device and precision.
        layout: Memory layout of the images, as the model's kernels need it.
    """

    model: nn.Module
    optimizer: Optimizer
    masks: Sequence[tuple[Tensor, float]]
    generators: Sequence[torch.Generator]
    data: ResidentData
    hyperparameters: TrainingHyperparameters
    settings: Settings
    layout: torch.memory_format

    def __call__(self, batch: Tensor, draws: Tensor, rate: Tensor) -> Tensor:
        """Run one step.

        Args:
            batch: int64 (B,) Indices of training images; (S, B) for stacked models.
            draws: float32 (B, K) Draws of `augmentation.draw`; (S, B, K) for stacked models.
            rate: () Learning rate, see `optimization.learning_rates`.

        Returns:
            The mean loss of the batch, () or (S,). With several workers, each has a part of the
            batch, and the mean of their results is the mean loss of the batch.
        """
        whole, group = batch.shape[-1], self.settings.group
        if group is not None:
            batch, draws = batch[group.part(whole)], draws[group.part(whole)]
        images = batch.flatten()
        draw_masks(self.masks, self.generators)
        pixels = self.data.train_images.index_select(0, images).float()
        pixels = augment(pixels, self.hyperparameters.augmentation, draws.flatten(0, -2))
        inputs = self.data.normaliser(pixels).contiguous(memory_format=self.layout)
        with autocast(self.settings):
            logits = self.model(inputs.view(*batch.shape, *inputs.shape[1:]))
            losses = cross_entropy(
                logits.float().flatten(0, -2),
                self.data.train_labels.index_select(0, images),
                label_smoothing=self.hyperparameters.label_smoothing,
                reduction="none",
            )
            # The gradients of the workers are averaged, but their parts may differ in size.
            loss = losses.view(batch.shape).mean(-1) if group is None else losses.sum() * (group.workers / whole)
        self.optimizer.zero_grad(set_to_none=True)
        # The loss of a model does not depend on the weights of the others, so neither do gradients.
        loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]  # torch leaves it untyped
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        return loss.detach()

    def one_by_one(self, batches: Tensor, draws: Tensor, rates: Tensor) -> Tensor:
        """Run steps one by one without capture, see `Steps`."""
        total = torch.zeros(batches.shape[1:-1], device=batches.device)
        for batch, drawn, rate in zip(batches, draws, rates, strict=True):
            total += self(batch, drawn, rate)
        return total
