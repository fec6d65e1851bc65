"""Early stopping: an ASHA of its own for each architecture, so that unlike learning curves never share a rung."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

from harness.orchestration.ray_quirks import Unsaved
from harness.records.trial import Phase, TrialRecord, TrialSpec
from harness.study import EarlyStopping

METRIC = "validation_accuracy"
TIME = "epoch"


class PerArchitectureScheduler(Unsaved, FIFOScheduler):
    """Asks the ASHA of a search trial's architecture whether it goes on; all other trials do.

    Args:
        early_stopping: rungs.
        longest: epochs of the longest search trial of each architecture.
        spec_of: the specification of a Tune trial.
        slots: how many trials run at once.
    """

    def __init__(
        self,
        early_stopping: EarlyStopping,
        longest: Mapping[str, int],
        spec_of: Callable[[Trial], TrialSpec],
        slots: int,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
        self._spec_of = spec_of
        self._slots = slots
        self._waiting: dict[Trial, None] = {}  # in the order in which they came
        self.asha = {name: build_asha(early_stopping, epochs) for name, epochs in longest.items()}

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Which waiting trial is given the worker of one that ended: the oldest, once every slot has a worker.

        A worker takes seconds to start, and the oldest waiting trials have theirs started for them. Whoever is given
        another one has his own ended, so where trials are short, the slots that are still empty would stay so. Until
        all are filled it is the newest trial that is served, for which no worker is being started yet.
        """
        for trial in [trial for trial in self._waiting if trial.status != Trial.PENDING]:
            del self._waiting[trial]
        if not self._waiting:
            return None
        running = sum(trial.status == Trial.RUNNING for trial in tune_controller.get_live_trials())
        filled = running >= self._slots - 1  # all but the one whose trial has just ended
        return next(iter(self._waiting) if filled else reversed(self._waiting))

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """A trial waits, and joins the rungs of its architecture."""
        self._waiting[trial] = None
        if asha := self._asha_of(trial):
            asha.on_trial_add(tune_controller, self._identity(trial))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """STOP or CONTINUE, by the rungs of its architecture."""
        asha = self._asha_of(trial)
        if asha is None:
            return self.CONTINUE
        return str(asha.on_trial_result(tune_controller, self._identity(trial), result))

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Records what a finished trial reached; a failed one reached nothing."""
        asha = self._asha_of(trial)
        if asha is not None and METRIC in result:
            asha.on_trial_complete(tune_controller, self._identity(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """A trial that never ran leaves its rungs."""
        if asha := self._asha_of(trial):
            asha.on_trial_remove(tune_controller, self._identity(trial))

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """A trial whose worker died leaves its rungs as they are."""

    def replay(self, record: TrialRecord) -> None:
        """Fill the rungs with a trial of an earlier part of the run, which Ray's own restore forgets (ray#30838)."""
        if record.spec.phase is not Phase.SEARCH or record.spec.architecture not in self.asha:
            return
        asha = self.asha[record.spec.architecture]
        nobody: Any = None  # ASHA asks nothing of the controller
        trial = _named(record.trial_id)
        asha.on_trial_add(nobody, trial)
        for epoch in record.epochs:
            asha.on_trial_result(nobody, trial, {TIME: epoch.epoch, METRIC: epoch.validation_accuracy})

    def debug_string(self) -> str:
        """State of every ASHA."""
        return "\n".join(f"{name}: {asha.debug_string()}" for name, asha in self.asha.items())

    def _identity(self, trial: Trial) -> Any:
        """The trial under its own identity: attempts are trials of Tune's, and one must not count twice at a rung."""
        return _named(self._spec_of(trial).trial_id)

    def _asha_of(self, trial: Trial) -> AsyncHyperBandScheduler | None:
        spec = self._spec_of(trial)
        return self.asha[spec.architecture] if spec.phase is Phase.SEARCH else None


def _named(trial_id: str) -> Any:
    return SimpleNamespace(trial_id=trial_id)  # ASHA asks nothing else of a trial


def build_asha(early_stopping: EarlyStopping, epochs: int) -> AsyncHyperBandScheduler:
    """Ray's stopping ASHA over epochs and validation accuracy."""
    return AsyncHyperBandScheduler(
        time_attr=TIME,
        metric=METRIC,
        mode="max",
        max_t=epochs,
        grace_period=min(early_stopping.grace_epochs, epochs),
        reduction_factor=early_stopping.reduction_factor,
        # A trial that reached its last epoch ends by itself; stopping it there would not be early.
        stop_last_trials=False,
    )
