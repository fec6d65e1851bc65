"""Tests of one trial from start to end, without Ray."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from architectures import BUILT_IN, Registry
from harness.data.dataset import SealedTest, Split
from harness.errors import WorkerLostError
from harness.records.trial import Phase
from harness.training import Settings, build_model
from harness.training.dropout import shape_masks
from harness.training.execution import Checkpoints, run_trial, run_trials, summary_of

CPU = Settings("cpu", threads=1, precision="fp32")


def forbidden() -> SealedTest:
    raise AssertionError("the test split was fetched")


def test_a_search_trial_never_fetches_the_test_split(toy_data, make_spec) -> None:
    """A search trial works without a test split."""
    messages = list(run_trial(make_spec(), toy_data, forbidden, CPU))
    assert [message.epoch.epoch for message in messages] == [1, 2]
    assert all(message.failure is None and message.outcome is None for message in messages)


def test_a_confirm_trial_opens_the_test_split_once_after_its_last_epoch(toy_data, toy_test, make_spec) -> None:
    """The test split is opened once, after the last epoch."""
    events: list[str] = []

    class Spy(SealedTest):
        def open(self, phase: Phase):
            events.append(f"opened in {phase.value}")
            return toy_test.open(phase)

    messages = run_trial(make_spec(phase=Phase.CONFIRM), toy_data, lambda: Spy(None), CPU)
    events.extend("epoch" if message.epoch else "outcome" for message in messages)
    assert events == ["epoch", "epoch", "opened in confirm", "outcome"]


def test_the_outcome_is_consistent_with_the_saved_model(toy_data, toy_test, make_spec) -> None:
    """Probabilities, accuracy and weights of the outcome belong to the same model."""
    spec = make_spec("advanced_cnn", Phase.CONFIRM)
    *_, last = run_trial(spec, toy_data, lambda: toy_test, CPU)
    outcome, split = last.outcome, toy_test.open(Phase.CONFIRM)
    assert outcome.probabilities.shape == (300, 4)
    np.testing.assert_allclose(outcome.probabilities.sum(1), 1, atol=1e-5)
    assert outcome.test.accuracy == (outcome.probabilities.argmax(1) == split.labels).mean()
    hyperparameters = BUILT_IN["advanced_cnn"].hyperparameters.model_validate(spec.hyperparameters)
    model = BUILT_IN["advanced_cnn"].build(hyperparameters, toy_data.shape, 4)
    model.load_state_dict(safetensors.torch.load(outcome.weights))
    with torch.inference_mode():
        inputs = (torch.from_numpy(split.images) / 255 - 0.3) / 0.25
        again = torch.softmax(model.eval()(inputs), 1).numpy()
    np.testing.assert_allclose(again, outcome.probabilities, atol=1e-3)


def test_images_in_files_give_the_same_results_as_images_in_memory(toy_data, make_spec, tmp_path) -> None:
    """Memory-mapped images give exactly the same losses."""

    def mapped(split: Split, name: str) -> Split:
        np.save(tmp_path / name, split.images)
        return Split(np.load(tmp_path / f"{name}.npy", mmap_mode="r"), split.labels)

    in_files = replace(
        toy_data, train=mapped(toy_data.train, "train"), validation=mapped(toy_data.validation, "validation")
    )
    assert in_files.train.mapped is not None
    epochs = [
        [
            (message.epoch.train_loss, message.epoch.validation_loss)
            for message in run_trial(make_spec(), data, forbidden, CPU)
        ]
        for data in (toy_data, in_files)
    ]
    assert epochs[0] == epochs[1]


def building(name: str, build: Callable[..., Any]) -> Registry:
    """Return the registry with another build function for this architecture."""
    return Registry(dict(BUILT_IN) | {name: replace(BUILT_IN[name], build=build)})


class LooksAtTheLayout(torch.nn.Module):
    """A model that depends on the memory layout, as in tutorials of PyTorch."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.convolution, self.head = torch.nn.Conv2d(shape.channels, 4, 3), torch.nn.Linear(400, classes)

    def forward(self, images):
        return self.head(torch.relu(self.convolution(images)).view(-1, 400))


def test_a_model_that_needs_contiguous_memory_is_trained_with_it(toy_data, toy_test, make_spec) -> None:
    """A model whose `view` fails with channels-last memory is trained and tested without it."""
    registry = building("lenet5", LooksAtTheLayout)
    *_, last = run_trial(make_spec("lenet5", Phase.CONFIRM), toy_data, lambda: toy_test, CPU, registry=registry)
    assert last.failure is None
    assert last.outcome.test.accuracy > 0.3


