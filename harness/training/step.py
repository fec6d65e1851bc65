"""One optimizer step, and an epoch of steps run one by one, as they are written."""

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
"""Trains on N batches, one after the other.

It takes indices of training images (N, B), their augmentation draws (N, B, K), and learning rates (N,). It gives the
sum of the losses before each step: (). For S stacked models these are (N, S, B), (N, S, B, K), (N,) and (S,).
"""


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """Gather, augment, normalise, forward pass, backward pass, optimizer: work for the device only.

    It asks nothing back from the device, and works on the same tensors each time; so it can be captured.

    Attributes:
        model: one model, or S stacked ones.
        optimizer: of its parameters.
        masks: of its dropouts, with their probabilities.
        generators: one for each model, for the masks.
        data: on the device.
        hyperparameters: augmentation and label smoothing.
        settings: device and precision.
        layout: of the images, as the model's kernels want them.
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
        """One step.

        Args:
            batch: int64 indices of training images, (B,), or (S, B) for stacked models.
            draws: float32 (B, K), or (S, B, K), see `augmentation.draw`.
            rate: learning rate, (), see `optimization.learning_rates`.

        Returns:
            The mean loss: () or (S,). With several workers, of which each has its part of the batch, their mean is
            the mean loss of the batch.
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
            # Parts may differ in size, and the gradients of the workers are averaged.
            loss = losses.view(batch.shape).mean(-1) if group is None else losses.sum() * (group.workers / whole)
        self.optimizer.zero_grad(set_to_none=True)
        # No model's loss depends on another one's weights: each has the gradient that it has alone.
        loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]  # torch leaves it untyped
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        return loss.detach()

    def one_by_one(self, batches: Tensor, draws: Tensor, rates: Tensor) -> Tensor:
        """Steps as they are written, see `Steps`."""
        total = torch.zeros(batches.shape[1:-1], device=batches.device)
        for batch, drawn, rate in zip(batches, draws, rates, strict=True):
            total += self(batch, drawn, rate)
        return total
