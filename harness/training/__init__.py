"""The training engine: one trial in pure PyTorch, with no Ray, no files and no orchestrator's clock."""

from harness.training.engine import ResidentData, TrainingDivergedError, predict, resident, train
from harness.training.model import build_model, summarise
from harness.training.settings import Settings, resolve_settings

__all__ = [
    "ResidentData",
    "Settings",
    "TrainingDivergedError",
    "build_model",
    "predict",
    "resident",
    "resolve_settings",
    "summarise",
    "train",
]
