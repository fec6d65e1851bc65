"""Measurement of inference latency and throughput on an otherwise idle machine."""

from __future__ import annotations

import timeit
from collections.abc import Sequence

import numpy as np
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from architectures import BUILT_IN, Registry
from harness.data.dataset import TrainingData
from harness.errors import describe
from harness.records.cost import LATENCY_BATCH, THROUGHPUT_BATCH, Cost, Quartiles
from harness.records.trial import Placement, TrialSpec
from harness.training.model import build_model
from harness.training.prediction import logits_of
from harness.training.resident import Normaliser, as_tensor
from harness.training.settings import Settings

_ROUNDS = 5
_SECONDS = 0.1  # per measurement; five rounds of five models take about five seconds


def measure_costs(
    models: Sequence[tuple[TrialSpec, bytes]],
    data: TrainingData,
    settings: Settings,
    node: str,
    registry: Registry = BUILT_IN,
    rounds: int = _ROUNDS,
    seconds: float = _SECONDS,
) -> tuple[Cost, ...]:
    """Measure latency at batch size 1 and throughput at batch size 512 of trained models.

    The models take turns, so that other load on the machine affects all of them equally.

    Args:
        models: Specification and weights (safetensors) of each model.
        data: Data set whose validation images are classified.
        settings: Device, threads and precision, as in training.
        node: Name of the machine.
        registry: Registry with the architectures.
        rounds: Number of turns of each model.
        seconds: Minimum duration of one measurement in seconds.

    Returns:
        The cost of each model, in the order of `models`.
    """
    images = data.validation.images
    normaliser = Normaliser.of(data.normalisation, settings.device)
    batches = {size: _batch(images, size, settings.device) for size in (LATENCY_BATCH, THROUGHPUT_BATCH)}
    loaded: dict[int, nn.Module] = {}
    reasons: dict[int, str] = {}
    times: dict[tuple[int, int], list[float]] = {}
    for _ in range(rounds):
        for index, (spec, weights) in enumerate(models):
            if index in reasons:
                continue
            try:
                if index not in loaded:
                    loaded[index] = _load(spec, weights, data, settings.device, registry)
                for size, batch in batches.items():
                    taken = _time(loaded[index], batch, normaliser, settings, seconds)
                    times.setdefault((index, size), []).extend(taken)
            except Exception as error:  # noqa: BLE001  # the other models are measured all the same
                reasons[index] = describe(error)
    placement = Placement(
        node=node,
        device=settings.device,
        threads=settings.threads,
        precision=settings.precision,
        gpus=settings.gpus,
    )
    return tuple(
        Cost(architecture=spec.architecture, reason=reasons[index])
        if index in reasons
        else Cost(
            architecture=spec.architecture,
            placement=placement,
            latency=_quartiles([taken / LATENCY_BATCH for taken in times[index, LATENCY_BATCH]]),
            throughput=_quartiles([THROUGHPUT_BATCH / taken for taken in times[index, THROUGHPUT_BATCH]]),
        )
        for index, (spec, _) in enumerate(models)
    )


def _load(spec: TrialSpec, weights: bytes, data: TrainingData, device: str, registry: Registry) -> nn.Module:
    model = build_model(spec, data.shape, len(data.classes), registry)
    model.load_state_dict(safetensors.torch.load(weights))
    return model.to(device).eval()


def _batch(images: NDArray[np.uint8], size: int, device: str) -> Tensor:
    return as_tensor(np.resize(images, (size, *images.shape[1:])), device)


def _time(model: nn.Module, batch: Tensor, normaliser: Normaliser, settings: Settings, seconds: float) -> list[float]:
    """Measure the seconds until the logits are in CPU memory, several times after a warm-up."""
    timer = Timer(
        "logits_of(model, batch, normaliser, settings).cpu()",
        timer=timeit.default_timer,  # torch's own timer initialises CUDA even for the CPU
        globals={
            "logits_of": logits_of,
            "model": model,
            "batch": batch,
            "normaliser": normaliser,
            "settings": settings,
        },
        num_threads=settings.threads,
    )
    return list(timer.blocked_autorange(min_run_time=seconds).times)


def _quartiles(values: Sequence[float]) -> Quartiles:
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return Quartiles(low=float(low), median=float(median), high=float(high))
