"""Which trial comes next: search trials of every architecture, and confirm trials as soon as one is selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.plan import plan_confirm
from harness.selection import select
from harness.study import Study
from harness.trial import Phase, TrialRecord, TrialSpec


class Supply:
    """Hands out the trials of a study, the longest first, in both phases at once.

    The confirm trials of an architecture join the others when its last search trial has ended. So no
    slot waits for an architecture that is still being searched.

    Args:
        study: what is asked.
        search: the search trials.
        cost: expected cost of a trial; only its order matters.
        finished: records of trials that ended before, which are not handed out again.
    """

    def __init__(
        self,
        study: Study,
        search: Iterable[TrialSpec],
        cost: Callable[[TrialSpec], float],
        finished: Iterable[TrialRecord] = (),
    ) -> None:
        self._study = study
        self._abandoned = False
        self._cost = cost
        self._records: dict[str, TrialRecord] = {record.trial_id: record for record in finished}
        self._searched: dict[str, tuple[TrialSpec, ...]] = {}
        for spec in search:
            self._searched[spec.architecture] = (*self._searched.get(spec.architecture, ()), spec)
        self._waiting: dict[str, TrialSpec] = {}
        self._confirm: dict[str, tuple[TrialSpec, ...]] = {}
        for specs in self._searched.values():
            self._add(specs)
        for architecture in self._searched:
            self._confirm_when_searched(architecture)

    @property
    def specs(self) -> Mapping[Phase, tuple[TrialSpec, ...]]:
        """Every trial known so far."""
        return {
            Phase.SEARCH: tuple(spec for specs in self._searched.values() for spec in specs),
            Phase.CONFIRM: tuple(spec for specs in self._confirm.values() for spec in specs),
        }

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Every trial that ended, in the order in which they ended."""
        return tuple(self._records.values())

    def next(self) -> TrialSpec | None:
        """The most expensive trial that waits; None while none does."""
        if not self._waiting:
            return None
        chosen = max(self._waiting.values(), key=self._cost)
        return self._waiting.pop(chosen.trial_id)

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, in whatever way."""
        self._records[record.trial_id] = record
        if record.spec.phase is Phase.SEARCH:
            self._confirm_when_searched(record.spec.architecture)

    @property
    def exhausted(self) -> bool:
        """Whether no trial will ever be handed out again."""
        return self._abandoned or self.complete

    @property
    def complete(self) -> bool:
        """Whether every trial of the study, in both phases, has ended."""
        return not self._waiting and all(
            spec.trial_id in self._records for specs in self.specs.values() for spec in specs
        )

    def abandon(self) -> None:
        """Hand out nothing more; trials that run may still end."""
        self._waiting.clear()
        self._abandoned = True

    def _add(self, specs: Iterable[TrialSpec]) -> None:
        self._waiting |= {spec.trial_id: spec for spec in specs if spec.trial_id not in self._records}

    def _confirm_when_searched(self, architecture: str) -> None:
        if architecture in self._confirm:
            return
        if any(spec.trial_id not in self._records for spec in self._searched[architecture]):
            return
        tried = (self._records[spec.trial_id] for spec in self._searched[architecture])
        selected = select(tried, architecture)
        self._confirm[architecture] = plan_confirm(self._study, selected) if selected else ()
        self._add(self._confirm[architecture])
