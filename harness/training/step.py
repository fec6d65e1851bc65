"""One optimizer step, and how a device runs it: as it is written, or captured once and replayed."""

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
from harness.training.joint import sum_gradients
from harness.training.prediction import autocast
from harness.training.resident import ResidentData
from harness.training.settings import Settings

_WARM_UP_STEPS = 3  # before a capture; libraries choose and load their kernels in the first ones

Step = Callable[[Tensor, Tensor], Tensor]
"""Trains on one batch: indices of training images and their augmentation draws; gives the loss before the step."""


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
        part: of each batch that this process trains on; all of it, unless others train the model with it.
    """

    model: nn.Module
    optimizer: Optimizer
    masks: Sequence[tuple[Tensor, float]]
    generators: Sequence[torch.Generator]
    data: ResidentData
    hyperparameters: TrainingHyperparameters
    settings: Settings
    layout: torch.memory_format
    part: slice | None = None

    def __call__(self, batch: Tensor, draws: Tensor) -> Tensor:
        """One step.

        Args:
            batch: int64 indices of training images, (B,), or (S, B) for stacked models.
            draws: float32 (B, K), or (S, B, K), see `augmentation.draw`.

        Returns:
            The mean loss: () or (S,).
        """
        whole = batch.shape[-1]
        if self.part is not None:
            batch, draws = batch[self.part], draws[self.part]
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
            loss = losses.view(batch.shape).mean(-1) if self.part is None else losses.sum() / whole
        self.optimizer.zero_grad(set_to_none=True)
        # No model's loss depends on another one's weights: each has the gradient that it has alone.
        loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self.part is not None:
            loss = sum_gradients(self.model.parameters(), loss)
        self.optimizer.step()
        return loss.detach()


class CapturedStep:
    """A step as a CUDA graph: launched as a whole, where launching its hundred kernels takes most of the time.

    Making one trains the model on made-up batches; load the weights, and let the optimizer forget, afterwards.

    Args:
        step: what to capture.
        batch: an example, which is overwritten.
        draws: likewise.

    Raises:
        RuntimeError: the model asks something back from the device, which a graph cannot.
    """

    def __init__(self, step: TrainingStep, batch: Tensor, draws: Tensor) -> None:
        self._batch, self._draws = batch.clone(), draws.clone()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP_STEPS):
                step(self._batch, self._draws)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        for generator in step.generators:
            self._graph.register_generator_state(generator)
        step.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self._graph):
            self._loss = step(self._batch, self._draws)

    def __call__(self, batch: Tensor, draws: Tensor) -> Tensor:
        """One step, as `TrainingStep`; the loss is overwritten by the next one."""
        self._batch.copy_(batch)
        self._draws.copy_(draws)
        self._graph.replay()
        return self._loss
