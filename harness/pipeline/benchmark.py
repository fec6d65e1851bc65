"""Running a whole study: loading data, running trials, measuring costs and writing the report."""

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
    """A study to run, with its place and settings.

    Attributes:
        study: The study.
        folder: Run folder.
        finished: Records of the finished trials of a resumed run, whose folder this process has
            locked; None for a new run.
        data_dir: Folder of the data files; None for the user's cache.
        address: Address of a Ray cluster; None if none was given.
        command: Command line.
        began: Time of the command, in seconds since 1970; None for the start of this process.
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
        """Address of the cluster to join, from `address` or `RAY_ADDRESS`; None for a local one."""
        return self.address or os.environ.get("RAY_ADDRESS") or None

    @property
    def started(self) -> float:
        """Time of the command, in seconds since 1970."""
        return self.began if self.began is not None else psutil.Process().create_time()


@dataclass(frozen=True)
class RunResult:
    """Outcome of a job.

    Attributes:
        report: Path of the report.
        complete: Whether the study is complete; if not, the run was interrupted.
        without_result: Architectures without a completed confirm trial.
    """

    report: Path
    complete: bool
    without_result: tuple[str, ...]


Deferred = Callable[[], AbstractContextManager[None]]
"""Function that returns a context manager, which delays an interrupt until the end of its block."""


def run_benchmark(job: Job, display: Display, deferred: Deferred = contextlib.nullcontext) -> RunResult:
    """Run a study or resume it, and write its report.

    Args:
        job: The job.
        display: Shows the progress.
        deferred: Delays interrupts while Ray is imported and started.

    Raises:
        HarnessError: The data, the environment or the run folder cannot be used.
        KeyboardInterrupt: The run was interrupted before there was anything to report.
    """
    provenance.check_environment()
    provenance.check_loggers(job.study.loggers)
    display.stage(f"loading the data set {job.study.dataset.name}")
    # Other machines of a cluster cannot read files of this machine, so the data are kept in memory.
    loaded = load_dataset(job.study.dataset, job.data_dir, job.cluster is not None)
    check_same_data(job, loaded)
    with contextlib.ExitStack() as holding:
        folder = RunFolder(job.folder)
        if job.finished is None:
            folder = RunFolder.create(job.folder)
            holding.enter_context(folder.held())
        # From here on, the run can be resumed.
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
    """Check that the data of a resumed run are the same as before.

    Raises:
        RunFolderError: The data differ.
    """
    for record in job.finished or ():
        if record.spec.dataset != loaded.provenance.fingerprint:
            raise RunFolderError(
                f"{job.folder}: the data have changed since the run started (fingerprint "
                f"{loaded.provenance.fingerprint} instead of {record.spec.dataset}); ",
                *former_data(job.study.dataset),
            )


def search_and_confirm(
    job: Job, folder: RunFolder, loaded: LoadedDataset, display: Display, deferred: Deferred
) -> tuple[Supply, Environment]:
    """Run all trials and the cost pass. Return the supply with all records, and the environment."""
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
            with contextlib.suppress(KeyboardInterrupt):  # without the stamp below, the run counts as interrupted
                models = first_models(folder, study, supply)
                display.stage("measuring latency and throughput")
                costs = run_cost_pass(study, models, training, cluster) if models else ()
                write_bytes(folder.costs, costs_json(costs))
                stamps["cost_pass_ended"] = time.time()
    stamps["cluster_stopped"] = time.time()
    return supply, begun.with_trials(supply.records, stamps, supply.complete)


def first_models(folder: RunFolder, study: Study, supply: Supply) -> list[tuple[TrialSpec, bytes]]:
    """Return specification and weights of the model of the first seed, for each architecture."""
    models = []
    for name in study.architectures:
        selected = supply.selected(name)
        if selected is not None and folder.weights(name).is_file():
            models.append((plan_confirm(study, selected)[0], folder.weights(name).read_bytes()))
    return models


def cost_by(summary_of: Callable[[TrialSpec], ModelSummary | None]) -> Callable[[TrialSpec], float]:
    """Return a cost function for trials: multiply-adds of an image, times epochs.

    The cost is 0 if the model cannot be built.
    """

    def cost(spec: TrialSpec) -> float:
        summary = summary_of(spec)
        return float(summary.macs * spec.epochs) if summary else 0.0

    return cost


def environment(job: Job, folder: RunFolder, loaded: LoadedDataset, slots: int) -> Environment:
    """Return the environment as it is known before the first trial."""
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
    """Return the architectures without a completed confirm trial."""
    confirmed = {record.spec.architecture for record in records if record.test is not None}
    return tuple(name for name in study.architectures if name not in confirmed)
