"""The cost pass: measures latency and throughput of every confirmed model after the last trial."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence

import ray

from harness.data.dataset import TrainingData
from harness.errors import describe
from harness.orchestration.cluster import Cluster, Share
from harness.records.cost import Cost
from harness.records.trial import AskedPrecision, TrialSpec
from harness.study import Study, load_architectures

_LIMIT_SECONDS = 600.0


def run_cost_pass(
    study: Study, models: Sequence[tuple[TrialSpec, bytes]], training: TrainingData, cluster: Cluster
) -> tuple[Cost, ...]:
    """Measure latency and throughput of each model.

    The cost of a model that cannot be measured contains the reason. One worker at a time runs, so
    measurements do not disturb each other. Models with the same resources are measured by the same
    worker.

    Args:
        study: The study, for its precision.
        models: Specification and weights of each model.
        training: Data whose validation images are classified.
        cluster: The cluster, for the threads and GPUs of a trial. GPUs are rounded up to whole
            ones.
    """
    costs: list[Cost] = []
    for share in dict.fromkeys(cluster.shares[spec.architecture] for spec, _ in models):
        alike = [(spec, weights) for spec, weights in models if cluster.shares[spec.architecture] == share]
        costs += _measure_alike(study, alike, training, share, cluster.sources)
    return tuple(costs)


def _measure_alike(
    study: Study,
    models: Sequence[tuple[TrialSpec, bytes]],
    training: TrainingData,
    share: Share,
    sources: Sequence[str],
) -> tuple[Cost, ...]:
    task = ray.remote(_measure).options(num_cpus=share.cpus, num_gpus=math.ceil(share.gpus), max_retries=0)
    try:
        answer = task.remote(
            models, training, share.device, share.cpus, math.ceil(share.gpus), study.precision, sources
        )
        costs: tuple[Cost, ...] = ray.get(answer, timeout=_LIMIT_SECONDS)
    except ray.exceptions.RayError as error:
        return tuple(Cost(architecture=spec.architecture, reason=describe(error)[:300]) for spec, _ in models)
    return costs


def _measure(
    models: Sequence[tuple[TrialSpec, bytes]],
    training: TrainingData,
    device: str,
    threads: int,
    gpus: int,
    precision: AskedPrecision,
    sources: Sequence[str],
) -> tuple[Cost, ...]:
    # Imported here because only workers need torch. The driver starts seconds sooner without it.
    from harness.training import resolve_settings
    from harness.training.inference import measure_costs

    settings = resolve_settings(device, threads, precision, gpus)
    return measure_costs(models, training, settings, platform.node(), load_architectures(sources))
