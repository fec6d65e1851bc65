"""A study from data to report: each step hands values to the next."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil

from architectures import ARCHITECTURES, BUILT_IN, InputShape
from architectures.own import description
from harness import provenance
from harness.cost import costs_json
from harness.data import LoadedDataset, load_dataset
from harness.errors import RunFolderError
from harness.interruption import (
    end_processes_beside,
    import_ray,
    process_beside,
    remember_interruption,
    stop_on_termination,
)
from harness.journal import Journal
from harness.plan import plan_confirm, plan_search
from harness.recorder import Recorder, keep_missed_images, settle_predictions
from harness.report import write_report
from harness.resume import begun_environment, changed_code
from harness.run_folder import RunFolder, write_bytes, write_json, write_text
from harness.study import Study, former_data, study_yaml
from harness.supply import Supply
from harness.trial import EpochResult, ModelSummary, TrialRecord, TrialSpec, flat_json

_BUILD_SECONDS = 60.0  # for building models, without memory for their weights
_IMPORT_SECONDS = 15.0  # for a process to start and to import torch, on a machine that does other things too
_BUILD_SECONDS_EACH = 0.1


@dataclass(frozen=True)
class Job:
    """What to run and where to.

    Attributes:
        study: what is asked.
        folder: where results go.
        finished: records of an earlier part of the run, whose folder this process holds; None for a new run.
        data_dir: where the data files are; None for the user's cache.
        address: of a Ray cluster; None for a local one.
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
    def started(self) -> float:
        """When the command was given, in seconds since 1970."""
        return self.began if self.began is not None else psutil.Process().create_time()


class Display(Protocol):
    """Shows a person what happens."""

    def plan(self, job: Job, search: Sequence[TrialSpec]) -> None:
        """What will be run, before anything long begins."""

    def begin(self, study: Study, supply: Supply, slots: int) -> None:
        """Trials can start."""

    def started(self, spec: TrialSpec) -> None:
        """A trial was given a slot."""

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """A trial finished an epoch."""

    def again(self, spec: TrialSpec, reason: str) -> None:
        """A trial lost its worker, for this reason, and is tried again."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, and is in the journal."""

    def end(self) -> None:
        """No trial runs any more."""


@dataclass(frozen=True)
class Finished:
    """What became of a job.

    Attributes:
        report: path of the report.
        complete: whether all was done that the study asks for; if not, the run was interrupted.
        without_result: architectures of which no confirm trial completed.
    """

    report: Path
    complete: bool
    without_result: tuple[str, ...]


def run_benchmark(job: Job, display: Display) -> Finished:
    """Run a study, or the rest of one, and write its report.

    Raises:
        HarnessError: the data, the environment or the run folder will not do.
    """
    provenance.check_environment()
    provenance.check_loggers(job.study.loggers)
    display.plan(job, plan_search(job.study, "not loaded yet"))
    with contextlib.ExitStack() as holding, process_beside() as beside:
        # The data take as long to be read as Ray to be imported, and torch as Ray to be started.
        # Another machine cannot read a file of this one.
        loading = beside.submit(load_dataset, job.study.dataset, job.data_dir, joins_a_cluster(job.address))
        import_ray()
        loaded = loading.result()
        check_same_data(job, loaded)
        folder = RunFolder(job.folder)
        if job.finished is None:
            folder = RunFolder.create(job.folder)
            holding.enter_context(folder.held())
        # From here on the folder can be resumed, whatever happens.
        write_text(folder.study, study_yaml(job.study))
        Journal(folder.journal).close()
        search = plan_search(job.study, loaded.provenance.fingerprint)
        summaries = beside.submit(summarise_models, search, loaded.training.shape, len(loaded.training.classes))
        beside.shutdown(wait=False)  # it ends with that
        supply, begun, stamps = search_and_confirm(job, folder, loaded, search, summaries, display)
        settle_predictions(folder, supply.confirmed, supply.selected)
        keep_missed_images(folder, supply.confirmed, loaded.test, supply.selected)
        end = ending(job, supply, stamps)
        write_json(folder.environment, begun | end)
        report = write_report(job.folder)
    return Finished(report, not end["interrupted"], without_result(job.study, supply.confirmed))


