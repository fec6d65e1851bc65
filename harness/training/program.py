"""A model, its optimizer and its step, made ready for a device; trials of one shape share a captured one."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from architectures import TrainingHyperparameters
from harness.training.augmentation import draw
from harness.training.dropout import active_dropouts, shape_masks
from harness.training.joint import join
from harness.training.optimization import build_optimizer, forget
from harness.training.prediction import autocast, memory_layout
from harness.training.resident import ResidentData
from harness.training.settings import Settings
from harness.training.stacked import Stacked
from harness.training.step import CapturedStep, Step, TrainingStep

_KEPT = 8  # captured programs of a worker; each holds the memory of one step
_FREE = {"learning_rate", "schedule", "epochs"}  # hyperparameters that a captured step does not contain


@dataclass(frozen=True, eq=False)
class Program:
    """What trains models, one or several stacked.

    Attributes:
        model: what is trained.
        optimizer: of its parameters.
        generators: of the dropout masks, one for each model.
        step: one step.
        captured: whether the step is a captured one.
    """

    model: nn.Module
    optimizer: Optimizer
    generators: Sequence[torch.Generator]
    step: Step
    captured: bool

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


_captured: OrderedDict[Hashable, Program] = OrderedDict()


def program_for(
    architecture: str,
    models: Sequence[nn.Module],
    hyperparameters: TrainingHyperparameters,
    batch_size: int,
    data: ResidentData,
    settings: Settings,
) -> Program:
    """A program that begins with the weights of these models.

    On a CUDA device the step is captured, once for all trials of a worker that differ in nothing but
    seed, learning rate, schedule and epochs. A step that cannot be captured runs as it is written.

    Args:
        architecture: of the models.
        models: all of one shape, on the device; more than one are trained together.
        hyperparameters: of all models.
        batch_size: of each step.
        data: on the device.
        settings: device, precision, whether to capture.

    Raises:
        RuntimeError: the models cannot be stacked.
    """
    if not captures(settings):
        return _as_written(models, hyperparameters, batch_size, data, settings)
    fixed = hyperparameters.model_dump_json(exclude=_FREE)
    key = (architecture, fixed, batch_size, len(models), id(data), settings)
    if key not in _captured:
        written = _as_written([copy.deepcopy(model) for model in models], hyperparameters, batch_size, data, settings)
        _captured[key] = _captured_of(written, batch_size, len(models), hyperparameters, settings)
        if len(_captured) > _KEPT:
            _captured.popitem(last=False)
    _captured.move_to_end(key)
    program = _captured[key]
    program.load(models)
    return program


def captures(settings: Settings) -> bool:
    """Whether steps are captured: on CUDA devices, unless the settings say otherwise."""
    return settings.capture and settings.group is None and settings.device_type == "cuda"


def _as_written(
    models: Sequence[nn.Module],
    hyperparameters: TrainingHyperparameters,
    batch_size: int,
    data: ResidentData,
    settings: Settings,
) -> Program:
    inputs = data.normaliser(torch.zeros(batch_size, *data.train_images.shape[1:], device=settings.device))
    inputs = inputs.contiguous(memory_format=memory_layout(models[0]))
    with autocast(settings):
        for model in models:
            shape_masks(model, inputs)
    part = settings.group.part(batch_size) if settings.group is not None else None
    if part is not None:
        join(models[0], part)
    dropouts = active_dropouts(models[0])
    if len(models) == 1:
        [model] = models
        masks = [(dropout.mask, dropout.p) for _, dropout in dropouts]
        dimensions = {name: parameter.ndim for name, parameter in model.named_parameters()}
    else:
        model = stacked = Stacked(models)
        with autocast(settings), torch.no_grad():
            stacked.train()(inputs)  # raises what training would raise
        stacked.load(models)
        masks = [(stacked.stacked_buffer(f"{name}.mask"), dropout.p) for name, dropout in dropouts]
        dimensions = stacked.dimensions
    decayed = [p for name, p in model.named_parameters() if dimensions[name] > 1]
    spared = [p for name, p in model.named_parameters() if dimensions[name] <= 1]
    optimizer = build_optimizer(decayed, spared, hyperparameters, settings.device)
    generators = [torch.Generator(settings.device) for _ in models]
    step = TrainingStep(
        model, optimizer, masks, generators, data, hyperparameters, settings, memory_layout(model), part
    )
    return Program(model, optimizer, generators, step, captured=False)


def _captured_of(
    written: Program, batch_size: int, models: int, hyperparameters: TrainingHyperparameters, settings: Settings
) -> Program:
    shape = (batch_size,) if models == 1 else (models, batch_size)
    batch: Tensor = torch.zeros(shape, dtype=torch.int64, device=settings.device)
    draws = draw(hyperparameters.augmentation, batch.numel(), 0).view(*shape, -1).to(settings.device)
    written.model.train()
    if not isinstance(written.step, TrainingStep):
        raise TypeError("only a step as it is written can be captured")
    try:
        step = CapturedStep(written.step, batch, draws)
    except RuntimeError:
        return written  # it says so: `captured` is False
    return Program(written.model, written.optimizer, written.generators, step, captured=True)
