"""Tests of saved models."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data import load_dataset
from harness.errors import RunFolderError
from harness.models.saved import SavedModel, matching_test
from harness.study import DatasetStudy


def test_a_model_is_evaluated_only_on_the_data_that_it_was_trained_on(tmp_path: Path) -> None:
    """Data with another fingerprint are refused, because their test split may be another one."""
    dataset = DatasetStudy(name="digits", validation_size=300)
    training = load_dataset(dataset, None).training
    saved = SavedModel(
        architecture="mlp",
        hyperparameters={},
        shape=(1, 8, 8),
        classes=training.classes,
        mean=(0.1,),
        std=(0.3,),
        dataset=dataset,
        fingerprint=training.fingerprint,
        seed=1,
        precision="fp32",
        threads=1,
        test_accuracy=0.5,
    )
    assert len(matching_test(tmp_path / "mlp.json", saved, None)) == 360
    with pytest.raises(RunFolderError, match="trained on data with fingerprint other"):
        matching_test(tmp_path / "mlp.json", saved.model_copy(update={"fingerprint": "other"}), None)
