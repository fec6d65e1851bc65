"""The training engine: runs trials in pure PyTorch, without Ray and without files.

This package may import the types of data, the records and the architectures.
"""

from harness.training.checkpoint import CheckpointError, read_checkpoint, restore, save_checkpoint
from harness.training.data_parallel import Group
from harness.training.device import recover
from harness.training.engine import TrainingDivergedError, prepare, train, train_together
from harness.training.model import build_model, summarise
from harness.training.prediction import predict
from harness.training.resident import ResidentData, resident
from harness.training.settings import Settings, resolve_settings

__all__ = [
    "CheckpointError",
    "Group",
    "ResidentData",
    "Settings",
    "TrainingDivergedError",
    "build_model",
    "predict",
    "prepare",
    "read_checkpoint",
    "recover",
    "resident",
    "resolve_settings",
    "restore",
    "save_checkpoint",
    "summarise",
    "train",
    "train_together",
]
