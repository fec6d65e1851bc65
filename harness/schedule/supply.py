"""Which trial comes next: search trials of every architecture, confirm and audit trials as soon as they are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from harness.records.trial import Phase, Status, TrialRecord, TrialSpec
from harness.schedule.plan import audit_order, plan_confirm, plan_confirm_default
from harness.schedule.selection import select
from harness.study import Study


class Supply:
    """Hands out the trials of a study, the longest first, all phases at once.

    The first trial of every architecture comes before any second one, so that it is soon known how
    long each architecture really takes; the longest of what is left follows. The confirm trials of an
    architecture join the others when its last search trial has ended. So no slot waits for an
    architecture that is still being searched, and none is left alone with a long trial at the end.
    An audit trial joins as soon as it is certain that the random sample contains it.

    Args:
        study: what is asked.
        search: the search trials.
        cost: computations of a trial, in any unit; the seconds that a unit takes are measured.
        finished: records of trials that ended before, which are not handed out again.

    Attributes:
        cost: as given.
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
        # A record of another phase means something only when the search that it follows from is known.
        for phase in Phase:
            for record in kept:
                if record.spec.phase is phase and record.spec.architecture in self._lanes:
                    self.ended(record)

    @property
    def specs(self) -> Mapping[Phase, tuple[TrialSpec, ...]]:
        """Every trial known so far."""
        lanes = self._lanes.values()
        return {
            Phase.SEARCH: tuple(spec for lane in lanes for spec in lane.search),
            Phase.CONFIRM: tuple(spec for lane in lanes for spec in lane.confirm),
            Phase.AUDIT: tuple(spec for lane in lanes for spec in lane.audit),
        }

    def selected(self, architecture: str) -> TrialRecord | None:
        """The search trial whose configuration is confirmed; None before it is known, or when there is none."""
        return self._lanes[architecture].selected

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Every trial that ended, in the order in which they ended."""
        return tuple(self._records.values())

    @property
    def confirmed(self) -> tuple[TrialRecord, ...]:
        """Confirm trials that ended, but those of a configuration that an enlarged search selects no more."""
        planned = {spec.trial_id for spec in self.specs[Phase.CONFIRM]}
        return tuple(record for record in self.records if record.trial_id in planned)

    def next(self) -> TrialSpec | None:
        """The trial to begin now; None while none waits."""
        waiting = [lane for lane in self._lanes.values() if lane.waiting]
        if self._abandoned or not waiting:
            return None
        slowest = max((lane.rate for lane in self._lanes.values() if lane.rate is not None), default=1.0)
        return max(waiting, key=lambda lane: lane.precedence(slowest)).take()

    def next_data_parallel(self) -> TrialSpec | None:
        """The confirm trial to begin now that several workers train together; None while none waits."""
        waiting = [lane for lane in self._lanes.values() if lane.data_parallel]
        return waiting[0].data_parallel.pop(0) if waiting and not self._abandoned else None

    def take_together(self, spec: TrialSpec, most: int) -> tuple[TrialSpec, ...]:
        """Waiting confirm trials of the same configuration, to be trained with this one as one program.

        A trial that lost its worker takes none and is not taken: the program may be what ended the worker.

        Args:
            spec: that `next` gave.
            most: how many to take.
        """
        if spec.phase is not Phase.CONFIRM or self.is_another_attempt(spec):
            return ()
        return self._lanes[spec.architecture].take_together(spec, most, self._again)

    def again(self, spec: TrialSpec) -> None:
        """A trial that was handed out has not ended, and is to be handed out once more."""
        self._again.add(spec.trial_id)
        self._lanes[spec.architecture].again(spec)

    def is_another_attempt(self, spec: TrialSpec) -> bool:
        """Whether a worker was lost with this trial before."""
        return spec.trial_id in self._again

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, in whatever way."""
        self._records[record.trial_id] = record
        self._lanes[record.spec.architecture].ended(record)
        for spec in self._audit.ended(record):
            self._lanes[spec.architecture].add_audit(spec)

    def abandon(self) -> None:
        """Hand out nothing more; trials that run may still end."""
        self._abandoned = True

    @property
    def complete(self) -> bool:
        """Whether every trial of the study, in all phases, has ended."""
        return all(lane.complete for lane in self._lanes.values())

    @property
    def exhausted(self) -> bool:
        """Whether `next` will never give a trial again."""
        return self._abandoned or all(lane.alone_complete for lane in self._lanes.values())


class _AuditSample:
    """A simple random sample of the trials that early stopping ended, drawn while the search goes on.

    It is the first few stopped ones in a random order of all search trials; those before the first
    trial that has not ended yet are certain.
    """

    def __init__(self, study: Study, search: Iterable[TrialSpec]) -> None:
        self._left = study.audit.trials
        self._undecided = list(reversed(audit_order(study, search)))
        self._status: dict[str, Status] = {}

    def ended(self, record: TrialRecord) -> list[TrialSpec]:
        """Trials that are certain to be in the sample, now that this one has ended."""
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
        self.data_parallel: list[TrialSpec] = []  # that several workers are to train together

    @property
    def rate(self) -> float | None:
        """Measured seconds for a unit of cost; None before anything was measured."""
        return self._seconds / self._costs if self._seconds > 0 and self._costs > 0 else None

    @property
    def complete(self) -> bool:
        return not self._to_search and not self._to_follow

    @property
    def alone_complete(self) -> bool:
        """Whether every trial has ended that one worker trains."""
        return not self._to_search and self._to_follow <= {spec.trial_id for spec in self.data_parallel}

    def precedence(self, slowest: float) -> tuple[bool, float]:
        """New architectures first, then by expected seconds."""
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
        # When the search of a finished run is enlarged, what follows from it may have ended before it is known.
        ended = {record.trial_id for record in self._records}
        specs = tuple(spec for spec in specs if spec.trial_id not in ended)
        self._to_follow |= {spec.trial_id for spec in specs}
        self.data_parallel += [spec for spec in specs if self._is_data_parallel(spec)]
        alone = [spec for spec in specs if not self._is_data_parallel(spec)]
        self.waiting = _last_is_next((*reversed(self.waiting), *alone), self._cost)

    def _is_data_parallel(self, spec: TrialSpec) -> bool:
        return spec.phase is Phase.CONFIRM and self._study.confirm.workers > 1


def _last_is_next(specs: tuple[TrialSpec, ...], cost: Callable[[TrialSpec], float]) -> list[TrialSpec]:
    """The most expensive trial last, where it is cheap to take; of equal ones, the first of the plan."""
    waiting = list(reversed(specs))
    waiting.sort(key=cost)
    return waiting
