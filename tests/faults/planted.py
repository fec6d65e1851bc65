"""Architectures with one fault each. They import torch in functions, as in the registry."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from architectures import Architecture, TrainingHyperparameters


class PlantedHyperparameters(TrainingHyperparameters):
    """The hyperparameters that every architecture has."""


def planted(build):
    """Create an architecture with this build function, under the name of the function."""
    return Architecture(
        name=build.__name__,
        title=build.__name__.replace("_", " "),
        summary="Planted for a test.",
        hyperparameters=PlantedHyperparameters,
        build=build,
        convolutional=False,
        reference="none",
    )


def linear(shape, classes):
    """Create a model without faults."""
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(shape.pixels, classes))


def counting(model, act):
    """Wrap a model so that it calls `act(n)` before its nth forward pass in training mode."""
    from torch import nn

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.passes = model, 0

        def forward(self, inputs):
            if self.training:
                self.passes += 1
                act(self.passes)
            return self.inner(inputs)

    return Counting()


@planted
def not_a_number(hyperparameters, shape, classes):
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = linear(shape, classes)

        def forward(self, inputs):
            return self.inner(inputs) * (float("nan") if self.training else 1.0)

    return Model()


@planted
def exploding(hyperparameters, shape, classes):
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = linear(shape, classes)

        def forward(self, inputs):
            return (self.inner(inputs) * 1e20) ** 3

    return Model()


@planted
def too_few_logits(hyperparameters, shape, classes):
    return linear(shape, classes - 3)


@planted
def too_many_logits(hyperparameters, shape, classes):
    return linear(shape, classes + 3)


@planted
def raises_in_build(hyperparameters, shape, classes):
    raise ZeroDivisionError("planted in build | <script>alert(1)</script>")


@planted
def raises_in_fifth_epoch(hyperparameters, shape, classes):
    def act(passes):
        if passes > 4 * int(os.environ["PLANTED_STEPS"]):
            raise ArithmeticError("planted in the fifth epoch")

    return counting(linear(shape, classes), act)


@planted
def allocates_too_much(hyperparameters, shape, classes):
    import torch

    def act(_):
        torch.empty(2**50)

    return counting(linear(shape, classes), act)


@planted
def exits(hyperparameters, shape, classes):
    raise SystemExit("planted exit")


@planted
def hangs_in_build(hyperparameters, shape, classes):
    while True:
        pass


@planted
def hangs_in_training(hyperparameters, shape, classes):
    """Hang in the first step. A file shows that the trial hangs."""

    def act(_):
        Path(os.environ["PLANTED_WITNESS"]).touch()
        while True:
            time.sleep(3600)

    return counting(linear(shape, classes), act)


@planted
def pauses(hyperparameters, shape, classes):
    """Pause at the start of the second epoch of every trial, until the test deletes a file."""

    def act(passes):
        witness = Path(os.environ["PLANTED_WITNESS"])
        if passes == int(os.environ["PLANTED_STEPS"]) + 1:
            witness.touch()
            while witness.exists():
                time.sleep(0.05)

    return counting(linear(shape, classes), act)


@planted
def breaks_its_device(hyperparameters, shape, classes):
    """Fail in the first step. After that, the process cannot train anything, as with CUDA."""

    def act(_):
        from harness.errors import WorkerLostError
        from harness.training import execution

        def recover(device):
            raise WorkerLostError("the GPU can no longer be used by this process")

        execution.recover = recover
        raise RuntimeError("device-side assert triggered")

    return counting(linear(shape, classes), act)


@planted
def wants_a_whole_device(hyperparameters, shape, classes):
    """Fail in a process in which `breaks_its_device` was trained."""
    from harness.training import execution, recover

    if execution.recover is not recover:
        raise RuntimeError("the device is broken")
    return linear(shape, classes)


@planted
def kills_its_worker(hyperparameters, shape, classes):
    return counting(linear(shape, classes), lambda _: os.kill(os.getpid(), signal.SIGKILL))


@planted
def kills_its_worker_once(hyperparameters, shape, classes):
    """Kill the first worker that reaches the second epoch. A file records that."""

    def act(passes):
        witness = Path(os.environ["PLANTED_WITNESS"])
        if passes > int(os.environ["PLANTED_STEPS"]) and not witness.exists():
            witness.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return counting(linear(shape, classes), act)


def in_second_worker(act):
    """Call `act()` in the second epoch of the second worker of a trial.

    A single worker never does.
    """
    from torch import distributed

    def act_there(passes):
        if passes > int(os.environ["PLANTED_STEPS"]) and distributed.is_initialized() and distributed.get_rank() == 1:
            act()

    return act_there


@planted
def raises_in_second_worker(hyperparameters, shape, classes):
    def act():
        raise ArithmeticError("planted in the second worker")

    return counting(linear(shape, classes), in_second_worker(act))


@planted
def dies_in_second_worker(hyperparameters, shape, classes):
    return counting(linear(shape, classes), in_second_worker(lambda: os._exit(1)))


@planted
def hangs_in_second_worker(hyperparameters, shape, classes):
    return counting(linear(shape, classes), in_second_worker(lambda: time.sleep(10**6)))


@planted
def eats_memory(hyperparameters, shape, classes):
    """Allocate and write 100 MB more in every pass."""
    kept = []
    return counting(linear(shape, classes), lambda _: (kept.append(bytearray(os.urandom(1) * 10**8)), time.sleep(0.2)))
