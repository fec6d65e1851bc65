"""Checkpoints: the state of a trial between two epochs, as bytes.

A resumed trial gives exactly the same results as an uninterrupted one. A checkpoint contains no
random state, because every epoch seeds its own random streams.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import Tensor
from torch.optim import Optimizer

from harness.records.trial import EpochResult
from harness.training.model import for_safetensors
from harness.training.program import Program

_EPOCHS = TypeAdapter(tuple[EpochResult, ...])
_MODEL, _OPTIMIZER = "model/", "optimizer/"


class CheckpointError(Exception):
    """The bytes are not a checkpoint of this trial."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Checkpoint of an earlier attempt at a trial.

    Attributes:
        epochs: Results of the epochs so far, starting with the first.
        tensors: Tensors of the model and its optimizer after the last of these epochs.
    """

    epochs: tuple[EpochResult, ...]
    tensors: Mapping[str, Tensor]


def save_checkpoint(program: Program, trial_id: str, epochs: tuple[EpochResult, ...]) -> bytes:
    """Save model and optimizer as safetensors, with the epochs in the header.

    The program must train a single model.
    """
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in program.model.state_dict().items()}
    tensors |= dict(_optimizer_tensors(program.optimizer))
    return safetensors.torch.save(
        for_safetensors(tensors),
        metadata={"trial_id": trial_id, "epochs": _EPOCHS.dump_json(epochs).decode()},
    )


def read_checkpoint(content: bytes, trial_id: str) -> Checkpoint:
    """Read a checkpoint from `save_checkpoint`.

    Raises:
        CheckpointError: If it is damaged or belongs to another trial.
    """
    try:
        tensors = safetensors.torch.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header["__metadata__"]
        if metadata["trial_id"] != trial_id:
            raise CheckpointError(f"the checkpoint belongs to trial {metadata['trial_id']}, not {trial_id}")
        epochs = _EPOCHS.validate_json(metadata["epochs"])
    except (SafetensorError, ValidationError, LookupError, ValueError, TypeError) as error:
        raise CheckpointError(f"the checkpoint is damaged: {error}") from None
    if not epochs or [epoch.epoch for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise CheckpointError("the checkpoint is damaged: its epochs are not consecutive from 1")
    return Checkpoint(epochs, tensors)


def restore(program: Program, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a program that has not made any step.

    Raises:
        CheckpointError: If the tensors do not fit the model and its optimizer.
    """
    of_model = {n.removeprefix(_MODEL): t for n, t in checkpoint.tensors.items() if n.startswith(_MODEL)}
    try:
        program.model.load_state_dict(of_model)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint does not fit the model: {error}") from None
    parameters = _parameters(program.optimizer)
    for name, value in checkpoint.tensors.items():
        if not name.startswith(_OPTIMIZER):
            continue
        index, _, key = name.removeprefix(_OPTIMIZER).partition("/")
        state = program.optimizer.state[parameters[int(index)]]
        if isinstance(state.get(key), Tensor):
            state[key].copy_(value)  # in place, because a captured step uses this memory
        else:
            state[key] = _like(parameters[int(index)], value)


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Copy a value of the optimizer state to the device and memory layout of its parameter."""
    if value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
    return value.to(parameter.device, copy=True)


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _optimizer_tensors(optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of an optimizer's state, with its name in the checkpoint."""
    for index, parameter in enumerate(_parameters(optimizer)):
        for key, value in optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                yield f"{_OPTIMIZER}{index}/{key}", value
