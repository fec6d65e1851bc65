"""Programs: a model with its optimizer and training steps, prepared for a device."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.optim import Optimizer

from architectures import TrainingHyperparameters
from harness.errors import describe
from harness.records.trial import TrialSpec, flat_json
from harness.training.augmentation import draw
from harness.training.captured import CapturedSteps, graphs_of, warm_up
from harness.training.data_parallel import with_synchronised_batch_norm
from harness.training.dropout import drawn_masks, shape_masks
from harness.training.optimization import build_optimizer, forget, learning_rates
from harness.training.prediction import autocast, memory_layout
from harness.training.resident import ResidentData
from harness.training.settings import Settings
from harness.training.stacked import Stacked
from harness.training.step import Steps, TrainingStep

STEPS = 32  # steps in a captured graph; the remaining steps of an epoch are launched one by one
_KEPT = 8  # maximum number of unused captured programs; each occupies the memory of one step
_FREE = {"learning_rate", "schedule", "epochs"}  # hyperparameters that are not part of captured steps


@dataclass(frozen=True, eq=False)
class Program:
    """A model, or several stacked models, with everything needed to train it.

    Attributes:
        model: The model.
        step: A single training step.
        steps: Runs several steps.
        captured: Whether the steps are captured as CUDA graphs.
        not_captured: Why steps are not captured on a CUDA device; otherwise None.
        shape: Key of the trials that can share this captured program; None if it is not captured.
    """

    model: nn.Module
    step: TrainingStep
    steps: Steps
    captured: bool = False
    not_captured: str | None = None
    shape: Hashable = None

    @property
    def optimizer(self) -> Optimizer:
        """Optimizer of the model's parameters."""
        return self.step.optimizer

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """Generators of the dropout masks, one for each model."""
        return self.step.generators

    def load(self, models: Sequence[nn.Module]) -> None:
        """Prepare for a new trial: copy the weights of these models and reset the optimizer."""
        if isinstance(self.model, Stacked):
            self.model.load(models)
        elif self.model is not models[0]:
            self.model.load_state_dict(models[0].state_dict())
        forget(self.optimizer)

    def store(self, models: Sequence[nn.Module]) -> None:
        """Copy the trained weights to these models."""
        if isinstance(self.model, Stacked):
            self.model.unstack(models)
        elif self.model is not models[0]:
            models[0].load_state_dict(self.model.state_dict())


def program_for(
    spec: TrialSpec,
    models: Sequence[nn.Module],
    hyperparameters: TrainingHyperparameters,
    batch_size: int,
    data: ResidentData,
    settings: Settings,
) -> Program:
    """Get a program with the weights of these models, for exclusive use until `kept` returns it.

    On a CUDA device, the steps are captured. Trials on the same data share a captured program if
    they differ only in seed, learning rate, schedule and epochs, and do not run at the same time.
    Steps that cannot be captured run without capture.

    Args:
        spec: Specification of the first model; the others differ only in the seed.
        models: Models of one architecture, on the device; several models are trained together.
        hyperparameters: Training hyperparameters of all models.
        batch_size: Images per step.
        data: Data on the device.
        settings: Device, precision, and whether to capture steps.

    Raises:
        RuntimeError: If the models cannot be stacked, or the device has too little memory.
        WorkerLostError: If the capture of a CUDA graph failed.
    """
    if not captures(settings):
        program = _as_written(models, hyperparameters, batch_size, data, settings)
        reason = settings.not_captured or "several workers train the model"
        return replace(program, not_captured=reason if settings.device_type == "cuda" else None)
    fixed = flat_json({name: value for name, value in spec.hyperparameters.items() if name not in _FREE})
    shape = (spec.architecture, fixed, batch_size, len(models), settings)
    program = data.programs.pop(shape, None)
    if program is None:
        written = _as_written([copy.deepcopy(model) for model in models], hyperparameters, batch_size, data, settings)
        program = replace(_captured(written, batch_size, len(models), hyperparameters, settings), shape=shape)
    program.load(models)
    return program


def captures(settings: Settings) -> bool:
    """Whether steps are captured.

    They are captured on CUDA devices, unless the settings disable it or several workers train the
    model.
    """
    return settings.device_type == "cuda" and settings.not_captured is None and settings.group is None


@contextlib.contextmanager
def kept(program: Program, data: ResidentData) -> Iterator[None]:
    """Keep a captured program for the next trial with the same `shape`, unless the block fails."""
    try:
        yield
    except GeneratorExit:
        _keep(program, data)
        raise
    _keep(program, data)


def _keep(program: Program, data: ResidentData) -> None:
    if program.shape is None:
        return
    data.programs[program.shape] = program
    if len(data.programs) > _KEPT:
        del data.programs[next(iter(data.programs))]  # the one unused for the longest time


def _as_written(
    models: Sequence[nn.Module],
    hyperparameters: TrainingHyperparameters,
    batch_size: int,
    data: ResidentData,
    settings: Settings,
) -> Program:
    inputs = data.normaliser(torch.zeros(batch_size, *data.train_images.shape[1:], device=settings.device))
    inputs = inputs.contiguous(memory_format=memory_layout(models[0]))
    group = settings.group
    with autocast(settings):
        for model in models if group is None else ():  # without masks, each worker's dropout layers draw their own
            shape_masks(model, inputs)
    masks = drawn_masks(models[0])
    if len(models) == 1:
        model = models[0] if group is None else with_synchronised_batch_norm(models[0], settings.device_type)
        dimensions = {name: parameter.ndim for name, parameter in model.named_parameters()}
    else:
        model = stacked = Stacked(models)
        with autocast(settings), torch.no_grad():
            stacked.train()(inputs)  # raises any error that training would raise
        stacked.load(models)
        masks = {name: (stacked.stacked_buffer(name), p) for name, (_, p) in masks.items()}
        dimensions = stacked.dimensions
    decayed = [p for name, p in model.named_parameters() if dimensions[name] > 1]
    spared = [p for name, p in model.named_parameters() if dimensions[name] <= 1]
    optimizer = build_optimizer(decayed, spared, hyperparameters, settings.device)
    generators = [torch.Generator(settings.device) for _ in models]
    step = TrainingStep(
        model if group is None else group.wrap(model),
        optimizer,
        list(masks.values()),
        generators,
        data,
        hyperparameters,
        settings,
        memory_layout(model),
    )
    return Program(model, step, step.one_by_one)


def _captured(
    written: Program, batch_size: int, models: int, hyperparameters: TrainingHyperparameters, settings: Settings
) -> Program:
    shape = (STEPS, batch_size) if models == 1 else (STEPS, models, batch_size)
    batches = torch.zeros(shape, dtype=torch.int64, device=settings.device)
    draws = draw(hyperparameters.augmentation, batches.numel(), 0, settings.device).view(*shape, -1)
    rates = learning_rates(hyperparameters, STEPS, settings.device)
    written.model.train()
    try:
        warm_up(written.step, batches[0], draws[0], rates[0])
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        return replace(written, not_captured=describe(error))
    steps = CapturedSteps(written.step, batches, draws, rates, graphs_of(written.step))
    return replace(written, steps=steps, captured=True)
