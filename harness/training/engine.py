"""The training loop: data as tensors on the device, one gather a batch, everything else on the batch."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from architectures import ARCHITECTURES, TrainingHyperparameters
from harness.data.dataset import Normalisation, Split, TrainingData
from harness.training.augmentation import augment, draw
from harness.training.optimization import build_optimizer, build_schedule
from harness.training.settings import Settings
from harness.trial import EpochResult, TrialSpec, stream_seed

_PREDICTION_BATCH = 250  # larger ones leave the processor's cache


class TrainingDivergedError(Exception):
    """A loss was not finite."""


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Maps pixels from 0..255 to mean 0 and standard deviation 1 of each channel.

    Attributes:
        scale: float32 (C, 1, 1).
        offset: float32 (C, 1, 1).
    """

    scale: Tensor
    offset: Tensor

    @classmethod
    def of(cls, normalisation: Normalisation, device: str) -> Normaliser:
        """From the statistics of the training images."""
        mean = torch.tensor(normalisation.mean, device=device).view(-1, 1, 1)
        std = torch.tensor(normalisation.std, device=device).view(-1, 1, 1)
        return cls(scale=1 / (255 * std), offset=-mean / std)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        return torch.addcmul(self.offset, pixels, self.scale)


@dataclass(frozen=True, eq=False)
class ResidentData:
    """Training data on the device, moved there once: uint8 images (N, C, H, W) and int64 labels (N,)."""

    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    normaliser: Normaliser


def resident(data: TrainingData, device: str) -> ResidentData:
    """The data on the device; on the CPU they share the memory of the arrays, which are never written."""
    return ResidentData(
        *_tensors(data.train, device), *_tensors(data.validation, device), Normaliser.of(data.normalisation, device)
    )


def _tensors(split: Split, device: str) -> tuple[Tensor, Tensor]:
    return as_tensor(split.images, device), as_tensor(split.labels, device)


def as_tensor(array: NDArray[np.uint8] | NDArray[np.int64], device: str) -> Tensor:
    """A tensor on the device; on the CPU it shares the array's memory and must not be written."""
    with warnings.catch_warnings():
        # Arrays from a shared object store are read-only, which torch cannot express.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)


def train(model: nn.Module, spec: TrialSpec, data: ResidentData, settings: Settings) -> Iterator[EpochResult]:
    """Train a model in place; yields after each epoch, and goes on when the next one is asked for.

    The same specification, model, data and thread count give the same bits on a CPU, whatever ran
    before or runs in between in the process.

    Args:
        model: as `build_model` gives it; moved to the device of the settings.
        spec: what to do.
        data: on the device of the settings.
        settings: device, threads and precision.

    Raises:
        TrainingDivergedError: the training or validation loss is not finite.
    """
    torch.set_num_threads(settings.threads)
    hyperparameters = ARCHITECTURES[spec.architecture].hyperparameters.model_validate(spec.hyperparameters)
    model.to(settings.device)
    images = len(data.train_labels)
    batch_size = min(hyperparameters.batch_size, images)
    steps = images // batch_size
    optimizer = build_optimizer(model, hyperparameters)
    schedule = build_schedule(optimizer, hyperparameters, steps * hyperparameters.epochs)
    for epoch in range(1, hyperparameters.epochs + 1):
        torch.set_num_threads(settings.threads)
        started = time.perf_counter()
        order, draws = _epoch_streams(spec, epoch, images, hyperparameters, settings.device)
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed("dropout", spec.stream_id, epoch))
            batches = order[: steps * batch_size].view(steps, batch_size)
            train_loss = _train_epoch(model, data, batches, draws, optimizer, schedule, hyperparameters, settings)
        trained = time.perf_counter()
        validation_loss, validation_accuracy = _validate(model, data, settings)
        validated = time.perf_counter()
        for split, loss in (("training", train_loss), ("validation", validation_loss)):
            if not math.isfinite(loss):
                raise TrainingDivergedError(f"the {split} loss was {loss} in epoch {epoch}")
        yield EpochResult(
            epoch=epoch,
            train_loss=train_loss,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            train_images=steps * batch_size,
            train_seconds=trained - started,
            validation_seconds=validated - trained,
        )


def _epoch_streams(
    spec: TrialSpec, epoch: int, images: int, hyperparameters: TrainingHyperparameters, device: str
) -> tuple[Tensor, Tensor]:
    """Data order (N,) and augmentation draws (N, K) of an epoch, from the seed alone: paired across architectures."""
    generator = torch.Generator().manual_seed(stream_seed("order", spec.seed, epoch))
    order = torch.randperm(images, generator=generator)
    draws = draw(hyperparameters.augmentation, images, stream_seed("augmentation", spec.seed, epoch))
    return order.to(device), draws.to(device)


def _train_epoch(
    model: nn.Module,
    data: ResidentData,
    batches: Tensor,
    draws: Tensor,
    optimizer: Optimizer,
    schedule: LRScheduler,
    hyperparameters: TrainingHyperparameters,
    settings: Settings,
) -> float:
    """One pass over the batches, (steps, B) indices of training images; gives the mean loss."""
    model.train()
    layout = memory_layout(model)
    total = torch.zeros((), device=settings.device)
    for batch in batches:
        pixels = data.train_images.index_select(0, batch).float()  # (B, C, H, W)
        pixels = augment(pixels, hyperparameters.augmentation, draws.index_select(0, batch))
        inputs = data.normaliser(pixels).contiguous(memory_format=layout)
        with _autocast(settings):
            logits = model(inputs)  # (B, classes)
            loss = cross_entropy(
                logits.float(),
                data.train_labels.index_select(0, batch),
                label_smoothing=hyperparameters.label_smoothing,
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        schedule.step()
        total += loss.detach()
    return total.item() / len(batches)


def _validate(model: nn.Module, data: ResidentData, settings: Settings) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over the validation images."""
    logits = predict(model, data.validation_images, data.normaliser, settings)
    loss = cross_entropy(logits, data.validation_labels).item()
    correct = (logits.argmax(1) == data.validation_labels).sum().item()
    return loss, correct / len(logits)


def predict(model: nn.Module, images: Tensor, normaliser: Normaliser, settings: Settings) -> Tensor:
    """Logits float32 (N, classes) of uint8 images (N, C, H, W), in evaluation mode."""
    model.eval()
    return torch.cat(
        [logits_of(model, chunk, normaliser, settings) for chunk in torch.split(images, _PREDICTION_BATCH)]
    )


def logits_of(model: nn.Module, images: Tensor, normaliser: Normaliser, settings: Settings) -> Tensor:
    """Logits float32 (B, classes) of one batch of uint8 images (B, C, H, W), as the model is set: without gradients."""
    with torch.inference_mode(), _autocast(settings):
        inputs = normaliser(images.float()).contiguous(memory_format=memory_layout(model))
        logits: Tensor = model(inputs).float()
        return logits


def memory_layout(model: nn.Module) -> torch.memory_format:
    """Channels last for a model whose kernels are, else the ordinary layout."""
    channels_last = any(
        p.ndim == 4 and p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
        for p in model.parameters()
    )
    return torch.channels_last if channels_last else torch.contiguous_format


def _autocast(settings: Settings) -> torch.autocast:
    device_type = settings.device.partition(":")[0]
    return torch.autocast(device_type, dtype=torch.bfloat16, enabled=settings.precision == "bf16")
