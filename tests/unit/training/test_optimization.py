"""Optimizers and schedules by the names that studies use."""

from __future__ import annotations

import pytest
import torch

from architectures import TrainingHyperparameters
from harness.training.optimization import WARM_UP, build_optimizer, build_schedule


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_names_mean_the_optimizers_of_torch(name, kind) -> None:
    """Each name gives that optimizer, fused, with the learning rate that was asked for."""
    optimizer = build_optimizer(model(), TrainingHyperparameters(optimizer=name, learning_rate=0.02))
    assert type(optimizer).__name__ == kind
    assert all(group["lr"] == 0.02 and group["fused"] for group in optimizer.param_groups)
    if name == "sgd":
        assert all(group["nesterov"] and group["momentum"] == 0.9 for group in optimizer.param_groups)


def test_weight_decay_spares_biases_and_norms() -> None:
    """Matrices decay, vectors do not, and every parameter is optimised."""
    network = model()
    optimizer = build_optimizer(network, TrainingHyperparameters(weight_decay=0.5))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {id(p) for p in network.parameters()} == set(decay)
    assert all(decay[id(p)] == (0.5 if p.ndim > 1 else 0.0) for p in network.parameters())


def rates(schedule: str, steps: int = 100) -> list[float]:
    hyperparameters = TrainingHyperparameters(schedule=schedule, learning_rate=0.1)
    optimizer = build_optimizer(model(), hyperparameters)
    scheduler = build_schedule(optimizer, hyperparameters, steps)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_schedules_have_their_shapes() -> None:
    """Constant stays, cosine falls from the peak to nearly 0, one_cycle warms up to the peak first."""
    assert set(rates("constant")) == {0.1}
    cosine = rates("cosine")
    assert cosine[0] == 0.1
    assert cosine == sorted(cosine, reverse=True)
    assert cosine[-1] < 0.001
    cycle = rates("one_cycle")
    assert cycle[0] < 0.01
    assert max(cycle) == pytest.approx(0.1, rel=1e-3)
    assert abs(cycle.index(max(cycle)) - 100 * WARM_UP) <= 2
    assert cycle[-1] < 0.001


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_schedules_take_any_number_of_steps(schedule, steps) -> None:
    """Even a single step has a learning rate."""
    assert len(rates(schedule, steps)) == steps