class HasOneLayerUnderTwoNames(torch.nn.Module):
    """A model with one layer under two names."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.head = torch.nn.Linear(shape.pixels, classes)
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), self.head)

    def forward(self, images):
        return self.layers(images)


def test_weights_with_two_names_are_saved_under_both(toy_data, toy_test, make_spec) -> None:
    """Shared weights can be saved in the outcome and in checkpoints."""
    registry = building("mlp", HasOneLayerUnderTwoNames)
    spec = make_spec("mlp", Phase.CONFIRM)
    *epochs, last = run_trial(spec, toy_data, lambda: toy_test, CPU, Checkpoints(every_seconds=0.0), registry)
    assert last.failure is None
    assert epochs[0].checkpoint is not None
    saved = safetensors.torch.load(last.outcome.weights)
    assert torch.equal(saved["head.weight"], saved["layers.1.weight"])


class DropsInTrainingOnly(torch.nn.Module):
    """A model whose dropout is not called in evaluation mode."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.head, self.dropout = torch.nn.Linear(shape.pixels, classes), torch.nn.Dropout(0.5)

    def forward(self, images):
        images = images.flatten(1)
        return self.head(self.dropout(images) if self.training else images)


def test_a_dropout_used_only_in_training_drops_single_units(make_spec, toy_data) -> None:
    """The mask has the shape of the units, so that not all of them are dropped together."""
    model = build_model(make_spec("mlp"), toy_data.shape, 4, building("mlp", DropsInTrainingOnly))
    shape_masks(model, torch.ones(8, 1, 12, 12))
    kept = model.train().dropout(torch.ones(64, 144)) > 0
    assert 0.4 < kept.float().mean() < 0.6


