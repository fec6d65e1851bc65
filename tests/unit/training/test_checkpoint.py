"""Tests of checkpoints: a trial that resumes from one gives the same bits."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch

from harness.records.trial import Phase
from harness.training import CheckpointError, Settings, read_checkpoint
from harness.training.checkpoint import _like
from harness.training.execution import Checkpoints, run_trial

CPU = Settings("cpu", threads=1, precision="fp32")


def untimed(messages):
    timed = {"train_seconds", "validation_seconds"}
    return [m.epoch.model_dump(exclude=timed) for m in messages if m.epoch]


def run(spec, data, test, settings=CPU, **checkpoints):
    return list(run_trial(spec, data, lambda: test, settings, Checkpoints(**checkpoints)))


@pytest.mark.parametrize("architecture", ["advanced_mlp", "advanced_cnn", "lenet5"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_trial_that_resumes_from_a_checkpoint_gives_the_same_bits(
    architecture, optimizer, toy_data, toy_test, make_spec
) -> None:
    """Weights, probabilities and epochs equal those of the trial without an interruption."""
    changes = {"augmentation": "elastic", "weight_decay": 0.1} | ({"dropout": 0.3} if architecture != "lenet5" else {})
    spec = make_spec(architecture, Phase.CONFIRM, epochs=4, optimizer=optimizer, learning_rate=0.003, **changes)
    settings = Settings("cpu", threads=1, precision="bf16")
    whole = run(spec, toy_data, toy_test, settings, every_seconds=0.0)
    left = [message.checkpoint for message in whole if message.epoch]
    assert [checkpoint is not None for checkpoint in left] == [True, True, True, False]
    for checkpoint in left[:3]:
        again = run(spec, toy_data, toy_test, settings, begin_from=checkpoint)
        assert untimed(again) == untimed(whole)
        assert again[-1].outcome.weights == whole[-1].outcome.weights
        assert again[-1].outcome.probabilities.tobytes() == whole[-1].outcome.probabilities.tobytes()


def test_epochs_of_a_checkpoint_are_reported_but_not_trained_again(toy_data, toy_test, make_spec) -> None:
    """Epochs of the checkpoint keep their seconds exactly. Later epochs have new ones."""
    spec = make_spec(epochs=3)
    whole = run(spec, toy_data, toy_test, every_seconds=0.0)
    again = run(spec, toy_data, toy_test, begin_from=whole[1].checkpoint)
    assert [m.epoch for m in again[:2]] == [m.epoch for m in whole[:2]]
    assert again[2].epoch.train_seconds != whole[2].epoch.train_seconds


def test_checkpoints_have_the_interval_of_the_study(toy_data, toy_test, make_spec) -> None:
    """There is no checkpoint if epochs are shorter than the interval, or without an interval."""
    for checkpoints in ({"every_seconds": 3600.0}, {}):
        messages = run(make_spec(epochs=3), toy_data, toy_test, **checkpoints)
        assert [message.checkpoint for message in messages] == [None] * 3


def test_a_damaged_or_foreign_checkpoint_is_ignored(toy_data, toy_test, make_spec) -> None:
    """The trial starts from the beginning and gives its usual results."""
    spec = make_spec(epochs=2)
    whole = run(spec, toy_data, toy_test, every_seconds=0.0)
    good = whole[0].checkpoint
    foreign = run(make_spec(epochs=2, seed=1), toy_data, toy_test, every_seconds=0.0)[0].checkpoint
    tensors = safetensors.torch.load(good)
    other_shape = safetensors.torch.save(
        {name: torch.zeros(2) for name in tensors},
        metadata={"trial_id": spec.trial_id, "epochs": f"[{whole[0].epoch.model_dump_json()}]"},
    )
    for bad in (b"", b"\x00" * 8, good[: len(good) // 2], good[:200] + b"x" * 40, foreign, other_shape):
        messages = run(spec, toy_data, toy_test, begin_from=bad)
        assert untimed(messages) == untimed(whole)


def test_an_invalid_checkpoint_is_an_error_with_its_reason(toy_data, toy_test, make_spec) -> None:
    """Another trial, damaged data, and epochs that do not start at 1 have different errors."""
    spec = make_spec(epochs=3)
    second = run(spec, toy_data, toy_test, every_seconds=0.0)[1]
    assert len(read_checkpoint(second.checkpoint, spec.trial_id).epochs) == 2
    with pytest.raises(CheckpointError, match=f"belongs to trial {spec.trial_id}"):
        read_checkpoint(second.checkpoint, "0" * 12)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(b"PK", spec.trial_id)
    later = safetensors.torch.save(
        {"x": torch.zeros(1)},
        metadata={"trial_id": spec.trial_id, "epochs": f"[{second.epoch.model_dump_json()}]"},
    )
    with pytest.raises(CheckpointError, match="not consecutive from 1"):
        read_checkpoint(later, spec.trial_id)


def test_optimizer_state_is_restored_to_the_device_of_its_parameter() -> None:
    """The step count is restored to the device too, because a fused optimizer reads it there."""
    parameter = torch.empty(3, 2, device="meta")
    assert _like(parameter, torch.tensor(4.0)).device == parameter.device
    assert _like(parameter, torch.ones(3, 2)).device == parameter.device
    count = torch.tensor(4.0)
    assert _like(torch.empty(3), count).data_ptr() != count.data_ptr()
