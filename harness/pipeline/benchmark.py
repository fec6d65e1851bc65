"""A study from data to report: each step hands values to the next."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from architectures import BUILT_IN
from architectures.own import description
from harness.data import LoadedDataset, load_dataset
from harness.errors import RunFolderError
from harness.records.cost import costs_json
from harness.records.trial import ModelSummary, TrialRecord, TrialSpec
from harness.report import write_report
from harness.runs import provenance
from harness.runs.environment import Environment, Hardware, Timeline
from harness.runs.files import write_bytes, write_json, write_text
from harness.runs.journal import Journal
from harness.runs.paths import RunFolder
from harness.runs.recorder import Recorder, keep_missed_images, settle_predictions
from harness.runs.resume import begun_environment, changed_code
from harness.schedule.observer import Display
from harness.schedule.plan import plan_confirm, plan_search
from harness.schedule.supply import Supply
from harness.study import Study, former_data, study_yaml


@dataclass(frozen=True)
class Job:
    """What to run and where to.

    Attributes:
        study: what is asked.
        folder: where results go.
        finished: records of an earlier part of the run, whose folder this process holds; None for a new run.
        data_dir: where the data files are; None for the user's cache.
        address: of a Ray cluster, where one is named.
        command: as it was typed.
        began: when it was, in seconds since 1970; None for when this process did.
    """

    study: Study
    folder: Path
    finished: tuple[TrialRecord, ...] | None
    data_dir: Path | None
    address: str | None
    command: str
    began: float | None = None

    @property
    def cluster(self) -> str | None:
        """The cluster to join: the one that is named, by `RAY_ADDRESS` as in a Ray job, or None for a new one."""
        return self.address or os.environ.get("RAY_ADDRESS") or None

    @property
    def started(self) -> float:
        """When the command was given, in seconds since 1970."""
        return self.began if self.began is not None else psutil.Process().create_time()


@dataclass(frozen=True)
class RunResult:
    """What became of a job.

    Attributes:
        report: path of the report.
        complete: whether all was done that the study asks for; if not, the run was interrupted.
        without_result: architectures of which no confirm trial completed.
    """

    report: Path
    complete: bool
    without_result: tuple[str, ...]


Deferred = Callable[[], AbstractContextManager[None]]
"""Makes a block in which an interruption waits for the end of the block."""


def run_benchmark(job: Job, display: Display, deferred: Deferred = contextlib.nullcontext) -> RunResult:
    """Run a study, or the rest of one, and write its report.

    Args:
        job: what to run.
        display: shows how it goes.
        deferred: while Ray is imported and started.

    Raises:
        HarnessError: the data, the environment or the run folder will not do.
        KeyboardInterrupt: it was interrupted before there was anything to report.
    """
    provenance.check_environment()
    provenance.check_loggers(job.study.loggers)
    display.stage(f"loading the data set {job.study.dataset.name}")
    # Another machine cannot read a file of this one.
    loaded = load_dataset(job.study.dataset, job.data_dir, job.cluster is not None)
    check_same_data(job, loaded)
    with contextlib.ExitStack() as holding:
        folder = RunFolder(job.folder)
        if job.finished is None:
            folder = RunFolder.create(job.folder)
            holding.enter_context(folder.held())
        # From here on the folder can be resumed, whatever happens.
        write_text(folder.study, study_yaml(job.study))
        Journal(folder.journal).close()
        supply, ended = search_and_confirm(job, folder, loaded, display, deferred)
        settle_predictions(folder, supply.confirmed, supply.selected)
        keep_missed_images(folder, supply.confirmed, loaded.test, supply.selected)
        write_json(folder.environment, ended.model_dump(mode="json"))
        display.stage("writing the report")
        report = write_report(job.folder)
    return RunResult(report, not ended.interrupted, without_result(job.study, supply.confirmed))


def check_same_data(job: Job, loaded: LoadedDataset) -> None:
    """A run goes on with the data that it began with.

    Raises:
        RunFolderError: the data differ.
    """
    for record in job.finished or ():
        if record.spec.dataset != loaded.provenance.fingerprint:
            raise RunFolderError(
                f"{job.folder}: the run used data {record.spec.dataset}, and these are "
                f"{loaded.provenance.fingerprint}; ",
                *former_data(job.study.dataset),
            )


def search_and_confirm(
    job: Job, folder: RunFolder, loaded: LoadedDataset, display: Display, deferred: Deferred
) -> tuple[Supply, Environment]:
    """Run every trial; gives the supply with all records, and what ran where and when."""
    study, training, stamps = job.study, loaded.training, dict[str, float]()
    search = plan_search(study, loaded.provenance.fingerprint)
    resources = {name: study.resources_of(name) for name in study.architectures}
    sources = tuple(study.registry.loaded)
    with contextlib.ExitStack() as connected:
        display.stage(f"joining the cluster {job.cluster}" if job.cluster else "starting a local cluster")
        with deferred():
            from harness.orchestration import Shared, connect, model_sizes, run_cost_pass, run_experiment

            cluster = connected.enter_context(
                connect(job.cluster, resources, loaded.bytes_in_memory, study.confirm.workers, sources)
            )
        display.stage("counting the parameters of every model")
        summary_of = model_sizes(search, training.shape, len(training.classes), cluster.sources, study.trial_timeout)
        supply = Supply(study, search, cost_by(summary_of), finished=job.finished or ())
        begun = environment(job, folder, loaded, cluster.slots)
        write_json(
            folder.environment, begun.with_trials(supply.records, stamps, supply.complete).model_dump(mode="json")
        )
        with display.trials(study, supply, cluster.slots) as observer, Journal(folder.journal) as journal:
            recorder = Recorder(folder, journal, study, training, loaded.test, supply.selected)
            shared = Shared(training, loaded.test)
            run_experiment(study, supply, shared, cluster, summary_of, recorder, observer, job.folder)
        stamps["experiment_ended"] = time.time()
        if supply.complete:
            with contextlib.suppress(KeyboardInterrupt):  # without that stamp, the run counts as interrupted
                models = first_models(folder, study, supply)
                display.stage("measuring latency and throughput")
                costs = run_cost_pass(study, models, training, cluster) if models else ()
                write_bytes(folder.costs, costs_json(costs))
                stamps["cost_pass_ended"] = time.time()
    stamps["cluster_stopped"] = time.time()
    return supply, begun.with_trials(supply.records, stamps, supply.complete)


def first_models(folder: RunFolder, study: Study, supply: Supply) -> list[tuple[TrialSpec, bytes]]:
    """Specification and weights of the first seed's model of every architecture that has one."""
    models = []
    for name in study.architectures:
        selected = supply.selected(name)
        if selected is not None and folder.weights(name).is_file():
            models.append((plan_confirm(study, selected)[0], folder.weights(name).read_bytes()))
    return models