class UsesOneDropoutTwice(torch.nn.Module):
    """A model that applies one dropout layer twice, to different shapes."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.hidden, self.head = torch.nn.Linear(shape.pixels, 32), torch.nn.Linear(32, classes)
        self.dropout = torch.nn.Dropout(0.4)

    def forward(self, images):
        return self.head(self.dropout(torch.relu(self.hidden(self.dropout(images.flatten(1))))))


def test_a_dropout_layer_can_be_used_twice(toy_data, make_spec) -> None:
    """The losses repeat exactly, and differ from those without dropout."""

    def losses(rate: float) -> list[float]:
        def build(*arguments: object) -> torch.nn.Module:
            model = UsesOneDropoutTwice(*arguments)
            model.dropout.p = rate
            return model

        messages = list(run_trial(make_spec("mlp"), toy_data, forbidden, CPU, registry=building("mlp", build)))
        assert all(message.failure is None for message in messages)
        return [message.epoch.train_loss for message in messages]

    first = losses(0.4)
    torch.rand(7)  # other random numbers of the process
    assert losses(0.4) == first
    assert losses(0.0) != first


def test_a_diverged_trial_fails_with_its_reason(toy_data, make_spec) -> None:
    """A diverged trial has a failure with its reason, and raises no exception."""
    spec = make_spec("mlp", optimizer="sgd", learning_rate=100.0, schedule="constant", epochs=3)
    *_, last = run_trial(spec, toy_data, forbidden, CPU)
    assert last.failure.startswith("diverged: the training loss was")
    assert last.started is not None


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda *_: (_ for _ in ()).throw(RuntimeError("no such\nlayer")), "RuntimeError: no such layer"),
        (lambda *_: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 3)), "RuntimeError: "),
        (lambda *_: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 2)), "Error: "),
        (lambda *_: None, "AttributeError: "),
    ],
)
def test_an_error_of_an_architecture_fails_its_trial(build, said, toy_data, make_spec) -> None:
    """An architecture that raises or returns a wrong shape gives a failure of one line."""
    spec = make_spec("mlp")
    *_, last = run_trial(spec, toy_data, forbidden, CPU, registry=building("mlp", build))
    assert said in last.failure
    assert "\n" not in last.failure


def test_summary_counts_parameters_multiply_adds_and_bytes(toy_data, make_spec) -> None:
    """The numbers of an MLP are those of its layers.

    A model that cannot be built has no summary.
    """
    summary = summary_of(make_spec("mlp", hidden_layers=1, units=16), toy_data.shape, 4)
    assert summary.macs == 144 * 16 + 16 * 4
    assert summary.parameters == summary.macs + 16 + 4
    assert summary.bytes == 4 * summary.parameters
    broken = building("mlp", lambda *_: None)
    assert summary_of(make_spec("mlp"), toy_data.shape, 4, broken) is None


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (lambda n: torch.nn.Linear(144, n - 1), r"\(B, 4\); for 2 images it returned torch.float32 of shape \(2, 3\)"),
        (lambda n: torch.nn.Linear(144, n + 1), r"of shape \(2, 5\)"),
        (lambda n: torch.nn.Unflatten(1, (12, 12)), r"of shape \(2, 12, 12\)"),
        (lambda n: torch.nn.LSTM(144, n), "it returned tuple"),
    ],
)  # fmt: skip
def test_a_model_with_wrong_outputs_is_refused(outputs, said, toy_data, make_spec) -> None:
    """A model must return one logit per class.

    More outputs could be trained, but are meaningless.
    """
    planted = building("mlp", lambda h, shape, classes: torch.nn.Sequential(torch.nn.Flatten(), outputs(classes)))
    [message] = run_trial(make_spec(), toy_data, forbidden, CPU, registry=planted)
    assert re.search(said, message.failure)


@pytest.fixture
def lost_device(monkeypatch):
    """A device that cannot be used after a trial has failed."""

    def recover(device: str) -> None:
        raise WorkerLostError("the GPU can no longer be used by this process")

    monkeypatch.setattr("harness.training.execution.recover", recover)


def told_before_the_worker_is_lost(stream) -> list:
    """Return what a stream yields before it ends with `WorkerLostError`."""
    told = []
    try:
        told.extend(stream)  # keeps everything before the exception
    except WorkerLostError:
        return told
    raise AssertionError("the worker is not lost")


def failing(at_epoch: int, only_together: bool):
    """Return a `train_together` with an assertion that fails on the device in this epoch."""
    from harness.training import execution

    real = execution.train_together

    def train(program, models, *rest):
        epochs = real(program, models, *rest)
        for number, results in enumerate(epochs, start=1):
            if number == at_epoch and (len(models) > 1 or not only_together):
                raise RuntimeError("CUDA error: device-side assert triggered")
            yield results

    return train


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_trial_that_breaks_the_device_fails_before_its_worker_is_lost(
    epoch, toy_data, toy_test, make_spec, monkeypatch, lost_device
) -> None:
    """The failure of the trial is reported before the worker is lost."""
    monkeypatch.setattr("harness.training.execution.train_together", failing(epoch, only_together=False))
    told = told_before_the_worker_is_lost(run_trial(make_spec("mlp", Phase.CONFIRM), toy_data, lambda: toy_test, CPU))
    assert [message.failure for message in told[:-1]] == [None] * (epoch - 1)
    assert told[-1].failure == "RuntimeError: CUDA error: device-side assert triggered"


def test_trials_that_break_the_device_together_are_retried_by_another_worker(
    toy_data, toy_test, make_spec, monkeypatch, lost_device
) -> None:
    """In the first epoch no trial is reported as failed. Another worker trains them alone."""
    monkeypatch.setattr("harness.training.execution.train_together", failing(1, only_together=True))
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    with pytest.raises(WorkerLostError):
        next(run_trials(specs, toy_data, lambda: toy_test, CPU))


def test_trials_that_fail_together_in_a_later_epoch_are_retried_alone(
    toy_data, toy_test, make_spec, monkeypatch
) -> None:
    """No trial is reported as failed. The worker is lost, so that each trial is retried."""
    monkeypatch.setattr("harness.training.execution.train_together", failing(2, only_together=True))
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    [told] = told_before_the_worker_is_lost(run_trials(specs, toy_data, lambda: toy_test, CPU))
    assert [(message.epoch.epoch, message.failure) for message in told] == [(1, None), (1, None)]


def test_memory_of_a_shared_program_is_freed_before_single_trials(toy_data, toy_test, make_spec, monkeypatch) -> None:
    """The program and models of all seeds are deleted before the first single trial is built."""
    from harness.training import execution

    real_prepare, programs, alive = execution.prepare, [], []

    def prepare(models, *rest):
        alive.append(sum(program() is not None for program in programs))
        program = real_prepare(models, *rest)
        if len(models) > 1:
            programs.append(weakref.ref(program.model))
        return program

    monkeypatch.setattr(execution, "prepare", prepare)
    monkeypatch.setattr(execution, "train_together", failing(1, only_together=True))
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    messages = [m for messages in run_trials(specs, toy_data, lambda: toy_test, CPU) for m in messages]
    assert alive == [0, 0, 0]
    assert len(programs) == 1
    assert {message.started.placement.not_together for message in messages} == {
        "RuntimeError: CUDA error: device-side assert triggered"
    }
    assert [m.trial_id for m in messages if m.outcome] == [spec.trial_id for spec in specs]
