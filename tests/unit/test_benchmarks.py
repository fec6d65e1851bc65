"""Tests of the benchmark scripts: turns of the contenders, and early stopping on known curves."""

from __future__ import annotations

import pytest

from benchmarks.measurement import median_ratio, take_turns
from benchmarks.search import EPOCHS, compare, resuming, stopping
from harness.records.trial import EpochResult, Status, TrialRecord


def test_contenders_alternate_and_the_first_round_does_not_count() -> None:
    """Contenders run in turn, in order, and the results of the first round are dropped."""
    asked: list[str] = []

    def contender(name: str) -> float:
        asked.append(name)
        return float(len(asked))

    taken = take_turns({name: lambda name=name: contender(name) for name in "ab"}, rounds=2)
    assert asked == list("ababab")
    assert taken == {"a": [3.0, 5.0], "b": [4.0, 6.0]}
    assert median_ratio([8.0, 2.0, 4.0], [1.0, 2.0, 2.0]) == 2.0


@pytest.fixture
def grid(make_spec) -> list[TrialRecord]:
    """Nine trials whose curves never cross. The best one is first."""
    return [curve(make_spec("mlp", epochs=EPOCHS, learning_rate=0.01 + 0.001 * k), 0.9 - 0.05 * k) for k in range(9)]


def curve(spec, level: float) -> TrialRecord:
    epochs = tuple(
        EpochResult(
            epoch=epoch,
            train_loss=1.0,
            validation_loss=1.0,
            validation_accuracy=level + 0.001 * epoch,
            train_images=10,
            train_seconds=1.0,
            validation_seconds=0.0,
        )
        for epoch in range(1, EPOCHS + 1)
    )
    return TrialRecord(
        trial_id=spec.trial_id, spec=spec, status=Status.COMPLETED, epochs=epochs, started_at=0.0, ended_at=9.0
    )


def test_stopping_finds_the_best_trial_when_it_comes_first(grid) -> None:
    """If the best trial comes first, it is found, and each later trial ends at the first rung."""
    trained, completed = stopping(grid, 1, 3)
    assert grid[0] in completed
    assert trained < 9 * EPOCHS / 3


def test_resuming_promotes_a_third_at_every_rung(grid) -> None:
    """Nine trials train one epoch, three of them three epochs, and one of them nine epochs."""
    trained, completed = resuming(grid, 1, 3)
    assert completed == [grid[0]]
    assert trained == 9 * 1 + 3 * 2 + 1 * 6


def test_the_worst_order_costs_more_epochs_but_finds_the_best_trial(grid) -> None:
    """If the worst trial comes first, both policies train more epochs and find the best trial."""
    worst_first = grid[::-1]
    for policy in (stopping, resuming):
        trained, completed = policy(worst_first, 1, 3)
        assert trained > policy(grid, 1, 3)[0]
        assert grid[0] in completed


def test_a_comparison_reports_trained_epochs_and_lost_points(grid) -> None:
    """Without a rung before the last epoch, all epochs are trained and no accuracy is lost."""
    row = compare([grid], stopping, EPOCHS, 3)
    assert (row["epochs (%)"], row["points lost"]) == (100.0, 0.0)
    assert compare([grid], stopping, 1, 3)["epochs (%)"] < 34
