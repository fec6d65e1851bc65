"""The Tune experiment that runs all trials of a study, for every architecture and phase."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from harness.data.dataset import SealedTest, TrainingData
from harness.orchestration.bookkeeper import Bookkeeper, Keeper, StopOnError
from harness.orchestration.cluster import Cluster, Share
from harness.orchestration.data_parallel import train_data_parallel
from harness.orchestration.loggers import loggers
from harness.orchestration.ray_quirks import (
    SilentProgress,
    Unsaved,
    lack_of_memory_costs_one_trial,
    signal_handlers_kept,
)
from harness.orchestration.scheduler import PerArchitectureScheduler
from harness.orchestration.trainable import Placed, trainable
from harness.records.trial import ModelSummary, Phase, TrialSpec
from harness.schedule.observer import Observer
from harness.schedule.supply import Supply
from harness.study import Study


@dataclass(frozen=True, eq=False)
class Shared:
    """The data set that all trials of a study share."""

    training: TrainingData
    test: SealedTest


def run_experiment(
    study: Study,
    supply: Supply,
    shared: Shared,
    cluster: Cluster,
    summary_of: Callable[[TrialSpec], ModelSummary | None],
    keeper: Keeper,
    observer: Observer,
    folder: Path,
) -> None:
    """Run every trial of the supply. Return when all have ended, or after an interrupt.

    Args:
        study: The study, for early stopping, precision, retries and timeouts.
        supply: Source of the trials.
        shared: The data.
        cluster: The connected cluster.
        summary_of: Function that returns the size of a trial's model.
        keeper: Storage for records and checkpoints.
        observer: Receives the events of the experiment.
        folder: Run folder, where loggers may write.

    Raises:
        Exception: The exception that `keeper` raised. The experiment is stopped first.
    """
    placed = Placed(
        training=ray.put(shared.training),
        test=ray.put(shared.test),
        sources=cluster.sources,
        precision=study.precision,
        checkpoint_seconds=study.checkpoint.every_seconds,
        trial_timeout=study.trial_timeout,
    )
    bookkeeper = Bookkeeper(study, supply, summary_of, keeper, observer)
    scheduler = PerArchitectureScheduler(
        study.early_stopping, _longest(supply.specs[Phase.SEARCH]), bookkeeper.spec_of, cluster.slots
    )
    for record in supply.records:
        scheduler.replay(record)
    # Errors of the cleanup are ignored: workers of an interrupted trial may still write to the
    # folder.
    with tempfile.TemporaryDirectory(prefix="harness-tune-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trainable, placed=placed), _bundle),
            tune_config=tune.TuneConfig(
                search_alg=SupplySearcher(supply, keeper, cluster.shares),
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=None,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
            ),
            run_config=tune.RunConfig(
                name="study",
                storage_path=str(Path(scratch).resolve()),
                failure_config=tune.FailureConfig(max_failures=0),  # the supply retries trials, not Tune
                callbacks=[*loggers(study, folder), bookkeeper, SilentProgress()],
                stop=StopOnError(bookkeeper),
                verbose=0,
            ),
        )
        with lack_of_memory_costs_one_trial(), signal_handlers_kept():
            tuner.fit()
        train_data_parallel(study, supply, placed, cluster, bookkeeper, Path(scratch).resolve())
    if bookkeeper.error is not None:
        raise bookkeeper.error


def _bundle(config: dict[str, Any]) -> tune.PlacementGroupFactory:
    """Return the resources of a Tune trial: a CPU for each thread, and its GPUs."""
    gpus = {"GPU": config["gpus"]} if config["gpus"] > 0 else {}
    return tune.PlacementGroupFactory([{"CPU": float(config["threads"])} | gpus])


def _longest(specs: tuple[TrialSpec, ...]) -> Mapping[str, int]:
    longest: dict[str, int] = {}
    for spec in specs:
        longest[spec.architecture] = max(spec.epochs, longest.get(spec.architecture, 0))
    return longest


def _name(trial: Trial) -> str:
    return TrialSpec.model_validate(trial.config["specs"][0]).trial_id


class SupplySearcher(Unsaved, Searcher):
    """Tune searcher that takes the next trial from the supply."""

    def __init__(self, supply: Supply, keeper: Keeper, shares: Mapping[str, Share]) -> None:
        super().__init__()
        self._supply = supply
        self._keeper = keeper
        self._shares = shares

    def suggest(self, trial_id: str) -> dict[str, Any] | None:  # noqa: ARG002  # Tune's own identity of a trial
        """Return the next trial, None if one may come later, or FINISHED if none will."""
        spec = self._supply.next()
        if spec is not None:
            share = self._shares[spec.architecture]
            specs = (spec, *self._supply.take_together(spec, share.together - 1))
            return {
                "specs": [spec.model_dump(mode="json") for spec in specs],
                "checkpoint": self._keeper.checkpoint(spec) if len(specs) == 1 else None,
                "gpus": share.gpus,
                "device": share.device,
                "threads": share.cpus,
                "another_attempt": self._supply.is_another_attempt(spec),
            }
        # FINISHED is a string, but the declared return type of the method does not include it.
        return cast(None, Searcher.FINISHED) if self._supply.exhausted else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: the bookkeeper updates the supply after it has written the record."""

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: a run is resumed from the journal."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a run is resumed from the journal."""
