"""The supply: determines which trial of a study runs next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from harness.records.trial import Phase, Status, TrialRecord, TrialSpec
from harness.schedule.plan import audit_order, plan_confirm, plan_confirm_default
from harness.schedule.selection import select
from harness.study import Study


class Supply:
    """Source of the trials of a study: all phases at the same time, the longest trial first.

    The first trial of every architecture comes before the second trial of any architecture, because
    it shows how long the architecture takes. After that, the longest pending trial comes first. The
    confirm trials of an architecture become pending when its last search trial has ended. An audit
    trial becomes pending as soon as it is certain that the random sample contains it.

    With this order, no slot waits for an architecture that is still searched, and the run does not
    end with a single long trial.

    Args:
        study: The study.
        search: Its search trials.
        cost: Function that returns the cost of a trial in any unit. The seconds for a unit are
            measured.
        finished: Records of trials that ended earlier and are not run again.

    Attributes:
        cost: The function that was given.
    """

    def __init__(
        self,
        study: Study,
        search: Iterable[TrialSpec],
        cost: Callable[[TrialSpec], float],
        finished: Iterable[TrialRecord] = (),
    ) -> None:
        self.cost = cost
        self._abandoned = False
        self._again: set[str] = set()
        self._records: dict[str, TrialRecord] = {}
        specs: dict[str, list[TrialSpec]] = {}
        for spec in search:
            specs.setdefault(spec.architecture, []).append(spec)
        self._lanes = {name: _Lane(study, tuple(of_one), cost) for name, of_one in specs.items()}
        self._audit = _AuditSample(study, [spec for lane in self._lanes.values() for spec in lane.search])
        kept = tuple(finished)
        # Search records come first: the trials of the other phases follow from them.
        for phase in Phase:
            for record in kept:
                if record.spec.phase is phase and record.spec.architecture in self._lanes:
                    self.ended(record)

    @property
    def specs(self) -> Mapping[Phase, tuple[TrialSpec, ...]]:
        """All trials known so far, by phase."""
        lanes = self._lanes.values()
        return {
            Phase.SEARCH: tuple(spec for lane in lanes for spec in lane.search),
            Phase.CONFIRM: tuple(spec for lane in lanes for spec in lane.confirm),
            Phase.AUDIT: tuple(spec for lane in lanes for spec in lane.audit),
        }

    def selected(self, architecture: str) -> TrialRecord | None:
        """Return the selected search trial, or None if none is selected (yet)."""
        return self._lanes[architecture].selected

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Records of all trials that have ended, in the order in which they ended."""
        return tuple(self._records.values())

    @property
    def confirmed(self) -> tuple[TrialRecord, ...]:
        """Records of the confirm trials of the configurations that are still selected."""
        planned = {spec.trial_id for spec in self.specs[Phase.CONFIRM]}
        return tuple(record for record in self.records if record.trial_id in planned)

    def next(self) -> TrialSpec | None:
        """Return the trial to start now, or None if no trial is pending."""
        waiting = [lane for lane in self._lanes.values() if lane.waiting]
        if self._abandoned or not waiting:
            return None
        slowest = max((lane.rate for lane in self._lanes.values() if lane.rate is not None), default=1.0)
        return max(waiting, key=lambda lane: lane.precedence(slowest)).take()

    def next_data_parallel(self) -> TrialSpec | None:
        """Return the next confirm trial for several workers, or None if none is pending."""
        waiting = [lane for lane in self._lanes.values() if lane.data_parallel]
        return waiting[0].data_parallel.pop(0) if waiting and not self._abandoned else None

    def take_together(self, spec: TrialSpec, most: int) -> tuple[TrialSpec, ...]:
        """Return pending confirm trials to be trained together with one of the same configuration.

        A trial that has lost its worker always runs alone, because training together may have
        killed the worker.

        Args:
            spec: A trial that `next` returned.
            most: Maximum number of trials to return.
        """
        if spec.phase is not Phase.CONFIRM or self.is_another_attempt(spec):
            return ()
        return self._lanes[spec.architecture].take_together(spec, most, self._again)

    def again(self, spec: TrialSpec) -> None:
        """Make a trial pending again, because it lost its worker."""
        self._again.add(spec.trial_id)
        self._lanes[spec.architecture].again(spec)

    def is_another_attempt(self, spec: TrialSpec) -> bool:
        """Return whether the trial has lost a worker before."""
        return spec.trial_id in self._again

    def ended(self, record: TrialRecord) -> None:
        """Take in the record of a trial that has ended, with any status."""
        self._records[record.trial_id] = record
        self._lanes[record.spec.architecture].ended(record)
        for spec in self._audit.ended(record):
            self._lanes[spec.architecture].add_audit(spec)

    def abandon(self) -> None:
        """Return no more trials from now on. Running trials may still end."""
        self._abandoned = True

    @property
    def complete(self) -> bool:
        """Whether all trials of the study have ended, in all phases."""
        return all(lane.complete for lane in self._lanes.values())

    @property
    def exhausted(self) -> bool:
        """Whether `next` will never return a trial again."""
        return self._abandoned or all(lane.alone_complete for lane in self._lanes.values())


