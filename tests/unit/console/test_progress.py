"""Tests of the progress output of a study."""

from __future__ import annotations

import pytest

from harness.console.progress import SILENCE_SECONDS, LiveProgress, PlainProgress
from harness.records.trial import Status
from harness.schedule.plan import plan_search
from harness.schedule.supply import Supply
from harness.study import parse_study


@pytest.fixture
def supply_and_study():
    """A supply of three search trials of one architecture and two confirm seeds, and its study."""
    space = {"epochs": 2, "learning_rate": {"grid": [0.1, 0.2]}}
    study = parse_study({"name": "s", "confirm": {"seeds": 2}, "architectures": {"mlp": {"space": space}}}, "test")
    return Supply(study, plan_search(study, "d"), cost=lambda spec: 1.0), study


def test_plain_output_has_a_line_for_each_trial_with_the_remaining_time(supply_and_study, make_record) -> None:
    """Plain output has one line for each trial that ended, with the reason if it failed."""
    supply, study = supply_and_study
    lines: list[str] = []
    progress = PlainProgress(study, supply, slots=2, write=lines.append)
    first, second = supply.next(), supply.next()
    for spec, record in (
        (first, make_record(first)),
        (second, make_record(second, accuracies=(), status=Status.FAILED, reason="diverged: nan")),
    ):
        progress.started(spec)
        supply.ended(record)
        progress.ended(record)
    assert "mlp search 1/3 completed: validation 90.00% after 2 epochs" in lines[0]
    assert "mlp search 2/3 failed: no epoch completed (diverged: nan)" in lines[1]
    # An epoch took 10 seconds, and the failed trial wasted half of them. One epoch of the third
    # search trial and two epochs of each confirm trial are expected: 50 seconds, two at a time.
    assert "about 0:25 left" in lines[1]


def test_the_table_counts_trials_and_shows_the_best_validation_accuracy(supply_and_study, make_record) -> None:
    """The table has columns for completed, running, stopped and failed trials."""
    supply, study = supply_and_study
    progress = LiveProgress(study, supply, slots=2, clock=iter(range(100)).__next__)
    first, second, third = supply.next(), supply.next(), supply.next()
    progress.started(first)
    progress.started(second)
    progress.started(third)
    progress.ended(make_record(first, accuracies=(0.5, 0.875)))
    progress.ended(make_record(second, accuracies=(0.4,), status=Status.STOPPED_EARLY))
    cells = [list(column.cells) for column in progress.table().columns]
    assert [column[0] for column in cells] == ["mlp", "2/3", "1", "0", "0", "1", "0/2", "0/0", "87.50%"]


def test_a_lost_worker_is_reported_and_counted(supply_and_study) -> None:
    """A line names the trial and the reason.

    The table counts the loss, and the trial is not running.
    """
    supply, study = supply_and_study
    lines: list[str] = []
    plain, live = PlainProgress(study, supply, slots=2, write=lines.append), LiveProgress(study, supply, slots=2)
    spec = supply.next()
    for progress in (plain, live):
        progress.started(spec)
        progress.again(spec, "its machine left the cluster")
    assert f"mlp search trial {spec.trial_id} lost its worker and is retried: its machine left" in lines[0]
    cells = [list(column.cells) for column in live.table().columns]
    assert [column[0] for column in cells][4:6] == ["1", "0"]


def test_plain_output_lists_running_trials_when_none_ends(supply_and_study, make_record) -> None:
    """After some seconds without output, a line lists the running trials."""
    supply, study = supply_and_study
    lines: list[str] = []
    now = 0.0
    progress = PlainProgress(study, supply, slots=2, write=lines.append, clock=lambda: now)
    progress.write_running()
    assert lines == []
    now = SILENCE_SECONDS
    progress.write_running()
    assert lines == ["[0:20] waiting for workers"]
    spec = supply.next()
    progress.started(spec)
    [first, *_] = make_record(spec).epochs
    progress.epoch(spec, first)
    now += SILENCE_SECONDS
    progress.write_running()
    assert lines[1].endswith("running: mlp (1 epoch so far)")
    progress.write_running()
    assert len(lines) == 2
