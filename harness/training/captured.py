"""Steps as CUDA graphs.

A graph is launched as a whole. Launching the hundred kernels of a step one by one takes longer than running them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from harness.errors import WorkerLostError, describe
from harness.training.step import TrainingStep

_WARM_UP_STEPS = 3  # libraries choose and load their kernels in the first ones

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes work for the device, which reads and writes the same tensors each time; gives what does that work again."""


class CapturedSteps:
    """Steps of which each is a part of a captured graph: one graph of many steps, and one of a single step.

    Args:
        step: what is captured; it is kept, since the graphs read its tensors.
        batches: examples for all steps of the longer graph, see `Steps`; they are overwritten, as are the others.
        draws: likewise.
        rates: likewise.
        capture: what makes a graph; making one may train the model on the examples.

    Raises:
        WorkerLostError: a capture failed; its generators and its allocator stay unusable (pytorch#180395).
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
        """Run the steps, see `Steps`. The sum is overwritten by the next call."""
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
    """Make a few steps on a CUDA device, and find out whether they can be captured.

    A capture must not fail, since the process is lost then. So the last step runs with every wait for the device
    forbidden, which is what a graph cannot do.

    Raises:
        RuntimeError: the step asks something back from the device, or fails.
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
    torch.cuda.synchronize()  # an assertion that failed in a kernel is the step's failure, and not the capture's


def graphs_of(step: TrainingStep) -> Capture:
    """What captures work of this step, warmed up, as CUDA graphs; they share their memory."""
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
