"""Tests of the selection by validation accuracy."""

from __future__ import annotations

from harness.records.trial import Phase, Status, TestResult
from harness.schedule.selection import select


def test_the_best_accuracy_of_the_last_epoch_wins(make_spec, make_record) -> None:
    """The accuracy of the last epoch is compared, not that of the best epoch."""
    early_peak = make_record(make_spec(units=8), accuracies=(0.99, 0.90))
    steady = make_record(make_spec(units=9), accuracies=(0.5, 0.95))
    assert select([early_peak, steady], "mlp") is steady


def test_ties_are_decided_by_the_lower_loss_and_not_by_the_order(make_spec, make_record) -> None:
    """With equal accuracies, the lower loss wins. The order of the records does not matter."""
    a, b = make_record(make_spec(units=8), loss=0.2), make_record(make_spec(units=9), loss=0.1)
    assert select([a, b], "mlp") is b
    c = make_record(make_spec(units=10), loss=0.1)
    assert select([b, c], "mlp") is select([c, b], "mlp")


def test_only_completed_search_trials_of_the_architecture_are_candidates(make_spec, make_record) -> None:
    """Stopped, failed and confirm trials and other architectures are never selected."""
    candidate = make_record(make_spec(units=8), accuracies=(0.1, 0.2))
    others = [
        make_record(make_spec(units=9), accuracies=(0.9,), status=Status.STOPPED_EARLY),
        make_record(make_spec(units=10), accuracies=(0.9,), status=Status.FAILED, reason="diverged"),
        make_record(make_spec(phase=Phase.CONFIRM)),
        make_record(make_spec("lenet5")),
    ]
    assert select([*others, candidate], "mlp") is candidate
    assert select(others, "mlp") is None


def test_the_test_accuracy_is_ignored(make_spec, make_record) -> None:
    """A search record with a test accuracy is still ranked by its validation accuracy."""
    good = make_record(make_spec(units=8), accuracies=(0.5, 0.9))
    spoiled = make_record(make_spec(units=9), accuracies=(0.5, 0.8), test=TestResult(accuracy=1.0, loss=0.0, images=10))
    assert select([good, spoiled], "mlp") is good
