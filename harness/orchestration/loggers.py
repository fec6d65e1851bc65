"""TensorBoard, MLflow and Weights & Biases loggers that receive the metrics of every epoch."""

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
    """Return Ray callbacks for the loggers of a study.

    Args:
        study: The study. Its name becomes the name of the project or experiment.
        folder: Run folder. Loggers write files to `loggers/` in it, unless their own settings name
            another place.
    """
    return [
        GuardedLogger(name, _new_logger(name, study, folder / "loggers" / name), folder / "loggers" / name)
        for name in study.loggers
    ]


def _new_logger(name: str, study: Study, folder: Path) -> LoggerCallback:
    # Imported here because each callback imports the package of its logger.
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


class LoggedTrial:
    """A Tune trial as loggers see it, with its hyperparameters and a permanent folder."""

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
        """Create the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    def __str__(self) -> str:
        return str(self._trial)


class GuardedLogger(Unsaved, LoggerCallback):
    """Wrapper that passes metrics to a logger, without the large messages.

    If the logger raises an exception, a warning is logged, and the logger receives nothing more.
    The run continues.
    """

    def __init__(self, name: str, logger: LoggerCallback, folder: Path) -> None:
        super().__init__()
        self._name = name
        self._logger = logger
        self._folder = folder
        self._trials: dict[str, LoggedTrial] = {}
        self._failed = False

    def setup(self, *arguments: Any, **info: Any) -> None:
        """Set up the logger when the experiment begins."""
        self._try(lambda: self._logger.setup(*arguments, **info))

    def log_trial_start(self, trial: Trial) -> None:
        """Pass on the start of a trial."""
        logged = self._logged(trial)
        logged.init_local_path()  # Tune has created only its own folder of the trial
        self._try(lambda: self._logger.log_trial_start(logged))

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:  # noqa: ARG002  # Tune's
        """Pass on an epoch of a trial that is not trained together with others."""
        messages: tuple[Message, ...] = result.get("messages", ())
        epoch = messages[0].epoch if len(messages) == 1 else None
        if epoch is not None:
            values = measured(epoch) | {"training_iteration": epoch.epoch, "timesteps_total": None}
            self._try(lambda: self._logger.log_trial_result(epoch.epoch, self._logged(trial), values))

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        """Pass on the end of a trial."""
        self._try(lambda: self._logger.log_trial_end(self._logged(trial), failed))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Pass on the end of the experiment."""
        self._try(lambda: self._logger.on_experiment_end([self._logged(trial) for trial in trials], **info))

    def _logged(self, trial: Trial) -> Any:
        if trial.trial_id not in self._trials:
            self._trials[trial.trial_id] = LoggedTrial(trial, self._folder)
        return self._trials[trial.trial_id]

    def _try(self, call: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001  # no error of a logger may stop the run
            self._failed = True
            logging.getLogger("harness").warning(
                "the logger %s failed and is switched off for the rest of the run: %s", self._name, describe(error)
            )


def measured(epoch: EpochResult) -> dict[str, Any]:
    """Return the metrics of an epoch."""
    return epoch.model_dump(mode="json", exclude={"epoch"})
