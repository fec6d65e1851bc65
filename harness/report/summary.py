"""Summaries of each architecture, computed from the records of a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from architectures import Architecture
from harness.records.trial import ModelSummary, Phase, Scalar, Status, TrialRecord, TrialSpec
from harness.report.classification import Classification, balanced_accuracy, classify
from harness.runs.reading import RunData
from harness.schedule.plan import plan_search
from harness.schedule.selection import select
from harness.statistics.estimates import AccuracyEstimate, estimate_accuracy
from harness.study import Study


@dataclass(frozen=True)
class SearchSummary:
    """Summary of the search of one architecture.

    Attributes:
        planned: Number of trials in the study.
        trials: Number of trials that ended.
        completed: Number of trials that ended after their last epoch.
        stopped_early: Number of trials that ASHA stopped.
        failed: Number of trials that failed.
        epochs: Number of epochs that were trained.
        epoch_budget: Number of epochs that the ended trials would have trained without early
            stopping and failures.
        epochs_saved: Number of epochs that ASHA saved. Epochs that failed trials did not train do
            not count.
        best_validation_accuracy: Validation accuracy of the winner after its last epoch. None if
            no trial completed.
        train_seconds: Training time of all trials, without validation and overhead.
    """

    planned: int
    trials: int
    completed: int
    stopped_early: int
    failed: int
    epochs: int
    epoch_budget: int
    epochs_saved: int
    best_validation_accuracy: float | None
    train_seconds: float


@dataclass(frozen=True)
class ConfirmSummary:
    """Summary of the confirm trials of one configuration.

    Attributes:
        records: One record for each seed that ended, sorted by seed.
        test: Test accuracy over the completed seeds. None if no seed completed.
        validation_accuracy_mean: Mean over the completed seeds, after the last epoch.
        train_seconds_mean: Mean training time of a completed seed.
    """

    records: tuple[TrialRecord, ...]
    test: AccuracyEstimate | None
    validation_accuracy_mean: float | None
    train_seconds_mean: float | None


@dataclass(frozen=True)
class Failure:
    """Trials of one phase that failed for the same reason. `example` is the id of the first one."""

    phase: Phase
    reason: str
    trials: int
    example: str


@dataclass(frozen=True, eq=False)
class ArchitectureSummary:
    """Summary of one architecture.

    Attributes:
        architecture: Entry in the registry.
        winner: The selected search trial. None if no search trial completed.
        short_hyperparameters: Hyperparameters of the winner that were searched or that differ from
            the architecture's default.
        model: Size of the winner's model.
        search: Summary of the search phase.
        confirm: Summary of the confirm phase of the selected configuration.
        default_hyperparameters: The default configuration.
        default: Summary of the confirm phase of the default configuration. The same as `confirm`
            if this configuration was selected.
        failures: Failures, the most frequent first.
        classification: Results of the first completed seed's model. None without its predictions.
        balanced_accuracy: Mean balanced accuracy over the seeds. None without predictions.
        baseline_accuracy: Test accuracy of this project's predecessor. None on other data sets.
        no_result: Reason why there is no test accuracy. None if there is one.
    """

    architecture: Architecture
    winner: TrialRecord | None
    short_hyperparameters: Mapping[str, Scalar]
    model: ModelSummary | None
    search: SearchSummary
    confirm: ConfirmSummary
    default_hyperparameters: Mapping[str, Scalar]
    default: ConfirmSummary
    failures: tuple[Failure, ...]
    classification: Classification | None
    balanced_accuracy: float | None
    baseline_accuracy: float | None
    no_result: str | None

    @property
    def name(self) -> str:
        """Name of the architecture in the registry."""
        return self.architecture.name

    @property
    def title(self) -> str:
        """Name of the architecture for readers."""
        return self.architecture.title

    @property
    def default_selected(self) -> bool:
        """Whether the selected configuration is the default one."""
        return self.winner is not None and self.winner.spec.hyperparameters == self.default_hyperparameters


def summarise(run: RunData) -> tuple[ArchitectureSummary, ...]:
    """Summarise every architecture of the study, in the order of the registry."""
    by_architecture: dict[str, list[TrialRecord]] = defaultdict(list)
    for record in run.records:
        by_architecture[record.spec.architecture].append(record)
    planned: dict[str, list[TrialSpec]] = defaultdict(list)
    for spec in plan_search(run.study, run.environment.dataset.fingerprint):
        planned[spec.architecture].append(spec)
    return tuple(
        _summarise_architecture(run, architecture, by_architecture[name], planned[name])
        for name, architecture in run.study.registry.items()
        if name in run.study.architectures
    )


def _summarise_architecture(
    run: RunData, architecture: Architecture, records: Sequence[TrialRecord], planned: Sequence[TrialSpec]
) -> ArchitectureSummary:
    winner = select(records, architecture.name)
    search = summarise_search([r for r in records if r.spec.phase is Phase.SEARCH], len(planned), winner)
    confirm = summarise_confirm(records, winner.spec.hyperparameters if winner else None)
    failures = group_failures(records)
    return ArchitectureSummary(
        architecture=architecture,
        winner=winner,
        short_hyperparameters=notable_hyperparameters(run.study, architecture, winner) if winner else {},
        model=_model(winner, confirm),
        search=search,
        confirm=confirm,
        default_hyperparameters=planned[0].hyperparameters,
        default=summarise_confirm(records, planned[0].hyperparameters),
        failures=failures,
        classification=_classification(run, architecture.name, confirm),
        balanced_accuracy=_balanced_accuracy(run, architecture.name, confirm),
        baseline_accuracy=architecture.baseline_accuracy if run.environment.dataset.name == "mnist" else None,
        no_result=None if confirm.test else missing_result(search, confirm, failures, run.environment.interrupted),
    )


def summarise_search(records: Sequence[TrialRecord], planned: int, winner: TrialRecord | None) -> SearchSummary:
    """Summarise the search trials of one architecture."""
    status = Counter(record.status for record in records)
    saved = sum(r.spec.epochs - len(r.epochs) for r in records if r.status is Status.STOPPED_EARLY)
    return SearchSummary(
        planned=planned,
        trials=len(records),
        completed=status[Status.COMPLETED],
        stopped_early=status[Status.STOPPED_EARLY],
        failed=status[Status.FAILED],
        epochs=sum(len(record.epochs) for record in records),
        epoch_budget=sum(record.spec.epochs for record in records),
        epochs_saved=saved,
        best_validation_accuracy=winner.epochs[-1].validation_accuracy if winner else None,
        train_seconds=sum(record.train_seconds for record in records),
    )


def summarise_confirm(records: Iterable[TrialRecord], hyperparameters: Mapping[str, Scalar] | None) -> ConfirmSummary:
    """Summarise the confirm trials of one configuration.

    Args:
        records: All records of one architecture.
        hyperparameters: The configuration. None selects no trial.
    """
    chosen = [
        record
        for record in records
        if record.spec.phase is Phase.CONFIRM
        and hyperparameters is not None
        and record.spec.hyperparameters == hyperparameters
    ]
    chosen.sort(key=lambda record: record.spec.seed)
    done = [(r, r.test, r.epochs[-1]) for r in chosen if r.status is Status.COMPLETED and r.test and r.epochs]
    if not done:
        return ConfirmSummary(tuple(chosen), None, None, None)
    return ConfirmSummary(
        records=tuple(chosen),
        test=estimate_accuracy([test.accuracy for _, test, _ in done], images=done[0][1].images),
        validation_accuracy_mean=fmean([last.validation_accuracy for _, _, last in done]),
        train_seconds_mean=fmean([record.train_seconds for record, _, _ in done]),
    )


def group_failures(records: Iterable[TrialRecord]) -> tuple[Failure, ...]:
    """Group failed trials by phase and reason, the most frequent first."""
    groups: dict[tuple[Phase, str], list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.status is Status.FAILED:
            groups[record.spec.phase, record.reason or "no reason was recorded"].append(record)
    failures = [Failure(phase, reason, len(failed), failed[0].trial_id) for (phase, reason), failed in groups.items()]
    return tuple(sorted(failures, key=lambda failure: -failure.trials))


def notable_hyperparameters(study: Study, architecture: Architecture, winner: TrialRecord) -> dict[str, Scalar]:
    """Return the winner's hyperparameters that were searched or that differ from the defaults."""
    searched = {name for name, p in study.space(architecture.name).items() if not isinstance(p, Scalar)}
    default = architecture.hyperparameters().model_dump()
    return {
        name: value
        for name, value in in_declared_order(architecture, winner.spec.hyperparameters).items()
        if name in searched or default.get(name) != value
    }


