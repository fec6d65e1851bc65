"""A trial between two epochs, as bytes: what it takes to go on from there and arrive at the same bits.

No random state is among it: every epoch draws from streams of its own.
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
    """The bytes are no checkpoint of this trial."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What an earlier attempt at a trial left.

    Attributes:
        epochs: what it gave, from the first one on.
        tensors: of the model and its optimizer after the last of them.
    """

    epochs: tuple[EpochResult, ...]
    tensors: Mapping[str, Tensor]


def save_checkpoint(program: Program, trial_id: str, epochs: tuple[EpochResult, ...]) -> bytes:
    """Model and optimizer of a program that trains one model, as safetensors; the epochs stand in its header."""
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in program.model.state_dict().items()}
    tensors |= dict(_optimizer_tensors(program.optimizer))
    return safetensors.torch.save(
        for_safetensors(tensors),
        metadata={"trial_id": trial_id, "epochs": _EPOCHS.dump_json(epochs).decode()},
    )


def read_checkpoint(content: bytes, trial_id: str) -> Checkpoint:
    """The checkpoint that `save_checkpoint` made of this trial.

    Raises:
        CheckpointError: it is damaged, or another trial's.
    """
    try:
        tensors = safetensors.torch.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header["__metadata__"]
        if metadata["trial_id"] != trial_id:
            raise CheckpointError(f"it belongs to trial {metadata['trial_id']}")
        epochs = _EPOCHS.validate_json(metadata["epochs"])
    except (SafetensorError, ValidationError, LookupError, ValueError, TypeError) as error:
        raise CheckpointError(f"it is damaged: {error}") from None
    if not epochs or [epoch.epoch for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise CheckpointError("its epochs are not the first ones of a trial")
    return Checkpoint(epochs, tensors)


def restore(program: Program, checkpoint: Checkpoint) -> None:
    """Take a program that has made no step yet to where the checkpoint was saved.

    Raises:
        CheckpointError: the tensors are not those of this model and optimizer.
    """
    of_model = {n.removeprefix(_MODEL): t for n, t in checkpoint.tensors.items() if n.startswith(_MODEL)}
    try:
        program.model.load_state_dict(of_model)
    except RuntimeError as error:
        raise CheckpointError(f"it does not fit the model: {error}") from None
    parameters = _parameters(program.optimizer)
    for name, value in checkpoint.tensors.items():
        if not name.startswith(_OPTIMIZER):
            continue
        index, _, key = name.removeprefix(_OPTIMIZER).partition("/")
        state = program.optimizer.state[parameters[int(index)]]
        if isinstance(state.get(key), Tensor):
            state[key].copy_(value)  # a captured step works on this very memory
        else:
            state[key] = _like(parameters[int(index)], value)


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A value of an optimizer's state, on the device and in the memory layout that the optimizer gives it."""
    if value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
    return value.to(parameter.device, copy=True)


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _optimizer_tensors(optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of an optimizer's state, with its name in the checkpoint."""
    for index, parameter in enumerate(_parameters(optimizer)):
        for key, value in optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                yield f"{_OPTIMIZER}{index}/{key}", value