def cost_by(summary_of: Callable[[TrialSpec], ModelSummary | None]) -> Callable[[TrialSpec], float]:
    """Multiply-adds of a trial for one image of each epoch; 0 for a model that cannot be built."""

    def cost(spec: TrialSpec) -> float:
        summary = summary_of(spec)
        return float(summary.macs * spec.epochs) if summary else 0.0

    return cost


def environment(job: Job, folder: RunFolder, loaded: LoadedDataset, slots: int) -> Environment:
    """What is known when trials begin."""
    registry = job.study.registry
    commit, dirty = provenance.commit()
    begun = Environment(
        command=job.command,
        started_at=datetime.fromtimestamp(job.started, UTC).isoformat(timespec="seconds"),
        versions=provenance.versions(),
        commit=commit,
        dirty=dirty,
        hardware=Hardware.model_validate(provenance.hardware()),
        slots=slots,
        study=job.study.model_dump(mode="json"),
        code=provenance.code_fingerprints(registry[name] for name in job.study.architectures),
        dataset=loaded.provenance,
        own_architectures=tuple(
            description(registry[name]) for name in job.study.architectures if name not in BUILT_IN
        ),
        timeline=Timeline(command_started=job.started),
        interrupted=True,
    )
    earlier = begun_environment(folder)
    return begun.after(earlier, changed_code(folder, job.finished or (), registry)) if earlier is not None else begun


def without_result(study: Study, records: Sequence[TrialRecord]) -> tuple[str, ...]:
    """Architectures of which no confirm trial completed."""
    confirmed = {record.spec.architecture for record in records if record.test is not None}
    return tuple(name for name in study.architectures if name not in confirmed)
