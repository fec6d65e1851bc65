"""The training loop: epochs of steps on data that is on the device, each followed by validation."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from architectures import TrainingHyperparameters
from harness.records.trial import EpochResult, TrialSpec, stream_seed
from harness.training.augmentation import draw
from harness.training.optimization import learning_rates
from harness.training.prediction import predict
from harness.training.program import Program, kept, program_for
from harness.training.resident import ResidentData
from harness.training.settings import Settings, apply_to_process


class TrainingDivergedError(Exception):
    """The training or validation loss is not finite."""


def train(model: nn.Module, spec: TrialSpec, data: ResidentData, settings: Settings) -> Iterator[EpochResult]:
    """Train a model in place.

    With captured steps, the model gets its new weights only after the last epoch.

    On a CPU, the same specification, model, data and number of threads give bit-identical results.
    They do not depend on other work in the same process.

    Args:
        model: Model from `build_model`; it is moved to the device of the settings.
        spec: Specification of the trial.
        data: Data on the device of the settings.
        settings: Device, threads and precision.

    Yields:
        The result of each epoch. The next epoch starts when the next result is requested.

    Raises:
        TrainingDivergedError: If the training or validation loss is not finite.
    """
    for [result] in train_together(prepare([model], [spec], data, settings), [model], [spec], data, settings):
        if isinstance(result, TrainingDivergedError):
            raise result
        yield result


def prepare(models: Sequence[nn.Module], specs: Sequence[TrialSpec], data: ResidentData, settings: Settings) -> Program:
    """Move models to the device and make the program that trains them.

    Args:
        models: Models from `build_model`; several models are trained together.
        specs: Specification of each model; they may differ only in the seed.
        data: Data on the device of the settings.
        settings: Device, threads and precision.

    Raises:
        ValueError: If the specifications differ in more than the seed.
        RuntimeError: If the models cannot be trained together.
        WorkerLostError: If the capture of a CUDA graph failed.
    """
    if not all(spec.differs_in_seed_only(specs[0]) for spec in specs):
        raise ValueError("the specifications differ in more than the seed; train these models separately")
    apply_to_process(settings)
    for model in models:
        model.to(settings.device)
    hyperparameters = TrainingHyperparameters.of(specs[0].hyperparameters)
    return program_for(specs[0], models, hyperparameters, _batch_size(hyperparameters, data), data, settings)


def train_together(
    program: Program,
    models: Sequence[nn.Module],
    specs: Sequence[TrialSpec],
    data: ResidentData,
    settings: Settings,
    trained: int = 0,
) -> Iterator[tuple[EpochResult | TrainingDivergedError, ...]]:
    """Train models of one architecture in place.

    Except for rounding, each model gets the same result as if it were trained alone.

    Args:
        program: Program that `prepare` made from the other arguments.
        models: Models to train.
        specs: Specification of each model.
        data: Data on the device of the settings.
        settings: Device, threads and precision.
        trained: Number of epochs that the program has completed, if it was restored from a
            checkpoint.

    Yields:
        After each epoch, the result or the error of each model. The time of an epoch is divided
        equally among the models.
    """
    hyperparameters = TrainingHyperparameters.of(specs[0].hyperparameters)
    batch_size = _batch_size(hyperparameters, data)
    steps = len(data.train_labels) // batch_size
    rates = learning_rates(hyperparameters, steps * hyperparameters.epochs, settings.device).view(-1, steps)
    ahead = settings.device_type == "cuda"  # the CPU prepares the next epoch while the GPU trains

    def prepared(epoch: int) -> tuple[Tensor, Tensor]:
        return _epoch_streams(specs, epoch, steps, batch_size, data, hyperparameters)

    streams = None
    with kept(program, data):
        for epoch in range(trained + 1, hyperparameters.epochs + 1):
            apply_to_process(settings)
            started = time.perf_counter()
            total = _train_epoch(program, specs, epoch, *(streams or prepared(epoch)), rates[epoch - 1])
            last = epoch == hyperparameters.epochs
            streams = prepared(epoch + 1) if ahead and not last else None
            train_losses = (total / steps).view(-1).tolist()  # the only wait for the device
            trained_at = time.perf_counter()
            validation = _validate(program.model, data, settings)
            if last:
                program.store(models)
            validated_at = time.perf_counter()
            yield tuple(
                _epoch_result(
                    epoch,
                    train_loss,
                    *validated_one,
                    train_images=steps * batch_size,
                    train_seconds=(trained_at - started) / len(models),
                    validation_seconds=(validated_at - trained_at) / len(models),
                )
                for train_loss, validated_one in zip(train_losses, validation, strict=True)
            )


def _batch_size(hyperparameters: TrainingHyperparameters, data: ResidentData) -> int:
    return min(hyperparameters.batch_size, len(data.train_labels))


def _epoch_result(
    epoch: int, train_loss: float, validation_loss: float, validation_accuracy: float, **measured: float
) -> EpochResult | TrainingDivergedError:
    for split, loss in (("training", train_loss), ("validation", validation_loss)):
        if not math.isfinite(loss):
            return TrainingDivergedError(f"the {split} loss was {loss} in epoch {epoch}")
    return EpochResult.model_validate(
        {
            "epoch": epoch,
            "train_loss": train_loss,
            "validation_loss": validation_loss,
            "validation_accuracy": validation_accuracy,
        }
        | measured
    )


def _epoch_streams(
    specs: Sequence[TrialSpec],
    epoch: int,
    steps: int,
    batch_size: int,
    data: ResidentData,
    hyperparameters: TrainingHyperparameters,
) -> tuple[Tensor, Tensor]:
    """Return image indices (steps, B) and augmentation draws (steps, B, K) of an epoch.

    For S models the shapes are (steps, S, B) and (steps, S, B, K). Both depend on the seed only, so
    all architectures see the same order of images and the same augmentation of each image.
    """
    images, device = len(data.train_labels), data.train_labels.device
    batches, draws = [], []
    for spec in specs:
        generator = torch.Generator().manual_seed(stream_seed("order", spec.seed, epoch))
        order = torch.randperm(images, generator=generator)[: steps * batch_size].to(device)
        drawn = draw(hyperparameters.augmentation, images, stream_seed("augmentation", spec.seed, epoch), device)
        batches.append(order.view(steps, batch_size))
        draws.append(drawn.index_select(0, order).view(steps, batch_size, -1))
    if len(specs) == 1:
        return batches[0], draws[0]
    return torch.stack(batches, dim=1), torch.stack(draws, dim=1)


def _train_epoch(
    program: Program, specs: Sequence[TrialSpec], epoch: int, batches: Tensor, draws: Tensor, rates: Tensor
) -> Tensor:
    """Train on all batches without waiting for the device; return the sum of losses, () or (S,)."""
    program.model.train()
    group = program.step.settings.group
    own = () if group is None else (group.rank,)
    cuda = [batches.device] if batches.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        # Layers that draw random numbers use the generator of the process. With several workers,
        # dropout does so too.
        torch.manual_seed(stream_seed("dropout", specs[0].stream_id, epoch, *own))
        for spec, generator in zip(specs, program.generators, strict=True):
            generator.manual_seed(stream_seed("dropout", spec.stream_id, epoch))
        total = program.steps(batches, draws, rates)
    return total if group is None else group.mean(total)


def _validate(model: nn.Module, data: ResidentData, settings: Settings) -> list[tuple[float, float]]:
    """Compute mean cross-entropy and accuracy of each model on the validation images."""
    logits = predict(model, data.validation_images, data.normaliser, settings)
    measured = []
    for of_one in logits.unsqueeze(0) if logits.ndim == 2 else logits:
        loss = cross_entropy(of_one, data.validation_labels).item()
        correct = (of_one.argmax(1) == data.validation_labels).sum().item()
        measured.append((loss, correct / len(of_one)))
    return measured