class _AuditSample:
    """A simple random sample of the trials that were stopped early, drawn during the search.

    All search trials are put in a random order. The sample consists of the first stopped trials in
    this order. A stopped trial is certain to be in the sample as soon as all trials before it have
    ended.
    """

    def __init__(self, study: Study, search: Iterable[TrialSpec]) -> None:
        self._left = study.audit.trials
        self._undecided = list(reversed(audit_order(study, search)))
        self._status: dict[str, Status] = {}

    def ended(self, record: TrialRecord) -> list[TrialSpec]:
        """Return the trials that have become certain to be in the sample with this record."""
        if record.spec.phase is not Phase.SEARCH:
            return []
        self._status[record.trial_id] = record.status
        certain = []
        while self._left and self._undecided and self._undecided[-1].trial_id in self._status:
            spec = self._undecided.pop()
            if self._status[spec.trial_id] is Status.STOPPED_EARLY:
                self._left -= 1
                certain.append(spec.in_phase(Phase.AUDIT))
        return certain


class _Lane:
    """The trials of one architecture."""

    def __init__(self, study: Study, search: tuple[TrialSpec, ...], cost: Callable[[TrialSpec], float]) -> None:
        self._study = study
        self._cost = cost
        self._begun = False
        self._seconds = self._costs = 0.0
        self._records: list[TrialRecord] = []
        self._to_search = {spec.trial_id for spec in search}
        self._to_follow: set[str] = set()  # confirm and audit trials that have not ended
        self.search = search
        self.selected: TrialRecord | None = None
        self.confirm: tuple[TrialSpec, ...] = ()
        self.audit: tuple[TrialSpec, ...] = ()
        self.waiting = _last_is_next(search, cost)
        self.data_parallel: list[TrialSpec] = []  # confirm trials for several workers

    @property
    def rate(self) -> float | None:
        """Measured seconds for a unit of cost; None before the first measurement."""
        return self._seconds / self._costs if self._seconds > 0 and self._costs > 0 else None

    @property
    def complete(self) -> bool:
        return not self._to_search and not self._to_follow

    @property
    def alone_complete(self) -> bool:
        """Whether all trials have ended that a single worker trains."""
        return not self._to_search and self._to_follow <= {spec.trial_id for spec in self.data_parallel}

    def precedence(self, slowest: float) -> tuple[bool, float]:
        """Return the priority: untried architectures first, then the longest expected time."""
        return (not self._begun, self._cost(self.waiting[-1]) * (self.rate or slowest))

    def take(self) -> TrialSpec:
        self._begun = True
        return self.waiting.pop()

    def take_together(self, spec: TrialSpec, most: int, excluded: Collection[str]) -> tuple[TrialSpec, ...]:
        alike = [s for s in reversed(self.waiting) if s.differs_in_seed_only(spec) and s.trial_id not in excluded][
            :most
        ]
        self.waiting = [s for s in self.waiting if s not in alike]
        return tuple(alike)

    def ended(self, record: TrialRecord) -> None:
        self._begun = True
        self._records.append(record)
        self._seconds += record.train_seconds
        self._costs += self._cost(record.spec) * len(record.epochs) / record.spec.epochs
        self._to_follow.discard(record.trial_id)
        if any(spec.trial_id == record.trial_id for spec in self.waiting):  # it ended in an earlier run
            self.waiting = [spec for spec in self.waiting if spec.trial_id != record.trial_id]
        self.data_parallel = [spec for spec in self.data_parallel if spec.trial_id != record.trial_id]
        if record.trial_id in self._to_search:
            self._to_search.remove(record.trial_id)
            if not self._to_search:
                self._begin_confirm()

    def again(self, spec: TrialSpec) -> None:
        if self._is_data_parallel(spec):
            self.data_parallel.insert(0, spec)
            return
        self.waiting = _last_is_next((*reversed(self.waiting), spec), self._cost)

    def add_audit(self, spec: TrialSpec) -> None:
        self.audit += (spec,)
        self._await((spec,))

    def _begin_confirm(self) -> None:
        self.selected = select(self._records, self.search[0].architecture)
        if self.selected is not None:
            default = plan_confirm_default(self._study, self.search[0], self.selected)
            self.confirm = plan_confirm(self._study, self.selected) + default
            self._await(self.confirm)

    def _await(self, specs: tuple[TrialSpec, ...]) -> None:
        # If the search of a finished run is enlarged, its confirm and audit trials may already have
        # ended.
        ended = {record.trial_id for record in self._records}
        specs = tuple(spec for spec in specs if spec.trial_id not in ended)
        self._to_follow |= {spec.trial_id for spec in specs}
        self.data_parallel += [spec for spec in specs if self._is_data_parallel(spec)]
        alone = [spec for spec in specs if not self._is_data_parallel(spec)]
        self.waiting = _last_is_next((*reversed(self.waiting), *alone), self._cost)

    def _is_data_parallel(self, spec: TrialSpec) -> bool:
        return spec.phase is Phase.CONFIRM and self._study.confirm.workers > 1


def _last_is_next(specs: tuple[TrialSpec, ...], cost: Callable[[TrialSpec], float]) -> list[TrialSpec]:
    """Sort trials by cost, in reverse order of the plan. The last one is taken first."""
    waiting = list(reversed(specs))
    waiting.sort(key=cost)
    return waiting
