"""Section "Time use": how the time of the run was spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.records.trial import Phase, TrialRecord
from harness.report.findings import Findings
from harness.report.page.formatting import count, seconds, share
from harness.report.page.table import Table, make_table
from harness.report.section import Keys, Section
from harness.runs.environment import Timeline


@dataclass(frozen=True)
class TimeUse:
    """Time use of a run in seconds. All times except `wall` are slot-seconds.

    Attributes:
        wall: Time from the first training step to the end of the last trial.
        slots: Number of slots.
        start_up: Time from the command to the first training step.
        training: Training time by phase.
        validation: Validation after each epoch.
        reporting: Other time of the trials: sending results, waiting for the scheduler, testing.
        idle: Time of slots without a trial: building the next trial, or no trial left.
        cost_pass: Measurement of latency and throughput after the last trial.
        shut_down: Stopping the workers and the cluster.
        earlier_trials: Number of trials that an earlier command of this run completed. They are not
            counted above.
    """

    wall: float
    slots: int
    start_up: float
    training: dict[Phase, float]
    validation: float
    reporting: float
    idle: float
    cost_pass: float
    shut_down: float
    earlier_trials: int

    @property
    def busy(self) -> float:
        """Training as a share of the slot-seconds from the first step to the last trial's end."""
        available = self.wall * self.slots
        return sum(self.training.values()) / available if available else 0.0

    @property
    def start_up_seconds(self) -> float:
        """Time from the command to the first training step, in seconds."""
        return self.start_up / self.slots

    @property
    def all(self) -> float:
        """All slot-seconds from the command to the report."""
        inside = sum(self.training.values()) + self.validation + self.reporting + self.idle
        return self.start_up + inside + self.cost_pass + self.shut_down


def time_use(records: Iterable[TrialRecord], timeline: Timeline, slots: int) -> TimeUse | None:
    """Compute the time use since the last command. None without a first step and an ended trial."""
    if timeline.first_step is None or timeline.last_trial_ended is None:
        return None
    training = dict.fromkeys(Phase, 0.0)
    validation = inside = 0.0
    earlier = 0
    for record in records:
        if record.ended_at < timeline.command_started:
            earlier += 1
            continue
        training[record.spec.phase] += record.train_seconds
        validation += sum(epoch.validation_seconds for epoch in record.epochs)
        # Trials that are trained together share the time of their program.
        together = record.placement.together if record.placement else 1
        inside += (record.ended_at - record.started_at) / together
    wall = timeline.last_trial_ended - timeline.first_step
    experiment_ended = timeline.experiment_ended or timeline.last_trial_ended
    cost_pass_ended = timeline.cost_pass_ended or experiment_ended
    cluster_stopped = timeline.cluster_stopped or cost_pass_ended
    stopping = (experiment_ended - timeline.last_trial_ended) + (cluster_stopped - cost_pass_ended)
    return TimeUse(
        wall=wall,
        slots=slots,
        start_up=slots * (timeline.first_step - timeline.command_started),
        training=training,
        validation=validation,
        reporting=max(0.0, inside - sum(training.values()) - validation),
        idle=max(0.0, slots * wall - inside),
        cost_pass=slots * (cost_pass_ended - experiment_ended),
        shut_down=slots * max(0.0, stopping),
        earlier_trials=earlier,
    )


def time_sentence(use: TimeUse) -> str:
    """Describe the start-up time and the share of training."""
    earlier = (
        f" It does not include {count(use.earlier_trials)} trials of an earlier command." if use.earlier_trials else ""
    )
    return (
        f"The first training step started {seconds(use.start_up_seconds)} s after the start of the command. From this "
        f"step to the end of the last trial, {seconds(use.wall)} s passed. In this time, training used "
        f"{share(use.busy, 1)} of the slot-seconds (slots: {count(use.slots)}). A slot-second is one "
        f"second of one slot. The table counts all slot-seconds from the start of the command to the report.{earlier}"
    )


def time_table(use: TimeUse) -> Table:
    """Create the table of slot-seconds by activity."""
    spent = {
        "Start-up": use.start_up,
        **{f"Training in {phase.value}": use.training[phase] for phase in Phase},
        "Validation": use.validation,
        "Testing, sending results and waiting for the scheduler": use.reporting,
        "Slots without a trial": use.idle,
        "Measurement of latency and throughput": use.cost_pass,
        "Shut-down": use.shut_down,
        "All": use.all,
    }
    rows = [
        {"Activity": name, "Slot-seconds": seconds(value), "Share": share(value, use.all)}
        for name, value in spent.items()
    ]
    return make_table(rows, {"Activity"})


def _context(findings: Findings) -> Keys:
    environment = findings.run.environment
    use = time_use(findings.run.records, environment.timeline, environment.slots)
    return {"time": time_table(use) if use else None, "time_sentence": time_sentence(use) if use else ""}


SECTION = Section(__name__, _context)
