"""Tests of captured steps. The replacement for a CUDA graph repeats its work when launched."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from architectures import InputShape
from harness.errors import WorkerLostError
from harness.records.trial import Phase
from harness.training import Settings, build_model, prepare, resident, train_together
from harness.training import program as programs
from harness.training.execution import run_trial, run_trials

CPU = Settings("cpu", threads=1, precision="fp32")
ARCHITECTURE_NAMES = ["simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp"]
SMALL = {"batch_size": 8, "epochs": 2}  # 400 images are 50 steps: some in a graph of many, the others one by one


@pytest.fixture
def captured(monkeypatch):
    """List of the work that the replacement has captured, two graphs per program."""
    works = []

    def graphs_of(step):
        def capture(work):
            works.append(work)
            return work

        return capture

    def warm_up(step, *example):
        for _ in range(3):
            step(*example)

    monkeypatch.setattr(programs, "captures", lambda settings: settings.not_captured is None)
    monkeypatch.setattr(programs, "warm_up", warm_up)
    monkeypatch.setattr(programs, "graphs_of", graphs_of)
    return works


@pytest.fixture
def on_device(toy_data, monkeypatch):
    """The data as a worker with a GPU keeps them between trials."""
    data = resident(toy_data, "cpu")
    monkeypatch.setattr("harness.training.execution.resident", lambda *_: data)
    return data


def begin(specs, data, settings=CPU):
    """Create models, their program and a generator that trains one epoch at a time."""
    shape = InputShape(*data.train_images.shape[1:])
    models = [build_model(spec, shape, 4) for spec in specs]
    program = prepare(models, specs, data, settings)
    return models, program, train_together(program, models, specs, data, settings)


def losses_and_weights(models, epochs):
    found = [[(epoch.train_loss, epoch.validation_loss) for epoch in results] for results in epochs]
    return found, [value.clone() for model in models for value in model.state_dict().values()]


def train_all(specs, data, settings=CPU):
    models, _, epochs = begin(specs, data, settings)
    return losses_and_weights(models, epochs)


def as_written(specs, data):
    return train_all(specs, data, replace(CPU, not_captured="to compare"))


def assert_equal(ours, theirs):
    """Check that all losses and all bits of the weights are equal."""
    assert ours[0] == theirs[0]
    assert all(torch.equal(a, b) for a, b in zip(ours[1], theirs[1], strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
@pytest.mark.parametrize("seeds", [1, 3])
def test_trials_with_the_same_captured_program_do_not_affect_each_other(
    architecture, seeds, on_device, make_spec, captured
) -> None:
    """An earlier trial changes no bit of a later trial with the same program."""
    trials = [
        [
            make_spec(architecture, Phase.CONFIRM, seed=seed, learning_rate=rate, augmentation="shift", **SMALL)
            for seed in range(1, seeds + 1)
        ]
        for rate in (0.003, 0.001, 0.003)
    ]
    expected = [as_written(specs, on_device) for specs in trials]
    assert captured == []
    for specs, of_one in zip(trials, expected, strict=True):
        assert_equal(train_all(specs, on_device), of_one)
    assert len(captured) == 2


def test_an_epoch_needs_as_few_launches_as_possible(on_device, make_spec, monkeypatch, captured) -> None:
    """Steps are launched 32 at a time, and the rest of an epoch one by one."""
    launched = []
    monkeypatch.setattr(programs, "graphs_of", lambda step: lambda work: lambda: launched.append(work.args[0]))
    train_all([make_spec("mlp", batch_size=4, epochs=2)], on_device)  # 100 steps
    assert launched == ([programs.STEPS] * 3 + [1] * 4) * 2


def test_simultaneous_trials_of_the_same_shape_have_separate_weights(on_device, make_spec, captured) -> None:
    """Training another trial between two epochs does not change the result of a trial."""
    specs = [[make_spec("lenet5", seed=seed, **SMALL)] for seed in (1, 2)]
    expected = [as_written(of_one, on_device) for of_one in specs]
    running = [begin(of_one, on_device) for of_one in specs]
    epochs = list(zip(*(epochs for _, _, epochs in running), strict=True))
    for index, (models, _, _) in enumerate(running):
        assert_equal(losses_and_weights(models, [of_both[index] for of_both in epochs]), expected[index])


def test_programs_are_deleted_with_their_data(toy_data, make_spec, captured) -> None:
    """Another data set has another program, and the first program is deleted with its data."""
    spec = make_spec("mlp", **SMALL)
    other = replace(toy_data, train=replace(toy_data.train, images=255 - toy_data.train.images), fingerprint="other")
    first = resident(toy_data, "cpu")
    train_all([spec], first)
    [program] = first.programs.values()
    gone = weakref.ref(program)
    del first, program
    captured.clear()
    second = resident(other, "cpu")
    assert_equal(train_all([spec], second), as_written([spec], resident(other, "cpu")))
    captured.clear()
    gc.collect()
    assert gone() is None


def test_the_program_of_a_stopped_trial_is_reused_but_not_of_a_failed_one(on_device, make_spec, captured) -> None:
    """The program can be reused after a trial was stopped, but not after an exception."""
    spec = make_spec("mlp", **SMALL)
    _, _, epochs = begin([spec], on_device)
    next(epochs)
    assert not on_device.programs
    epochs.close()
    assert len(on_device.programs) == 1
    _, _, epochs = begin([spec], on_device)
    next(epochs)
    with pytest.raises(ZeroDivisionError):
        epochs.throw(ZeroDivisionError())
    assert not on_device.programs


def test_steps_that_cannot_be_captured_run_without_capture(
    on_device, toy_data, toy_test, make_spec, captured, monkeypatch
) -> None:
    """The trial is trained with its own weights, and its messages have the reason."""

    def refuse(step, *example):
        step(*example)
        raise RuntimeError("called a synchronizing CUDA operation")

    monkeypatch.setattr(programs, "warm_up", refuse)
    spec = make_spec("lenet5", **SMALL)
    assert_equal(train_all([spec], on_device), as_written([spec], on_device))
    first = next(iter(run_trial(spec, toy_data, lambda: toy_test, CPU)))
    assert not first.started.placement.captured
    assert first.started.placement.not_captured == "RuntimeError: called a synchronizing CUDA operation"
    assert captured == []


def test_a_failed_capture_ends_the_worker_but_not_the_trial(
    on_device, toy_data, toy_test, make_spec, captured, monkeypatch
) -> None:
    """The process cannot be used after a failed capture.

    The trial has no failure and is retried.
    """

    def fail(step):
        def capture(work):
            raise WorkerLostError("a training step could not be captured as a CUDA graph")

        return capture

    monkeypatch.setattr(programs, "graphs_of", fail)
    for seeds in (1, 2):
        specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in range(seeds)]
        with pytest.raises(WorkerLostError):
            list(run_trials(specs, toy_data, lambda: toy_test, CPU))


def test_trials_that_do_not_fit_together_are_captured_alone(
    on_device, toy_data, toy_test, make_spec, captured, monkeypatch
) -> None:
    """If memory runs out in the warm-up of all seeds, each is captured alone, with the reason."""
    real = programs.warm_up

    def warm_up(step, batch, *rest):
        if batch.ndim > 1:
            raise torch.OutOfMemoryError("tried to allocate 3 GiB")
        real(step, batch, *rest)

    monkeypatch.setattr(programs, "warm_up", warm_up)
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    messages = [m for messages in run_trials(specs, toy_data, lambda: toy_test, CPU) for m in messages]
    assert [m.trial_id for m in messages if m.outcome] == [spec.trial_id for spec in specs]
    placements = {message.started.placement for message in messages}
    assert [(p.captured, p.together, p.not_together) for p in placements] == [
        (True, 1, "OutOfMemoryError: tried to allocate 3 GiB")
    ]
    assert len(captured) == 2  # the second seed uses the program of the first
