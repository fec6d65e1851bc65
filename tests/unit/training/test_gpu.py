"""Tests that need a CUDA device: captured graphs, seeds together, and failures of the device."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.records.trial import Phase
from harness.training import Settings, build_model, prepare, resident, train, train_together
from harness.training.execution import run_trial, run_trials

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

ARCHITECTURE_NAMES = ["simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp"]
PRECISIONS = ["fp32", "tf32", "bf16"]
SMALL = {"batch_size": 8, "epochs": 2}  # 400 images are 50 steps: a graph of many steps, and single steps
WRITTEN = "to compare"
TESTS = Path(__file__).parents[2]


def settings_of(precision: str, not_captured: str | None = None) -> Settings:
    return Settings("cuda", 1, precision, gpus=1.0, not_captured=not_captured)


def losses_alone(spec, data, settings) -> list[float]:
    model = build_model(spec, data.shape, 4)
    return [epoch.train_loss for epoch in train(model, spec, resident(data, "cuda"), settings)]


def losses_together(specs, data, settings) -> list[list[float]]:
    models = [build_model(spec, data.shape, 4) for spec in specs]
    on_device = resident(data, "cuda")
    program = prepare(models, specs, on_device, settings)
    return [[one.train_loss for one in epoch] for epoch in train_together(program, models, specs, on_device, settings)]


def assert_alike(ours: Sequence[float], theirs: Sequence[float], precision: str) -> None:
    """Check that mean losses agree to the rounding and atomic sums of fifty steps."""
    rounding = 0.05 if precision == "fp32" else 0.1
    assert ours == pytest.approx(theirs, rel=0, abs=rounding * theirs[0])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_captured_steps_give_the_losses_of_uncaptured_steps(architecture, precision, toy_data, make_spec) -> None:
    """The losses are the same with and without capture, also for later trials with that program."""
    for seed, rate in ((1, 0.003), (2, 0.001), (1, 0.003)):
        spec = make_spec(architecture, seed=seed, learning_rate=rate, augmentation="affine", **SMALL)
        ours = losses_alone(spec, toy_data, settings_of(precision))
        assert_alike(ours, losses_alone(spec, toy_data, settings_of(precision, WRITTEN)), precision)
    model = build_model(spec, toy_data.shape, 4)
    program = prepare([model], [spec], resident(toy_data, "cuda"), settings_of(precision))
    assert (program.captured, program.not_captured) == (True, None)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
@pytest.mark.parametrize("not_captured", [None, WRITTEN])
def test_seeds_trained_together_give_the_losses_of_single_ones(
    architecture, precision, not_captured, toy_data, make_spec
) -> None:
    """The losses of three seeds together agree with those of single trials to rounding."""
    settings = settings_of(precision, not_captured)
    specs = [make_spec(architecture, Phase.CONFIRM, seed=seed, **SMALL) for seed in (1, 2, 3)]
    epochs = losses_together(specs, toy_data, settings)
    for index, spec in enumerate(specs):
        assert_alike([epoch[index] for epoch in epochs], losses_alone(spec, toy_data, settings), precision)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_confirm_trials_are_captured_and_trained_together(
    architecture, precision, toy_data, toy_test, make_spec
) -> None:
    """The placement says so, and every trial has a high test accuracy."""
    specs = [make_spec(architecture, Phase.CONFIRM, seed=seed, epochs=4) for seed in (1, 2, 3)]
    rounds = list(run_trials(specs, toy_data, lambda: toy_test, settings_of(precision)))
    messages = [message for of_one in rounds for message in of_one]
    assert [message.failure for message in messages if message.failure] == []
    assert {
        (p.captured, p.not_captured, p.together, p.not_together, p.precision, p.gpus)
        for p in (message.started.placement for message in messages)
    } == {(True, None, 3, None, precision, 1.0)}
    accuracies = [message.outcome.test.accuracy for message in messages if message.outcome]
    assert len(accuracies) == 3
    assert min(accuracies) > 0.8


def test_a_gpu_gives_the_accuracy_of_a_cpu(toy_data, make_spec) -> None:
    """The data are on the GPU, and the validation accuracy is close to that on a CPU."""
    assert resident(toy_data, "cuda").train_images.is_cuda
    spec = make_spec("lenet5", epochs=4)
    model = build_model(spec, toy_data.shape, 4)
    on_cpu = list(train(model, spec, resident(toy_data, "cpu"), Settings("cpu", 1, "fp32")))
    model = build_model(spec, toy_data.shape, 4)
    on_gpu = list(train(model, spec, resident(toy_data, "cuda"), settings_of("fp32")))
    assert on_gpu[-1].validation_accuracy == pytest.approx(on_cpu[-1].validation_accuracy, abs=0.03)


def test_a_second_data_set_has_its_own_program(toy_data, make_spec) -> None:
    """Losses with a second data set equal those without capture, so its own images are read."""
    other = replace(toy_data, train=replace(toy_data.train, images=255 - toy_data.train.images), fingerprint="other")
    spec = make_spec("lenet5", **SMALL)
    for data in (toy_data, other, toy_data):
        ours = losses_alone(spec, data, settings_of("fp32"))
        torch.empty(2**26, device="cuda").fill_(float("nan"))  # reading freed memory would give this
        assert_alike(ours, losses_alone(spec, data, settings_of("fp32", WRITTEN)), "fp32")


def test_simultaneous_trials_of_the_same_shape_do_not_affect_each_other(toy_data, make_spec) -> None:
    """Two trials that alternate after each epoch give the same losses as each alone."""
    specs = [make_spec("mlp", seed=seed, **SMALL) for seed in (1, 2)]
    alone = [losses_alone(spec, toy_data, settings_of("fp32")) for spec in specs]
    data = resident(toy_data, "cuda")
    running = [train(build_model(spec, toy_data.shape, 4), spec, data, settings_of("fp32")) for spec in specs]
    in_turn = list(zip(*running, strict=True))
    for index, expected in enumerate(alone):
        assert_alike([epochs[index].train_loss for epochs in in_turn], expected, "fp32")


class Synchronising(nn.Module):
    """A model that reads a value from the device, which a graph cannot contain."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(144, 4)

    def forward(self, images):
        logits = self.linear(images.flatten(1))
        return logits * (1.0 if logits.sum().item() > -1e9 else 0.0)


