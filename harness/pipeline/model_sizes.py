"""Sizes of the models of the search trials, counted before the first trial."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from architectures import InputShape
from harness.data import LoadedDataset
from harness.pipeline.interruption import (
    end_side_processes,
    side_process,
)
from harness.records.trial import ModelSummary, TrialSpec, flat_json

_BUILD_SECONDS = 60.0  # for building models, without memory for their weights


_IMPORT_SECONDS = 15.0  # for a process to start and to import torch, on a machine that does other things too


_BUILD_SECONDS_EACH = 0.1


def summarise_models(search: Sequence[TrialSpec], shape: InputShape, classes: int) -> list[ModelSummary | None]:
    """Sizes of the models of the search trials; imports torch."""
    from harness.training.execution import summaries_of

    return summaries_of(search, shape, classes)


def model_sizes(
    waiting: Future[list[ModelSummary | None]],
    search: Sequence[TrialSpec],
    loaded: LoadedDataset,
    trial_timeout: float,
    interrupted: threading.Event,
) -> list[ModelSummary | None]:
    """Sizes of the models of the search trials; None for those that cannot be built in a reasonable time.

    An architecture that never returns from `build`, or brings the process down, costs its own sizes only:
    its trials will say what is wrong with it.

    Raises:
        KeyboardInterrupt: the user would not wait.
    """
    limit = min(_BUILD_SECONDS, _IMPORT_SECONDS + trial_timeout)
    found = answer_of(waiting, limit + _BUILD_SECONDS_EACH * len(search), interrupted)
    if found is not None:
        return found
    end_side_processes()
    sizes: dict[str, ModelSummary | None] = {}
    for name in dict.fromkeys(spec.architecture for spec in search):
        specs = [spec for spec in search if spec.architecture == name]
        with contextlib.suppress(TimeoutError), side_process() as beside:
            again = beside.submit(summarise_models, specs, loaded.training.shape, len(loaded.training.classes))
            of_one = answer_of(again, limit + _BUILD_SECONDS_EACH * len(specs), interrupted)
            if of_one is None:
                raise TimeoutError  # leaving the block in peace would wait for it
            sizes |= {spec.trial_id: size for spec, size in zip(specs, of_one, strict=True)}
    return [sizes.get(spec.trial_id) for spec in search]


def answer_of(
    waiting: Future[list[ModelSummary | None]], limit: float, interrupted: threading.Event
) -> list[ModelSummary | None] | None:
    """The answer of a side process; None when it dies, or does not answer within so many seconds."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if interrupted.is_set():
            raise KeyboardInterrupt
        try:
            return waiting.result(timeout=0.1)
        except TimeoutError:
            pass
        except BrokenProcessPool:
            return None
    return None


def by_configuration(
    search: Sequence[TrialSpec], summaries: Sequence[ModelSummary | None]
) -> Callable[[TrialSpec], ModelSummary | None]:
    """Size of the model of a trial, in whichever phase, from those of the search trials."""

    def key(spec: TrialSpec) -> tuple[str, str]:
        return spec.architecture, flat_json(spec.hyperparameters)

    of = {key(spec): summary for spec, summary in zip(search, summaries, strict=True)}
    return lambda spec: of[key(spec)]


def cost_by(summary_of: Callable[[TrialSpec], ModelSummary | None]) -> Callable[[TrialSpec], float]:
    """Multiply-adds of a trial for one image of each epoch; 0 for a model that cannot be built."""

    def cost(spec: TrialSpec) -> float:
        summary = summary_of(spec)
        return float(summary.macs * spec.epochs) if summary else 0.0

    return cost