def check_same_data(job: Job, loaded: LoadedDataset) -> None:
    """A run goes on with the data that it began with.

    Raises:
        RunFolderError: the data differ.
    """
    for record in job.finished or ():
        if record.spec.dataset != loaded.provenance.fingerprint:
            raise RunFolderError(
                f"--resume {job.folder}: the run used data {record.spec.dataset}, and these are "
                f"{loaded.provenance.fingerprint}; {former_data(job.study.dataset)}"
            )


def search_and_confirm(
    job: Job,
    folder: RunFolder,
    loaded: LoadedDataset,
    search: Sequence[TrialSpec],
    summaries: Future[list[ModelSummary | None]],
    display: Display,
) -> tuple[Supply, dict[str, Any], dict[str, float]]:
    """Run every trial; gives the supply with all records, what ran where, and when things happened."""
    stamps: dict[str, float] = {}
    interrupted = remember_interruption()
    from harness.orchestration import Shared, connect, run_cost_pass, run_experiment

    resources = {name: job.study.resources_of(name) for name in job.study.architectures}
    with connect(job.address, resources, loaded.bytes_in_memory, job.study.confirm.workers) as cluster:
        stop_on_termination()
        summary_of = by_configuration(
            search, model_sizes(summaries, search, loaded, job.study.trial_timeout, interrupted)
        )
        supply = Supply(job.study, search, cost_by(summary_of), finished=job.finished or ())
        begun = environment(job, loaded, cluster.slots) | as_it_began(job, folder)
        write_json(folder.environment, begun | ending(job, supply, stamps))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupted.is_set():
            raise KeyboardInterrupt
        display.begin(job.study, supply, cluster.slots)
        try:
            with Journal(folder.journal) as journal:
                recorder = Recorder(folder, journal, job.study, loaded.training, loaded.test, supply.selected)
                shared = Shared(loaded.training, loaded.test)
                run_experiment(job.study, supply, shared, cluster, summary_of, recorder, display, job.folder)
        finally:
            display.end()
        stamps["experiment_ended"] = time.time()
        if supply.complete:
            with contextlib.suppress(KeyboardInterrupt):  # without that stamp, the run counts as interrupted
                models = first_models(folder, job.study, supply)
                costs = run_cost_pass(job.study, models, loaded.training, cluster) if models else ()
                write_bytes(folder.costs, costs_json(costs))
                stamps["cost_pass_ended"] = time.time()
    stamps["cluster_stopped"] = time.time()
    return supply, begun, stamps


def first_models(folder: RunFolder, study: Study, supply: Supply) -> list[tuple[TrialSpec, bytes]]:
    """Specification and weights of the first seed's model of every architecture that has one."""
    models = []
    for name in study.architectures:
        selected = supply.selected(name)
        if selected is not None and folder.weights(name).is_file():
            models.append((plan_confirm(study, selected)[0], folder.weights(name).read_bytes()))
    return models


def summarise_models(search: Sequence[TrialSpec], shape: InputShape, classes: int) -> list[ModelSummary | None]:
    """Sizes of the models of the search trials; imports torch."""
    from harness.execution import summaries_of

    return summaries_of(search, shape, classes)


def model_sizes(
    waiting: Future[list[ModelSummary | None]],
    search: Sequence[TrialSpec],
    loaded: LoadedDataset,
    trial_timeout: float,
    interrupted: threading.Event,
) -> list[ModelSummary | None]:
    """Sizes of the models of the search trials; None for those that cannot be built in a reasonable time.

    An architecture that never returns from `build`, or brings the process down, costs its own sizes only:
    its trials will say what is wrong with it.

    Raises:
        KeyboardInterrupt: the user would not wait.
    """
    limit = min(_BUILD_SECONDS, _IMPORT_SECONDS + trial_timeout)
    found = answer_of(waiting, limit + _BUILD_SECONDS_EACH * len(search), interrupted)
    if found is not None:
        return found
    end_processes_beside()
    sizes: dict[str, ModelSummary | None] = {}
    for name in dict.fromkeys(spec.architecture for spec in search):
        specs = [spec for spec in search if spec.architecture == name]
        with contextlib.suppress(TimeoutError), process_beside() as beside:
            again = beside.submit(summarise_models, specs, loaded.training.shape, len(loaded.training.classes))
            of_one = answer_of(again, limit + _BUILD_SECONDS_EACH * len(specs), interrupted)
            if of_one is None:
                raise TimeoutError  # leaving the block in peace would wait for it
            sizes |= {spec.trial_id: size for spec, size in zip(specs, of_one, strict=True)}
    return [sizes.get(spec.trial_id) for spec in search]


