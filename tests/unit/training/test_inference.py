"""Tests of latency and throughput of trained models."""

from __future__ import annotations

import timeit

import pytest
import torch.utils.benchmark

from harness.errors import RunFolderError
from harness.records.cost import Cost, costs_json, read_costs
from harness.records.trial import Phase
from harness.training import Settings, build_model
from harness.training.inference import measure_costs
from harness.training.model import weights

SETTINGS = Settings("cpu", threads=1, precision="fp32")


def models(make_spec, toy_data, *names):
    specs = [make_spec(name, phase=Phase.CONFIRM) for name in names]
    return [(spec, weights(build_model(spec, toy_data.shape, len(toy_data.classes)))) for spec in specs]


def test_a_cheap_model_has_a_lower_latency_than_an_expensive_one(make_spec, toy_data) -> None:
    """advanced_cnn has far more multiply-adds than mlp, a higher latency and a lower throughput."""
    asked = models(make_spec, toy_data, "advanced_cnn", "mlp")
    dear, cheap = measure_costs(asked, toy_data, SETTINGS, "here", rounds=2, seconds=0.02)
    assert (dear.architecture, cheap.architecture) == ("advanced_cnn", "mlp")
    assert dear.latency.median > cheap.latency.median
    assert dear.throughput.median < cheap.throughput.median
    assert dear.latency.low <= dear.latency.median <= dear.latency.high
    assert (cheap.placement.node, cheap.placement.device, cheap.reason) == ("here", "cpu", None)


def test_a_batch_is_faster_than_single_images(make_spec, toy_data) -> None:
    """Throughput counts images, not batches, and is higher than for single images."""
    (cost,) = measure_costs(models(make_spec, toy_data, "mlp"), toy_data, SETTINGS, "here", rounds=1, seconds=0.02)
    assert cost.throughput.median > 1 / cost.latency.median


def test_a_model_that_cannot_be_measured_has_a_reason(make_spec, toy_data) -> None:
    """A model whose weights cannot be loaded has a reason, and the other model is measured."""
    (broken, _), whole = models(make_spec, toy_data, "lenet5", "mlp")
    failed, measured = measure_costs([(broken, whole[1]), whole], toy_data, SETTINGS, "here", rounds=1, seconds=0.01)
    assert failed.latency is None
    assert "size mismatch" in failed.reason or "Missing key" in failed.reason
    assert measured.latency is not None


def test_costs_are_read_as_written(tmp_path) -> None:
    """A missing file means that nothing was measured, and a damaged file is an error."""
    path = tmp_path / "costs.json"
    assert read_costs(path) == ()
    costs = (Cost(architecture="mlp", reason="it fell over"),)
    path.write_bytes(costs_json(costs))
    assert read_costs(path) == costs
    path.write_text("[{}]")
    with pytest.raises(RunFolderError, match=r"costs\.json: it is not a list of costs"):
        read_costs(path)


def test_latency_includes_the_transfer_to_the_cpu(make_spec, toy_data, monkeypatch) -> None:
    """The timed statement copies the logits to the CPU, and the timer does not use the GPU."""
    made = []

    class Spy(torch.utils.benchmark.Timer):
        def __init__(self, statement, **options) -> None:
            made.append((statement, options["timer"]))
            super().__init__(statement, **options)

    monkeypatch.setattr("harness.training.inference.Timer", Spy)
    measure_costs(models(make_spec, toy_data, "mlp"), toy_data, SETTINGS, "here", rounds=1, seconds=0.01)
    assert {timer for _, timer in made} == {timeit.default_timer}
    assert all(statement.endswith(".cpu()") for statement, _ in made)
