"""Tests of the time use of a run."""

from __future__ import annotations

import pytest

from harness.records.trial import EpochResult, Phase, Placement, Status, TrialRecord
from harness.report.sections.time import time_table, time_use
from harness.runs.environment import Timeline


def trial(make_spec, seed: int, phase: Phase, start: float, end: float, together: int = 1) -> TrialRecord:
    """Create a trial of one epoch: 6 s of training, 1 s of validation, the rest is reporting."""
    spec = make_spec("mlp", phase, seed=seed, epochs=1)
    epoch = EpochResult(
        epoch=1,
        train_loss=1.0,
        validation_loss=1.0,
        validation_accuracy=0.5,
        train_images=10,
        train_seconds=6.0,
        validation_seconds=1.0,
    )
    return TrialRecord(
        trial_id=spec.trial_id,
        spec=spec,
        status=Status.COMPLETED,
        epochs=(epoch,),
        placement=Placement(node="n", device="cpu", threads=1, precision="fp32", together=together),
        started_at=start,
        ended_at=end,
    )


TIMELINE = Timeline(
    command_started=100.0,
    first_step=110.0,
    last_trial_ended=130.0,
    experiment_ended=131.0,
    cost_pass_ended=135.0,
    cluster_stopped=137.0,
)


def test_every_slot_second_is_counted_once(make_spec) -> None:
    """All activities add up to the slot-seconds between the start and the end of the run."""
    records = [
        trial(make_spec, 1, Phase.SEARCH, 110, 118),
        trial(make_spec, 2, Phase.SEARCH, 111, 119),
        trial(make_spec, 3, Phase.CONFIRM, 121, 130),
    ]
    use = time_use(records, TIMELINE, slots=2)
    assert use is not None
    assert use.start_up == 20
    assert use.start_up_seconds == 10
    assert use.training == {Phase.SEARCH: 12, Phase.CONFIRM: 6, Phase.AUDIT: 0}
    assert (use.validation, use.reporting) == (3, 25 - 18 - 3)
    assert use.idle == 2 * 20 - 25
    assert (use.cost_pass, use.shut_down) == (8, 2 * (1 + 2))
    assert use.all == 2 * (137 - 100)
    assert use.busy == pytest.approx(18 / 40)


def test_trials_of_one_program_share_its_seconds(make_spec) -> None:
    """Three seeds that are trained as one program use one slot."""
    records = [trial(make_spec, seed, Phase.CONFIRM, 110, 131, together=3) for seed in (1, 2, 3)]
    use = time_use(records, TIMELINE.model_copy(update={"last_trial_ended": 131.0}), slots=1)
    assert use is not None
    assert use.idle == 0
    assert sum(use.training.values()) + use.validation + use.reporting == pytest.approx(21)


def test_trials_of_an_earlier_command_are_left_out(make_spec) -> None:
    """After a resume, trials that ended before the command started are only counted."""
    records = [trial(make_spec, 1, Phase.SEARCH, 50, 60), trial(make_spec, 2, Phase.SEARCH, 110, 130)]
    use = time_use(records, TIMELINE, slots=1)
    assert use is not None
    assert use.earlier_trials == 1
    assert use.training[Phase.SEARCH] == 6


def test_an_interrupted_run_is_counted_up_to_its_last_trial(make_spec) -> None:
    """A run without a recorded end has no cost pass and no shut-down."""
    timeline = Timeline(command_started=100.0, first_step=110.0, last_trial_ended=130.0)
    use = time_use([trial(make_spec, 1, Phase.SEARCH, 110, 130)], timeline, slots=1)
    assert use is not None
    assert (use.cost_pass, use.shut_down) == (0, 0)
    assert use.all == 30


def test_without_a_training_step_there_is_no_time_use() -> None:
    """Before the first training step, the result is None."""
    assert time_use([], Timeline(command_started=100.0), 2) is None


def test_the_rows_of_the_table_add_up_to_the_last_row(make_spec) -> None:
    """The last row has all slot-seconds from the start of the command to the end of the cluster."""
    use = time_use([trial(make_spec, 1, Phase.SEARCH, 110, 130)], TIMELINE, slots=1)
    assert use is not None
    frame = time_table(use).frame
    assert frame["Activity"].iloc[0] == "Start-up"
    assert frame["Slot-seconds"].astype(float).iloc[:-1].sum() == pytest.approx(37.0)
    assert list(frame.iloc[-1]) == ["All", "37.0", "100 %"]
