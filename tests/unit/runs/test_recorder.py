"""Tests of the recorder: predictions are kept if the selection changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.records.messages import Outcome
from harness.records.trial import Phase, Placement, TestResult
from harness.runs.files import trial_of
from harness.runs.journal import Journal, read_journal
from harness.runs.paths import RunFolder
from harness.runs.recorder import Recorder, has_predictions, predictions_path, settle_predictions
from harness.study import parse_study

STUDY = parse_study({"name": "s", "architectures": {"mlp": {}}}, "test")
PLACEMENT = Placement(node="n", device="cpu", threads=1, precision="fp32")


@pytest.fixture
def kept(tmp_path: Path, toy_data, toy_test, make_spec, make_record):
    """A run folder, a function that records a confirm trial, and the selected configurations."""
    folder = RunFolder.create(tmp_path / "run")
    selected = {}

    def keep(rate: float, selected_rate: float):
        selected["mlp"] = make_record(make_spec(learning_rate=selected_rate))
        spec = make_spec(phase=Phase.CONFIRM, seed=1, learning_rate=rate)
        test = TestResult(accuracy=0.5, loss=1.0, images=300)
        record = make_record(spec, placement=PLACEMENT, test=test)
        probabilities = np.full((300, 4), rate, dtype=np.float32)
        with Journal(folder.journal) as journal:
            recorder = Recorder(folder, journal, STUDY, toy_data, toy_test, selected.get)
            recorder.keep_checkpoint(spec.trial_id, b"checkpoint")
            assert recorder.checkpoint(spec) == b"checkpoint"
            recorder.keep(record, Outcome(test, probabilities, b"weights"))
            assert recorder.checkpoint(spec) is None
        return record

    return folder, keep, selected


def rate_in(path: Path) -> float:
    with np.load(path) as file:
        return round(float(file["probabilities"][0, 0]), 3)


def test_predictions_are_kept_if_the_selection_changes(kept) -> None:
    """If the selection changes and changes back, every file is kept and is in its place."""
    folder, keep, selected = kept
    default = keep(rate=0.01, selected_rate=0.01)
    winner = keep(rate=0.02, selected_rate=0.02)
    assert rate_in(folder.predictions("mlp", 1)) == 0.02
    assert has_predictions(folder, default)
    assert has_predictions(folder, winner)
    settle_predictions(folder, [default, winner], selected.get)
    assert trial_of(folder.predictions("mlp", 1)) == winner.trial_id
    assert trial_of(folder.default_predictions("mlp", 1)) == default.trial_id
    selected["mlp"] = default
    settle_predictions(folder, [default, winner], selected.get)
    assert trial_of(predictions_path(folder, default, default)) == default.trial_id
    assert trial_of(predictions_path(folder, winner, default)) == winner.trial_id
    assert (rate_in(folder.predictions("mlp", 1)), rate_in(folder.default_predictions("mlp", 1))) == (0.01, 0.02)


def test_a_record_without_its_predictions_is_detected(kept) -> None:
    """A record has no predictions if their file is missing or damaged."""
    folder, keep, _ = kept
    record = keep(rate=0.01, selected_rate=0.01)
    path = folder.predictions("mlp", 1)
    content = path.read_bytes()
    path.write_bytes(content[:100])
    assert not has_predictions(folder, record)
    path.unlink()
    assert not has_predictions(folder, record)
    path.write_bytes(content)
    assert has_predictions(folder, record)
    assert read_journal(folder.journal) == (record,)
