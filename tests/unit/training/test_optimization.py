"""Tests of optimizers and learning rate schedules."""

from __future__ import annotations

import pytest
import torch

from architectures import TrainingHyperparameters
from harness.training.optimization import WARM_UP, build_optimizer, forget, learning_rates, set_learning_rate


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))


def optimizer_of(network: torch.nn.Module, hyperparameters: TrainingHyperparameters) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    decayed, spared = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    return build_optimizer(decayed, spared, hyperparameters, "cpu")


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_names_give_the_optimizers_of_torch(name, kind) -> None:
    """Each name gives its optimizer, fused and with the requested learning rate."""
    optimizer = optimizer_of(model(), TrainingHyperparameters(optimizer=name, learning_rate=0.02))
    assert type(optimizer).__name__ == kind
    assert all(group["lr"] == 0.02 and group["fused"] for group in optimizer.param_groups)
    if name == "sgd":
        assert all(group["nesterov"] and group["momentum"] == 0.9 for group in optimizer.param_groups)


def test_weight_decay_excludes_biases_and_norms() -> None:
    """Matrices decay, vectors do not, and every parameter is optimized."""
    network = model()
    optimizer = optimizer_of(network, TrainingHyperparameters(weight_decay=0.5))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {id(p) for p in network.parameters()} == set(decay)
    assert all(decay[id(p)] == (0.5 if p.ndim > 1 else 0.0) for p in network.parameters())


def rates(schedule: str, steps: int = 100) -> list[float]:
    return learning_rates(TrainingHyperparameters(schedule=schedule, learning_rate=0.1), steps).tolist()


def test_schedules_have_their_shapes() -> None:
    """Constant does not change, cosine falls to almost 0, and one_cycle has a warm-up before."""
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
@pytest.mark.parametrize("steps", range(1, 10))
def test_schedules_take_any_number_of_steps(schedule, steps) -> None:
    """A schedule can have a single step."""
    assert len(rates(schedule, steps)) == steps


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_rates_equal_those_of_torch(schedule) -> None:
    """The rate at every step equals that of torch's schedule."""
    from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR

    optimizer = torch.optim.AdamW(model().parameters(), lr=0.1)
    scheduler = {
        "constant": lambda: LambdaLR(optimizer, lambda _: 1.0),
        "cosine": lambda: CosineAnnealingLR(optimizer, T_max=30),
        "one_cycle": lambda: OneCycleLR(optimizer, 0.1, total_steps=31, pct_start=WARM_UP),
    }[schedule]()
    for rate in rates(schedule, 30):
        assert rate == optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_a_reset_optimizer_equals_a_new_one(name) -> None:
    """After `forget`, moments and step counts of an earlier trial have no effect."""
    hyperparameters = TrainingHyperparameters(optimizer=name, weight_decay=0.1)
    inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))

    def train(network, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            network(inputs).square().mean().backward()
            optimizer.step()

    used, fresh = model(), model()
    optimizer = optimizer_of(used, hyperparameters)
    train(used, optimizer, 5)
    used.load_state_dict(fresh.state_dict())
    forget(optimizer)
    set_learning_rate(optimizer, 0.3)
    again = optimizer_of(fresh, hyperparameters)
    set_learning_rate(again, 0.3)
    train(used, optimizer, 3)
    train(fresh, again, 3)
    for ours, theirs in zip(used.parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
