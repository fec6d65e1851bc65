"""Training steps as CUDA graphs.

A graph is launched as a whole. Launching the roughly one hundred kernels of a step one by one takes
longer than running them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from harness.errors import WorkerLostError, describe
from harness.training.step import TrainingStep

_WARM_UP_STEPS = 3  # libraries choose and load their kernels in the first steps

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Captures a function that uses the same tensors in every call; returns a function to replay it."""


class CapturedSteps:
    """Training steps that run as two captured graphs: one of many steps and one of a single step.

    Args:
        step: Step to capture. A reference is kept, because the graphs read its tensors.
        batches: Example inputs for all steps of the longer graph, see `Steps`. This tensor becomes
            an input buffer of the graphs and is overwritten, as are the next two.
        draws: Example inputs for the same steps.
        rates: Example inputs for the same steps.
        capture: Function that captures a graph. Capturing may train the model on the examples.

    Raises:
        WorkerLostError: If a capture failed. After that, the generators and the allocator of the
            process are unusable (pytorch#180395).
    """

    def __init__(self, step: TrainingStep, batches: Tensor, draws: Tensor, rates: Tensor, capture: Capture) -> None:
        self._step = step
        self._batches, self._draws, self._rates = batches, draws, rates
        self._total = torch.zeros(batches.shape[1:-1], device=batches.device)
        self._many = len(rates)
        self._replays = {steps: capture(partial(self._run, steps)) for steps in (self._many, 1)}

    def _run(self, steps: int) -> None:
        inputs = (self._batches[:steps], self._draws[:steps], self._rates[:steps])
        for batch, drawn, rate in zip(*inputs, strict=True):
            self._total += self._step(batch, drawn, rate)

    def __call__(self, batches: Tensor, draws: Tensor, rates: Tensor) -> Tensor:
        """Run the steps, see `Steps`. The next call overwrites the returned tensor."""
        self._total.zero_()
        begin = 0
        while begin < len(rates):
            steps = self._many if len(rates) - begin >= self._many else 1
            part = slice(begin, begin + steps)
            self._batches[:steps].copy_(batches[part])
            self._draws[:steps].copy_(draws[part])
            self._rates[:steps].copy_(rates[part])
            self._replays[steps]()
            begin += steps
        return self._total


def warm_up(step: TrainingStep, batch: Tensor, draws: Tensor, rate: Tensor) -> None:
    """Run a few steps on a CUDA device, and check that they can be captured.

    A failed capture makes the process unusable, so the check comes first. A graph cannot wait for
    the device. So in the last step, torch raises an error at every wait for the device.

    Raises:
        RuntimeError: If the step waits for the device, or fails.
    """
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    aside.wait_stream(torch.cuda.current_stream())
    mode = torch.cuda.get_sync_debug_mode()
    try:
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP_STEPS - 1):
                step(batch, draws, rate)
            torch.cuda.set_sync_debug_mode("error")
            step(batch, draws, rate)
    finally:
        torch.cuda.set_sync_debug_mode(mode)
        torch.cuda.current_stream().wait_stream(aside)
    torch.cuda.synchronize()  # an assertion that failed in a kernel is reported here, before the capture


def graphs_of(step: TrainingStep) -> Capture:
    """Return a function that captures CUDA graphs of this warmed-up step, with shared memory."""
    pool = torch.cuda.graph_pool_handle()

    def capture(work: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        for generator in step.generators:
            graph.register_generator_state(generator)
        step.optimizer.zero_grad(set_to_none=True)
        try:
            with torch.cuda.graph(graph, pool=pool):
                work()
        except RuntimeError as error:
            raise WorkerLostError(f"a training step could not be captured as a CUDA graph: {describe(error)}") from None
        return graph.replay

    return capture
