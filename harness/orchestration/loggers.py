"""Loggers that people already use, through Ray's own callbacks: told of every epoch, and of nothing heavy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.logger import LoggerCallback

from harness.errors import describe
from harness.orchestration.ray_quirks import Unsaved
from harness.records.messages import Message
from harness.records.trial import EpochResult, TrialSpec
from harness.study import Study


def loggers(study: Study, folder: Path) -> list[LoggerCallback]:
    """Ray's callbacks for the loggers of a study.

    Args:
        study: which, and its name, which is that of the project or experiment.
        folder: of the run; what a logger writes to files goes to `loggers/` in it, unless its own settings say where.
    """
    return [
        Told(name, _made(name, study, folder / "loggers" / name), folder / "loggers" / name) for name in study.loggers
    ]


def _made(name: str, study: Study, folder: Path) -> LoggerCallback:
    # Ray imports a logger's package with its callback.
    match name:
        case "tensorboard":
            from ray.tune.logger import TBXLoggerCallback

            return TBXLoggerCallback()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
        case "mlflow":
            from ray.air.integrations.mlflow import MLflowLoggerCallback

            return MLflowLoggerCallback(experiment_name=study.name)
        case _:
            from ray.air.integrations.wandb import WandbLoggerCallback

            folder.mkdir(parents=True, exist_ok=True)
            return WandbLoggerCallback(project=study.name, dir=str(folder))


class Shown:
    """A Tune trial as a logger sees it: hyperparameters for its configuration, and a folder that lasts."""

    def __init__(self, trial: Trial, folder: Path) -> None:
        spec = TrialSpec.model_validate(trial.config["specs"][0])
        self._trial = trial
        self.config: dict[str, Any] = {
            "architecture": spec.architecture,
            "phase": spec.phase.value,
            "seed": spec.seed,
        } | dict(spec.hyperparameters)
        self.evaluated_params = self.config
        self.local_path = str(folder / spec.trial_id)
        self.logdir = self.local_path

    def init_local_path(self) -> None:
        """Make the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    def __str__(self) -> str:
        return str(self._trial)


class Told(Unsaved, LoggerCallback):
    """Passes on what a logger may know. One that fails is told no more, with a warning: results matter, it does not."""

    def __init__(self, name: str, logger: LoggerCallback, folder: Path) -> None:
        super().__init__()
        self._name = name
        self._logger = logger
        self._folder = folder
        self._shown: dict[str, Shown] = {}
        self._failed = False

    def setup(self, *arguments: Any, **info: Any) -> None:
        """The experiment begins."""
        self._try(lambda: self._logger.setup(*arguments, **info))

    def log_trial_start(self, trial: Trial) -> None:
        """A trial begins."""
        shown = self._as_shown(trial)
        shown.init_local_path()  # which Tune has done for the trial itself
        self._try(lambda: self._logger.log_trial_start(shown))

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:  # noqa: ARG002  # Tune's
        """An epoch of a trial that one worker trains by itself has ended."""
        messages: tuple[Message, ...] = result.get("messages", ())
        epoch = messages[0].epoch if len(messages) == 1 else None
        if epoch is not None:
            values = measured(epoch) | {"training_iteration": epoch.epoch, "timesteps_total": None}
            self._try(lambda: self._logger.log_trial_result(epoch.epoch, self._as_shown(trial), values))

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        """A trial has ended."""
        self._try(lambda: self._logger.log_trial_end(self._as_shown(trial), failed))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """The experiment has ended."""
        self._try(lambda: self._logger.on_experiment_end([self._as_shown(trial) for trial in trials], **info))

    def _as_shown(self, trial: Trial) -> Any:
        if trial.trial_id not in self._shown:
            self._shown[trial.trial_id] = Shown(trial, self._folder)
        return self._shown[trial.trial_id]

    def _try(self, tell: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            tell()
        except Exception as error:  # noqa: BLE001  # whatever it does, the study goes on without it
            self._failed = True
            logging.getLogger("harness").warning(
                "the logger %s failed and is told no more: %s", self._name, describe(error)
            )


def measured(epoch: EpochResult) -> dict[str, Any]:
    """The numbers of an epoch."""
    return epoch.model_dump(mode="json", exclude={"epoch"})
