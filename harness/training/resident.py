"""The data set on the device: moved there once as uint8; batches are made and normalised there."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data.dataset import Normalisation, Split, TrainingData


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Maps pixels from 0 to 255 to mean 0 and standard deviation 1 in each channel.

    Attributes:
        scale: float32 (C, 1, 1).
        offset: float32 (C, 1, 1).
    """

    scale: Tensor
    offset: Tensor

    @classmethod
    def of(cls, normalisation: Normalisation, device: str) -> Normaliser:
        """Make a normaliser from the statistics of the training images."""
        mean = torch.tensor(normalisation.mean, device=device).view(-1, 1, 1)
        std = torch.tensor(normalisation.std, device=device).view(-1, 1, 1)
        return cls(scale=1 / (255 * std), offset=-mean / std)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Normalise images (B, C, H, W)."""
        # On a CPU, two calls are twice as fast as one call that broadcasts two tensors.
        return torch.mul(pixels, self.scale).add_(self.offset)


@dataclass(frozen=True, eq=False)
class ResidentData:
    """Training data on the device: uint8 images (N, C, H, W) and int64 labels (N,).

    Attributes:
        programs: Captured programs that no trial uses at the moment, see `program_for`. They refer
            to the data, so they are discarded with it.
    """

    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    normaliser: Normaliser
    programs: dict[Hashable, Any] = field(default_factory=dict)


_on_cuda: dict[tuple[str, str], ResidentData] = {}


def resident(data: TrainingData, device: str) -> ResidentData:
    """Return the data on the device.

    On the CPU, the tensors share the memory of the arrays, which are never written. On a CUDA
    device, a worker keeps the tensors for its next trial on the same data.
    """
    if not device.startswith("cuda"):
        return _move(data, device)
    key = (data.fingerprint, device)
    if key not in _on_cuda:
        _on_cuda.clear()
        gc.collect()  # the data and its programs refer to each other
        _on_cuda[key] = _move(data, device)
    return _on_cuda[key]


def _move(data: TrainingData, device: str) -> ResidentData:
    return ResidentData(
        *_tensors(data.train, device), *_tensors(data.validation, device), Normaliser.of(data.normalisation, device)
    )


def _tensors(split: Split, device: str) -> tuple[Tensor, Tensor]:
    return as_tensor(split.images, device), as_tensor(split.labels, device)


def as_tensor(array: NDArray[np.uint8] | NDArray[np.int64], device: str) -> Tensor:
    """Move an array to the device; on the CPU, the tensor shares its memory and is read-only."""
    with warnings.catch_warnings():
        # Arrays from a shared object store are read-only, and torch has no read-only tensors.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)
