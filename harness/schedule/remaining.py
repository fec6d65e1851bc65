"""Estimate of the remaining time of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.records.trial import EpochResult, Phase, Status, TrialRecord, TrialSpec
from harness.schedule.selection import select
from harness.schedule.supply import Supply
from harness.study import EarlyStopping, Study

_TRIALS = 3  # weight of the share expected under ASHA, as a number of trials

Running = Mapping[str, Sequence[EpochResult]]
"""Results of the epochs so far of each running trial, by its identity."""


def remaining_seconds(study: Study, supply: Supply, running: Running, slots: int) -> float | None:
    """Estimate the seconds until the last trial ends.

    The time of an epoch is estimated for each architecture from its epochs so far, in proportion to
    the multiply-adds of the model. A search trial is expected to train the same share of its epochs
    as earlier search trials of its architecture. Confirm and audit trials train all their epochs.

    Args:
        study: The study, for the number of trials of each phase.
        supply: Source of the trials, with those that are known and those that have ended.
        running: Running trials.
        slots: Number of trials that can run at the same time.

    Returns:
        None while an architecture with remaining trials has not completed an epoch.
    """
    left: list[float] = []  # seconds of each known trial
    following = 0.0  # seconds of trials that are not known yet
    audited: list[tuple[float, float]] = []  # probability of being stopped, and seconds of an audit, by search trial
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
        if any(spec.phase is Phase.SEARCH for spec in waiting):  # confirm trials are not known yet
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
    """Return the share of its epochs that the next search trial of an architecture will train.

    The share expected under ASHA, where 1 / `reduction_factor` of the trials pass a rung, has the
    weight of three trials. It is combined with the epochs of the trials that have ended. The first
    trial to end is left out, because ASHA had no other trial to compare it with.
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
    """Return the expected number of confirm trials of an architecture that is still searched.

    Each configuration is equally likely to be selected. If the default configuration is not
    selected, it is confirmed too.
    """
    defaults = min(study.confirm.default_seeds, study.confirm.seeds)
    return study.confirm.seeds + defaults * (1 - 1 / configurations)


def _later(search: Sequence[TrialSpec], ended: Mapping[str, TrialRecord]) -> Iterable[TrialRecord]:
    records = [ended[spec.trial_id] for spec in search if spec.trial_id in ended]
    return sorted(records, key=lambda record: record.ended_at)[1:]


def _stopped(record: TrialRecord) -> float:
    return float(record.status is Status.STOPPED_EARLY)


def _unit(supply: Supply, spec: TrialSpec) -> float:
    """Return the cost of one epoch, or 1 if the size of the model is unknown."""
    return supply.cost(spec) / spec.epochs or 1.0


def _seconds_a_unit(
    supply: Supply, specs: Sequence[TrialSpec], ended: Mapping[str, TrialRecord], running: Running
) -> float | None:
    """Return the seconds for a unit of cost, from ended trials, or else from running ones."""
    records = [ended[spec.trial_id] for spec in specs if spec.trial_id in ended]
    units = sum(len(record.epochs) * _unit(supply, record.spec) for record in records)
    if units:
        return sum(record.ended_at - record.started_at for record in records) / units
    now = [(spec, running.get(spec.trial_id, ())) for spec in specs]
    units = sum(len(epochs) * _unit(supply, spec) for spec, epochs in now)
    seconds = sum(epoch.train_seconds + epoch.validation_seconds for _, epochs in now for epoch in epochs)
    return seconds / units if units else None