def in_declared_order(architecture: Architecture, hyperparameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Sort hyperparameters by the order in which the architecture declares them."""
    declared = [name for name in architecture.hyperparameters.model_fields if name in hyperparameters]
    return {name: hyperparameters[name] for name in declared}


def missing_result(
    search: SearchSummary, confirm: ConfirmSummary, failures: Sequence[Failure], interrupted: bool
) -> str:
    """Describe in a clause why an architecture has no test accuracy."""
    why = f": {failures[0].reason}" if failures else ""
    if not search.trials:
        return "the run was interrupted before a search trial ended" if interrupted else "no search trial was run"
    if search.failed == search.trials:
        return f"all {search.failed} search trials failed{why}"
    if not search.completed:
        return f"none of {search.trials} search trials completed{why}"
    if not confirm.records:
        return "the run was interrupted before the confirm phase" if interrupted else "it was not confirmed"
    reasons = [record.reason for record in confirm.records if record.reason]
    reason = reasons[0] if reasons else "no reason was recorded"
    return f"all {len(confirm.records)} confirm trials failed: {reason}"


def _model(winner: TrialRecord | None, confirm: ConfirmSummary) -> ModelSummary | None:
    candidates = [winner, *confirm.records] if winner else []
    return next((record.model for record in candidates if record and record.model), None)


def _classification(run: RunData, name: str, confirm: ConfirmSummary) -> Classification | None:
    first = next((record for record in confirm.records if record.status is Status.COMPLETED), None)
    predictions = run.predictions.get((name, first.spec.seed)) if first else None
    if first is None or predictions is None:
        return None
    return classify(predictions, len(run.environment.dataset.classes), first.spec.seed)


def _balanced_accuracy(run: RunData, name: str, confirm: ConfirmSummary) -> float | None:
    seeds = [record.spec.seed for record in confirm.records if record.status is Status.COMPLETED]
    found = [balanced_accuracy(run.predictions[name, seed]) for seed in seeds if (name, seed) in run.predictions]
    return fmean(found) if found else None


def ranking(summaries: Iterable[ArchitectureSummary]) -> list[tuple[ArchitectureSummary, AccuracyEstimate]]:
    """Return the architectures with a result, sorted by mean test accuracy, highest first."""
    confirmed = [(summary, summary.confirm.test) for summary in summaries if summary.confirm.test is not None]
    return sorted(confirmed, key=lambda pair: -pair[1].mean)