def answer_of(
    waiting: Future[list[ModelSummary | None]], limit: float, interrupted: threading.Event
) -> list[ModelSummary | None] | None:
    """What a process beside answers; None when it dies, or says nothing for so many seconds."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if interrupted.is_set():
            raise KeyboardInterrupt
        try:
            return waiting.result(timeout=0.1)
        except TimeoutError:
            pass
        except BrokenProcessPool:
            return None
    return None


def by_configuration(
    search: Sequence[TrialSpec], summaries: Sequence[ModelSummary | None]
) -> Callable[[TrialSpec], ModelSummary | None]:
    """Size of the model of a trial, in whichever phase, from those of the search trials."""

    def key(spec: TrialSpec) -> tuple[str, str]:
        return spec.architecture, flat_json(spec.hyperparameters)

    of = {key(spec): summary for spec, summary in zip(search, summaries, strict=True)}
    return lambda spec: of[key(spec)]


def cost_by(summary_of: Callable[[TrialSpec], ModelSummary | None]) -> Callable[[TrialSpec], float]:
    """Multiply-adds of a trial for one image of each epoch; 0 for a model that cannot be built."""

    def cost(spec: TrialSpec) -> float:
        summary = summary_of(spec)
        return float(summary.macs * spec.epochs) if summary else 0.0

    return cost


def joins_a_cluster(address: str | None) -> bool:
    """Whether trials run on a cluster that is there already, as `connect` decides it."""
    return bool(address or os.environ.get("RAY_ADDRESS"))


def environment(job: Job, loaded: LoadedDataset, slots: int) -> dict[str, Any]:
    """What runs where, on which data: the part of `environment.json` that is known when trials begin."""
    commit, dirty = provenance.commit()
    return {
        "command": job.command,
        "started_at": datetime.fromtimestamp(job.started, UTC).isoformat(timespec="seconds"),
        "versions": provenance.versions(),
        "commit": commit,
        "dirty": dirty,
        "hardware": provenance.hardware(),
        "slots": slots,
        "study": job.study.model_dump(mode="json"),
        "code": provenance.code_fingerprints(job.study.architectures),
        "dataset": loaded.provenance.model_dump(mode="json") | {"classes": list(loaded.training.classes)},
        "own_architectures": [
            description(ARCHITECTURES[name]) for name in job.study.architectures if name not in BUILT_IN
        ],
    }


def as_it_began(job: Job, folder: RunFolder) -> dict[str, Any]:
    """Of an earlier part of the run: what it takes to do it again, and what has changed since. Empty in a new run."""
    earlier = begun_environment(folder)
    if not earlier:
        return {}
    again = datetime.fromtimestamp(job.started, UTC).isoformat(timespec="seconds")
    kept = {name: earlier[name] for name in ("command", "started_at", "commit", "dirty") if name in earlier}
    code = provenance.code_fingerprints(job.study.architectures) | earlier.get("code", {})
    changed = {*earlier.get("changed_code", []), *changed_code(folder, job.finished or ())}
    return kept | {
        "code": code,
        "changed_code": sorted(changed),
        "resumed_at": [*earlier.get("resumed_at", []), again],
    }


def ending(job: Job, supply: Supply, stamps: Mapping[str, float]) -> dict[str, Any]:
    """When things happened, and whether the study is done: the rest of `environment.json`."""
    records = supply.records
    # Of what an earlier part of the run did, nothing can be said about the time of this one.
    now = [record for record in records if record.started_at >= job.started]
    placements = [record.placement for record in records if record.placement is not None]
    return {
        "devices": sorted({placement.device for placement in placements}),
        "precision": sorted({placement.precision for placement in placements}),
        "threads": sorted({placement.threads for placement in placements}),
        "captured": any(placement.captured for placement in placements),
        "together": max((placement.together for placement in placements), default=1),
        "timeline": {
            "command_started": job.started,
            "first_step": min((record.started_at for record in now), default=None),
            "last_trial_ended": max((record.ended_at for record in now), default=None),
            **stamps,
        },
        "interrupted": not supply.complete or "cost_pass_ended" not in stamps,
    }


def without_result(study: Study, records: Sequence[TrialRecord]) -> tuple[str, ...]:
    """Architectures of which no confirm trial completed."""
    confirmed = {record.spec.architecture for record in records if record.test is not None}
    return tuple(name for name in study.architectures if name not in confirmed)
