"""A model, its optimizer and its steps, made ready for a device; trials of one shape share captured ones."""

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

STEPS = 32  # of a captured graph; what is left of an epoch is launched step by step
_KEPT = 8  # captured programs of a data set that wait for a trial; each holds the memory of one step
_FREE = {"learning_rate", "schedule", "epochs"}  # hyperparameters that captured steps do not contain


@dataclass(frozen=True, eq=False)
class Program:
    """What trains models, one or several stacked.

    Attributes:
        model: what is trained.
        step: one step, which the steps consist of.
        steps: an epoch of them.
        captured: whether they are captured ones.
        not_captured: why they are not, on a CUDA device; None on any other.
        shape: what trials that can use the same captured program have in common; None where nothing is captured.
    """

    model: nn.Module
    step: TrainingStep
    steps: Steps
    captured: bool = False
    not_captured: str | None = None
    shape: Hashable = None

    @property
    def optimizer(self) -> Optimizer:
        """Of the model's parameters."""
        return self.step.optimizer

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """Of the dropout masks, one for each model."""
        return self.step.generators

    def load(self, models: Sequence[nn.Module]) -> None:
        """Begin a trial: with the weights of these models, and an optimizer that knows nothing."""
        if isinstance(self.model, Stacked):
            self.model.load(models)
        elif self.model is not models[0]:
            self.model.load_state_dict(models[0].state_dict())
        forget(self.optimizer)

    def store(self, models: Sequence[nn.Module]) -> None:
        """Write what was learnt into these models."""
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
    """A program that begins with the weights of these models, and is theirs until `kept` takes it back.

    On a CUDA device its steps are captured, once for all trials on the same data that differ in nothing but seed,
    learning rate, schedule and epochs, unless two of them run at once. Steps that cannot be captured run as they are
    written.

    Args:
        spec: of the first model; the others differ in the seed.
        models: all of one shape, on the device; more than one are trained together.
        hyperparameters: how all models are trained.
        batch_size: of each step.
        data: on the device.
        settings: device, precision, whether to capture.

    Raises:
        RuntimeError: the models cannot be stacked, or the device has too little memory.
        WorkerLostError: a capture failed.
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
    """Whether steps are captured: on CUDA devices, unless the settings say otherwise or several workers take part."""
    return settings.device_type == "cuda" and settings.not_captured is None and settings.group is None


@contextlib.contextmanager
def kept(program: Program, data: ResidentData) -> Iterator[None]:
    """Keep a captured program for the next trial of its shape, unless the block fails."""
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
        del data.programs[next(iter(data.programs))]  # the one that has waited longest


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
        for model in models if group is None else ():  # without masks, dropouts draw by themselves
            shape_masks(model, inputs)
    masks = drawn_masks(models[0])
    if len(models) == 1:
        model = models[0] if group is None else with_synchronised_batch_norm(models[0], settings.device_type)
        dimensions = {name: parameter.ndim for name, parameter in model.named_parameters()}
    else:
        model = stacked = Stacked(models)
        with autocast(settings), torch.no_grad():
            stacked.train()(inputs)  # raises what training would raise
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
