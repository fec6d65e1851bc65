"""Early stopping with a separate ASHA for each architecture."""

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
    """Scheduler that stops search trials early, with one ASHA for each architecture.

    Architectures never share a rung, because their learning curves are not comparable. Confirm and
    audit trials are never stopped.

    Args:
        early_stopping: Settings of ASHA.
        longest: Epochs of the longest search trial, by architecture.
        spec_of: Function that returns the specification of a Tune trial.
        slots: Number of trials that can run at the same time.
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
        """Choose the pending trial that reuses the worker of a trial that has ended.

        It is the oldest pending trial if every slot has a worker, otherwise the newest one. Workers
        take seconds to start, and they are started for the oldest pending trials first. Reusing a
        worker cancels the one that is starting for that trial, so with short trials the empty slots
        would never fill. No worker is starting yet for the newest trial.
        """
        for trial in [trial for trial in self._waiting if trial.status != Trial.PENDING]:
            del self._waiting[trial]
        if not self._waiting:
            return None
        running = sum(trial.status == Trial.RUNNING for trial in tune_controller.get_live_trials())
        filled = running >= self._slots - 1  # the trial that has just ended does not count
        return next(iter(self._waiting) if filled else reversed(self._waiting))

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Add a pending trial to the ASHA of its architecture."""
        self._waiting[trial] = None
        if asha := self._asha_of(trial):
            asha.on_trial_add(tune_controller, self._identity(trial))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Return STOP or CONTINUE, as the ASHA of the architecture decides."""
        asha = self._asha_of(trial)
        if asha is None:
            return self.CONTINUE
        return str(asha.on_trial_result(tune_controller, self._identity(trial), result))

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Add the result of a completed trial to its rungs. A failed trial has no result."""
        asha = self._asha_of(trial)
        if asha is not None and METRIC in result:
            asha.on_trial_complete(tune_controller, self._identity(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Remove a trial that never ran from the ASHA of its architecture."""
        if asha := self._asha_of(trial):
            asha.on_trial_remove(tune_controller, self._identity(trial))

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Do nothing: results of a trial whose worker died stay in its rungs."""

    def replay(self, record: TrialRecord) -> None:
        """Add an earlier trial of a resumed run to its rungs. Ray does not do this (ray#30838)."""
        if record.spec.phase is not Phase.SEARCH or record.spec.architecture not in self.asha:
            return
        asha = self.asha[record.spec.architecture]
        controller: Any = None  # ASHA does not use the controller
        trial = _named(record.trial_id)
        asha.on_trial_add(controller, trial)
        for epoch in record.epochs:
            asha.on_trial_result(controller, trial, {TIME: epoch.epoch, METRIC: epoch.validation_accuracy})

    def debug_string(self) -> str:
        """Return the state of every ASHA."""
        return "\n".join(f"{name}: {asha.debug_string()}" for name, asha in self.asha.items())

    def _identity(self, trial: Trial) -> Any:
        """Return a stand-in with the identity of the trial.

        Each attempt at a trial is a separate Tune trial. With its own identity, a retried trial
        counts only once at a rung.
        """
        return _named(self._spec_of(trial).trial_id)

    def _asha_of(self, trial: Trial) -> AsyncHyperBandScheduler | None:
        spec = self._spec_of(trial)
        return self.asha[spec.architecture] if spec.phase is Phase.SEARCH else None


def _named(trial_id: str) -> Any:
    return SimpleNamespace(trial_id=trial_id)  # ASHA uses no other attribute of a trial


def build_asha(early_stopping: EarlyStopping, epochs: int) -> AsyncHyperBandScheduler:
    """Return Ray's ASHA for validation accuracy, measured in epochs."""
    return AsyncHyperBandScheduler(
        time_attr=TIME,
        metric=METRIC,
        mode="max",
        max_t=epochs,
        grace_period=min(early_stopping.grace_epochs, epochs),
        reduction_factor=early_stopping.reduction_factor,
        # A trial that has reached its last epoch is completed, not stopped early.
        stop_last_trials=False,
    )
