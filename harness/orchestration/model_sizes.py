"""Parameter and multiply-add counts of all models of a study, computed before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ray

from architectures import InputShape
from harness.records.trial import ModelSummary, TrialSpec, flat_json
from harness.study import load_architectures

_BUILD_SECONDS = 60.0  # timeout for building models without allocating memory for their weights
_IMPORT_SECONDS = 15.0  # enough for a process to start and import torch on a busy machine
_BUILD_SECONDS_EACH = 0.1


def model_sizes(
    search: Sequence[TrialSpec], shape: InputShape, classes: int, sources: Sequence[str], trial_timeout: float
) -> Callable[[TrialSpec], ModelSummary | None]:
    """Return a function that gives the size of a trial's model, in any phase.

    The size is None if the model cannot be built before a timeout. If the `build` function of an
    architecture hangs or crashes the process, only the sizes of that architecture are missing. Its
    trials then fail with the cause.

    Args:
        search: Search trials, which contain every configuration of the study.
        shape: Shape of the images.
        classes: Number of classes.
        sources: Sources of the user's architectures, as workers can import them.
        trial_timeout: Seconds without any message before a trial is killed.
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
    from harness.training.execution import summary_of  # imports torch, which the driver does not need

    registry = load_architectures(sources)
    return [summary_of(spec, shape, classes, registry) for spec in search]
