"""The training loop: epochs of steps on data that lie on the device, validation after each."""

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
    """A loss was not finite."""


def train(model: nn.Module, spec: TrialSpec, data: ResidentData, settings: Settings) -> Iterator[EpochResult]:
    """Train a model; yields after each epoch, and goes on when the next one is asked for.

    The model is trained in place. Where steps are captured, it has its new weights after the last epoch only.

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
    for [result] in train_together(prepare([model], [spec], data, settings), [model], [spec], data, settings):
        if isinstance(result, TrainingDivergedError):
            raise result
        yield result


def prepare(models: Sequence[nn.Module], specs: Sequence[TrialSpec], data: ResidentData, settings: Settings) -> Program:
    """The program that trains these models; moves them to the device.

    Args:
        models: as `build_model` gives them; more than one are trained together.
        specs: what to do, one for each model; they differ in nothing but the seed.
        data: on the device of the settings.
        settings: device, threads and precision.

    Raises:
        ValueError: the specifications differ in more than the seed.
        RuntimeError: the models do something that only one of them at a time can do.
        WorkerLostError: a capture failed.
    """
    if not all(spec.differs_in_seed_only(specs[0]) for spec in specs):
        raise ValueError("models that are trained together differ in nothing but the seed")
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
    """Train models of one shape in place, each as if it were alone, to rounding.

    Args:
        program: that `prepare` made of the rest.
        models: what is trained.
        specs: what to do, one for each model.
        data: on the device of the settings.
        settings: device, threads and precision.
        trained: epochs that the program has behind it, when it comes from a checkpoint.

    Yields:
        After each epoch, what it gave, or how it failed, for each model. Of seconds every model has
        an equal share.
    """
    hyperparameters = TrainingHyperparameters.of(specs[0].hyperparameters)
    batch_size = _batch_size(hyperparameters, data)
    steps = len(data.train_labels) // batch_size
    rates = learning_rates(hyperparameters, steps * hyperparameters.epochs, settings.device).view(-1, steps)
    ahead = settings.device_type == "cuda"  # the processor prepares an epoch while the device trains the one before

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
            train_losses = (total / steps).view(-1).tolist()  # nothing else is asked back from the device
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
    """Image indices (steps, B) and augmentation draws (steps, B, K) of an epoch; (steps, S, B...) of several models.

    They come from the seed alone, so they are paired across architectures: the order, and the draws of each image.
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
    """One pass over the batches; gives the sum of the losses, () or (S,), and does not wait for the device."""
    program.model.train()
    group = program.step.settings.group
    own = () if group is None else (group.rank,)
    cuda = [batches.device] if batches.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        # What a model draws by itself comes from the generator of the process; so do its dropouts with several workers.
        torch.manual_seed(stream_seed("dropout", specs[0].stream_id, epoch, *own))
        for spec, generator in zip(specs, program.generators, strict=True):
            generator.manual_seed(stream_seed("dropout", spec.stream_id, epoch))
        total = program.steps(batches, draws, rates)
    return total if group is None else group.mean(total)


def _validate(model: nn.Module, data: ResidentData, settings: Settings) -> list[tuple[float, float]]:
    """Mean cross-entropy and accuracy over the validation images, of each model."""
    logits = predict(model, data.validation_images, data.normaliser, settings)
    measured = []
    for of_one in logits.unsqueeze(0) if logits.ndim == 2 else logits:
        loss = cross_entropy(of_one, data.validation_labels).item()
        correct = (of_one.argmax(1) == data.validation_labels).sum().item()
        measured.append((loss, correct / len(of_one)))
    return measured
