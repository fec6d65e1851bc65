"""Sizes of the models of a study, counted on a worker before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ray

from architectures import InputShape
from harness.records.trial import ModelSummary, TrialSpec, flat_json
from harness.study import load_architectures

_BUILD_SECONDS = 60.0  # for building models, without memory for their weights
_IMPORT_SECONDS = 15.0  # for a process to start and to import torch, on a machine that does other things too
_BUILD_SECONDS_EACH = 0.1


def model_sizes(
    search: Sequence[TrialSpec], shape: InputShape, classes: int, sources: Sequence[str], trial_timeout: float
) -> Callable[[TrialSpec], ModelSummary | None]:
    """Size of the model of a trial, in whichever phase; None for one that cannot be built in a reasonable time.

    An architecture that never returns from `build`, or brings the process down, costs its own sizes only:
    its trials will say what is wrong with it.

    Args:
        search: trials that have every configuration of the study.
        shape: of the images.
        classes: how many.
        sources: of the user's own architectures, as workers know them.
        trial_timeout: seconds that a trial may be silent.
    """

    def counted(specs: Sequence[TrialSpec]) -> dict[tuple[str, str], ModelSummary | None] | None:
        limit = min(_BUILD_SECONDS, _IMPORT_SECONDS + trial_timeout) + _BUILD_SECONDS_EACH * len(specs)
        task = ray.remote(_summaries).options(num_cpus=1, max_retries=0)
        answer = task.remote(specs, shape, classes, sources)
        try:
            sizes: list[ModelSummary | None] = ray.get(answer, timeout=limit)
        except ray.exceptions.RayError:
            ray.cancel(answer, force=True)
            return None
        return dict(zip(map(_configuration, specs), sizes, strict=True))

    known = counted(search)
    if known is None:
        known = {}
        for name in dict.fromkeys(spec.architecture for spec in search):
            known |= counted([spec for spec in search if spec.architecture == name]) or {}
    return lambda spec: known.get(_configuration(spec))


def _configuration(spec: TrialSpec) -> tuple[str, str]:
    return spec.architecture, flat_json(spec.hyperparameters)


def _summaries(
    search: Sequence[TrialSpec], shape: InputShape, classes: int, sources: Sequence[str]
) -> list[ModelSummary | None]:
    from harness.training.execution import summary_of  # workers need torch, and the driver does not

    registry = load_architectures(sources)
    return [summary_of(spec, shape, classes, registry) for spec in search]
