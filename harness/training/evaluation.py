"""Evaluation on the test split, once per model, after the last epoch of a confirm trial."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from harness.data.dataset import Split
from harness.records.trial import TestResult
from harness.training.prediction import predict
from harness.training.resident import Normaliser, as_tensor
from harness.training.settings import Settings


def evaluate(
    model: nn.Module, split: Split, normaliser: Normaliser, settings: Settings
) -> tuple[TestResult, NDArray[np.float32]]:
    """Compute accuracy and mean cross-entropy on a split, and the probabilities (N, classes)."""
    logits = predict(model, as_tensor(split.images, settings.device), normaliser, settings)
    labels = as_tensor(split.labels, settings.device)
    probabilities = torch.softmax(logits, dim=1)
    correct = (probabilities.argmax(1) == labels).sum().item()
    result = TestResult(accuracy=correct / len(labels), loss=cross_entropy(logits, labels).item(), images=len(labels))
    return result, probabilities.cpu().numpy()
