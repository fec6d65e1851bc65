"""Where the time of the run went."""

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
    """Where the time of a run went, in seconds; all but `wall` are seconds of a slot.

    Attributes:
        wall: from the first training step to the end of the last trial.
        slots: trials at once.
        start_up: from the command to the first training step.
        training: training alone, by phase.
        validation: validation after each epoch.
        reporting: the rest of a trial: handing over results, the scheduler's answer, the test pass.
        idle: no trial: building the next one, or nothing left to do.
        cost_pass: measuring latency and throughput, after the last trial.
        shut_down: stopping the workers and the cluster.
        earlier_trials: trials that an earlier command of this run had finished; not counted above.
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
        """Share of the slot-seconds between first step and last trial that were training."""
        available = self.wall * self.slots
        return sum(self.training.values()) / available if available else 0.0

    @property
    def start_up_seconds(self) -> float:
        """Seconds of a clock from the command to the first training step."""
        return self.start_up / self.slots

    @property
    def all(self) -> float:
        """Slot-seconds that there were, from the command to the report."""
        inside = sum(self.training.values()) + self.validation + self.reporting + self.idle
        return self.start_up + inside + self.cost_pass + self.shut_down


def time_use(records: Iterable[TrialRecord], timeline: Timeline, slots: int) -> TimeUse | None:
    """Where the time went since the last command started; None when no trial began a step or none ended."""
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
        # Trials of one program share its seconds.
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
    """Start-up, the time that there was, and how busy the slots were with training."""
    earlier = (
        f" {count(use.earlier_trials)} trials that an earlier command had finished are not counted."
        if use.earlier_trials
        else ""
    )
    return (
        f"The first training step came {seconds(use.start_up_seconds)} s after the command. From then to the end of "
        f"the last trial {seconds(use.wall)} s passed on {count(use.slots)} slots, which were busy training "
        f"for {share(use.busy, 1)} of it. The table counts the seconds of every slot from the command to the "
        f"report.{earlier}"
    )


def time_table(use: TimeUse) -> Table:
    """Slot-seconds by what they were spent on."""
    spent = {
        "Start-up": use.start_up,
        **{f"Training, {phase.value}": use.training[phase] for phase in Phase},
        "Validation": use.validation,
        "Reporting and test passes": use.reporting,
        "Idle, or between two trials": use.idle,
        "Latency and throughput of the models": use.cost_pass,
        "Shut-down": use.shut_down,
        "All": use.all,
    }
    rows = [
        {"Spent on": name, "Slot-seconds": seconds(value), "Share": share(value, use.all)}
        for name, value in spent.items()
    ]
    return make_table(rows, {"Spent on"})


def _context(findings: Findings) -> Keys:
    environment = findings.run.environment
    use = time_use(findings.run.records, environment.timeline, environment.slots)
    return {"time": time_table(use) if use else None, "time_sentence": time_sentence(use) if use else ""}


SECTION = Section(__name__, _context)
