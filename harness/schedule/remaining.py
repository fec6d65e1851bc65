"""How long the rest of a run will take, from the epochs so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.records.trial import EpochResult, Phase, Status, TrialRecord, TrialSpec
from harness.schedule.selection import select
from harness.schedule.supply import Supply
from harness.study import EarlyStopping, Study

_TRIALS = 3  # the weight, in trials, of the share of epochs that ASHA is expected to leave

Running = Mapping[str, Sequence[EpochResult]]
"""Identity of each trial that runs, to its epochs so far."""


def remaining_seconds(study: Study, supply: Supply, running: Running, slots: int) -> float | None:
    """Seconds until the last trial ends; None while an architecture with trials left has not trained an epoch.

    For each architecture, an epoch takes as long as its epochs took so far, in proportion to the multiply-adds of the
    model. A search trial is expected to train the share of its epochs that early stopping has left to others. Confirm
    and audit trials train all of theirs.

    Args:
        study: how many trials each phase has.
        supply: trials that are known, and those that have ended.
        running: trials that run now.
        slots: how many trials run at once.
    """
    left: list[float] = []  # seconds of each trial that is known
    following = 0.0  # seconds of those that are not
    audited: list[tuple[float, float]] = []  # of each search trial: probability to be stopped, seconds of its audit
    undecided = False
    for name in study.architectures:
        specs = {phase: [spec for spec in supply.specs[phase] if spec.architecture == name] for phase in Phase}
        ended = {record.trial_id: record for record in supply.records if record.spec.architecture == name}
        search = specs[Phase.SEARCH]
        waiting = [spec for of in specs.values() for spec in of if spec.trial_id not in ended]
        if not waiting:
            continue
        searching = _seconds_a_unit(supply, search, ended, running)
        if searching is None:
            return None
        confirming = _seconds_a_unit(supply, specs[Phase.CONFIRM], ended, running) or searching
        rate = {Phase.SEARCH: searching, Phase.CONFIRM: confirming, Phase.AUDIT: searching}
        share = dict.fromkeys(Phase, 1.0) | {Phase.SEARCH: expected_share(study.early_stopping, search, ended)}
        for spec in waiting:
            epochs = max(share[spec.phase] * spec.epochs - len(running.get(spec.trial_id, ())), 0.0)
            left.append(epochs * _unit(supply, spec) * rate[spec.phase])
        if any(spec.phase is Phase.SEARCH for spec in waiting):  # the trials that follow are not known yet
            best = select(ended.values(), name)
            confirmed = best.spec if best is not None else search[0]
            each = confirmed.epochs * _unit(supply, confirmed) * searching
            following += each * expected_confirm_trials(study, len(search))
            undecided = True
        for spec in search:
            likely = _stopped(ended[spec.trial_id]) if spec.trial_id in ended else 1 - share[Phase.SEARCH]
            audited.append((likely, spec.epochs * _unit(supply, spec) * searching))
    if undecided:
        unknown = max(study.audit.trials - len(supply.specs[Phase.AUDIT]), 0)
        stopped = sum(likely for likely, _ in audited)
        following += min(unknown, stopped) * sum(p * seconds for p, seconds in audited) / (stopped or 1.0)
    return max((sum(left) + following) / slots, *left, 0.0)


def expected_share(rule: EarlyStopping, search: Sequence[TrialSpec], ended: Mapping[str, TrialRecord]) -> float:
    """The share of its epochs that the next search trial of an architecture is expected to train.

    ASHA lets one of `reduction_factor` trials pass a rung. This expectation has the weight of three trials. Trials that
    have ended add the epochs that they trained, except for the first one, which nothing could stop.
    """
    epochs = search[0].epochs
    expected, rung, passing = 0.0, min(rule.grace_epochs, epochs), 1.0
    reached = 0
    while reached < epochs:
        expected += passing * (rung - reached)
        reached, passing = rung, passing / rule.reduction_factor
        rung = min(epochs, max(rung + 1, int(rung * rule.reduction_factor)))
    trained = sum(len(record.epochs) for record in _later(search, ended))
    asked = sum(record.spec.epochs for record in _later(search, ended))
    return (trained + _TRIALS * expected) / (asked + _TRIALS * epochs)


def expected_confirm_trials(study: Study, configurations: int) -> float:
    """Confirm trials of an architecture that is still searched.

    Each configuration is equally likely to be selected. If it is not the default one, that is confirmed too.
    """
    defaults = min(study.confirm.default_seeds, study.confirm.seeds)
    return study.confirm.seeds + defaults * (1 - 1 / configurations)


def _later(search: Sequence[TrialSpec], ended: Mapping[str, TrialRecord]) -> Iterable[TrialRecord]:
    records = [ended[spec.trial_id] for spec in search if spec.trial_id in ended]
    return sorted(records, key=lambda record: record.ended_at)[1:]


def _stopped(record: TrialRecord) -> float:
    return float(record.status is Status.STOPPED_EARLY)


def _unit(supply: Supply, spec: TrialSpec) -> float:
    """Cost of one epoch; 1 for a model whose size is not known."""
    return supply.cost(spec) / spec.epochs or 1.0


def _seconds_a_unit(
    supply: Supply, specs: Sequence[TrialSpec], ended: Mapping[str, TrialRecord], running: Running
) -> float | None:
    """Measured in the trials that have ended; while there are none, in those that run."""
    records = [ended[spec.trial_id] for spec in specs if spec.trial_id in ended]
    units = sum(len(record.epochs) * _unit(supply, record.spec) for record in records)
    if units:
        return sum(record.ended_at - record.started_at for record in records) / units
    now = [(spec, running.get(spec.trial_id, ())) for spec in specs]
    units = sum(len(epochs) * _unit(supply, spec) for spec, epochs in now)
    seconds = sum(epoch.train_seconds + epoch.validation_seconds for _, epochs in now for epoch in epochs)
    return seconds / units if units else None