def test_a_model_that_cannot_be_captured_is_trained_without_capture(toy_data, toy_test, make_spec, monkeypatch) -> None:
    """The placement has the reason, and the next trial of the process is captured."""
    with monkeypatch.context() as patch:
        patch.setattr("harness.training.execution.build_model", lambda *_: Synchronising())
        told = list(run_trial(make_spec("mlp", Phase.CONFIRM), toy_data, lambda: toy_test, settings_of("fp32")))
    assert [message.failure for message in told] == [None] * 3
    assert "synchroniz" in told[0].started.placement.not_captured
    after = list(run_trial(make_spec("lenet5", Phase.CONFIRM), toy_data, lambda: toy_test, settings_of("fp32")))
    assert after[-1].outcome is not None
    assert after[0].started.placement.captured


def test_a_trial_resumes_from_a_checkpoint_on_a_gpu(toy_data, toy_test, make_spec) -> None:
    """With and without capture, the losses equal those of the trial without an interruption."""
    from harness.training.execution import Checkpoints

    spec = make_spec("mlp", Phase.CONFIRM, epochs=3, optimizer="adam")
    for settings in (settings_of("fp32"), settings_of("fp32", WRITTEN)):
        whole = list(run_trial(spec, toy_data, lambda: toy_test, settings, Checkpoints(every_seconds=0.0)))
        again = list(run_trial(spec, toy_data, lambda: toy_test, settings, Checkpoints(begin_from=whole[0].checkpoint)))
        losses = [[m.epoch.train_loss for m in messages if m.epoch] for messages in (whole, again)]
        assert_alike(losses[1], losses[0], "fp32")


FAULT = """
import sys
import torch
from torch import nn
from conftest import CLASSES, SHAPE, striped_split
from harness.training import execution
from harness.data.dataset import Normalisation, SealedTest, TrainingData
from harness.errors import WorkerLostError
from harness.training import Settings
from harness.records.trial import Phase, TrialSpec
from architectures import BUILT_IN

data = TrainingData("stripes", CLASSES, SHAPE, striped_split(400, 1), striped_split(200, 2),
                    Normalisation((0.3,), (0.25,)), "stripes")
real, settings = execution.build_model, Settings("cuda", 1, "fp32", gpus=1.0)

def spec(seed):
    values = BUILT_IN["mlp"].hyperparameters(epochs=2, batch_size=32).model_dump()
    return TrialSpec(phase=Phase.CONFIRM, architecture="mlp", hyperparameters=values, seed=seed, dataset="stripes")

def told(seeds):
    messages = []
    try:
        specs = [spec(seed) for seed in seeds]
        for of_one in execution.run_trials(specs, data, lambda: SealedTest(striped_split(300, 3)), settings):
            messages += of_one
    except WorkerLostError as error:
        messages.append(error)
    for message in messages:
        if isinstance(message, WorkerLostError):
            print("lost", message)
        elif message.failure or message.outcome:
            print("failed" if message.failure else "done", (message.failure or "")[:60])

class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(144, 4)
    def forward(self, images):
        logits = self.inner(images.flatten(1))
        return FAULT_HERE
"""


def run_faulty(fault: str, script: str) -> list[str]:
    """Run a script in a new process, with this fault in the model, and return its output lines."""
    code = FAULT.replace("FAULT_HERE", fault) + script
    path = os.pathsep.join([str(TESTS), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_device_assert_fails_its_trial_and_the_worker_is_lost() -> None:
    """A single trial fails before the worker is lost. Trials trained together have no failure."""
    fault = "logits[:, torch.full((4,), 7 if self.training else 0, device=logits.device)]"
    lines = run_faulty(fault, "execution.build_model = lambda *_: Faulty()\ntold([1])")
    assert [line.split()[0] for line in lines] == ["failed", "lost"]
    lines = run_faulty(fault, "execution.build_model = lambda *_: Faulty()\ntold([1, 2])")
    assert [line.split()[0] for line in lines] == ["lost"]


def test_after_a_trial_without_enough_memory_the_next_one_is_trained() -> None:
    """Running out of memory fails only the trial that needed it."""
    fault = "logits + torch.zeros(2**50 if self.training else 1, device=logits.device)[0]"
    lines = run_faulty(
        fault, "execution.build_model = lambda *_: Faulty()\ntold([1])\nexecution.build_model = real\ntold([2])"
    )
    assert [line.split()[0] for line in lines] == ["failed", "done"]
    assert "OutOfMemoryError" in lines[0]
