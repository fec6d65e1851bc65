"""From the records of a run to what is said about each architecture; pure functions of values."""

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
    """What the search of one architecture did.

    Attributes:
        planned: trials that the study asks for.
        trials: how many of them ended.
        completed: ended after their last epoch.
        stopped_early: ended by ASHA.
        failed: ended by an error.
        epochs: that were trained.
        epoch_budget: that the trials which ended would have trained, had nothing stopped them.
        epochs_saved: that ASHA spared; what failures left out is no saving.
        best_validation_accuracy: of the completed trials' last epochs; None when none completed.
        train_seconds: training alone, over all trials.
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
    """What the fresh seeds of one configuration gave.

    Attributes:
        records: one for each seed that ended, by seed.
        test: accuracy over the completed seeds; None when none completed.
        validation_accuracy_mean: over the completed seeds, after the last epoch.
        train_seconds_mean: of a completed seed, training alone.
    """

    records: tuple[TrialRecord, ...]
    test: AccuracyEstimate | None
    validation_accuracy_mean: float | None
    train_seconds_mean: float | None


@dataclass(frozen=True)
class Failure:
    """Trials of one phase that failed for the same reason; `example` is the identity of the first."""

    phase: Phase
    reason: str
    trials: int
    example: str


@dataclass(frozen=True, eq=False)
class ArchitectureSummary:
    """All that is said about one architecture.

    Attributes:
        architecture: its entry in the registry.
        winner: the selected search trial; None when no search trial completed.
        short_hyperparameters: of the winner, those that are searched or differ from the default.
        model: size of the winner's model.
        search: the search phase.
        confirm: the confirm phase of the selected configuration.
        default_hyperparameters: of the first search trial: the architecture's defaults, and what the study fixes.
        default: the confirm phase of these; the same as `confirm` when they were selected.
        failures: most frequent first.
        classification: of the first completed seed's model; None without its predictions.
        balanced_accuracy: mean over the seeds, every class counting alike; None without predictions.
        baseline_accuracy: as the registry has it; None unless the data set is the one it holds for.
        no_result: why there is no test accuracy; None when there is one.
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
        """Of the architecture, in the registry."""
        return self.architecture.name

    @property
    def title(self) -> str:
        """Of the architecture, as people write it."""
        return self.architecture.title

    @property
    def default_selected(self) -> bool:
        """Whether the selected configuration is the default one."""
        return self.winner is not None and self.winner.spec.hyperparameters == self.default_hyperparameters


def summarise(run: RunData) -> tuple[ArchitectureSummary, ...]:
    """Every architecture of the study, in the order of the registry."""
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
    """Counts and sums over the search trials of one architecture."""
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
    """The confirm trials of one configuration, among all records of one architecture; None stands for no trial."""
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
    """Failed trials by phase and reason, the most frequent first."""
    groups: dict[tuple[Phase, str], list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.status is Status.FAILED:
            groups[record.spec.phase, record.reason or "no reason was recorded"].append(record)
    failures = [Failure(phase, reason, len(failed), failed[0].trial_id) for (phase, reason), failed in groups.items()]
    return tuple(sorted(failures, key=lambda failure: -failure.trials))


def notable_hyperparameters(study: Study, architecture: Architecture, winner: TrialRecord) -> dict[str, Scalar]:
    """Hyperparameters of the winner that were searched, or that differ from the architecture's defaults."""
    searched = {name for name, p in study.space(architecture.name).items() if not isinstance(p, Scalar)}
    default = architecture.hyperparameters().model_dump()
    return {
        name: value
        for name, value in in_declared_order(architecture, winner.spec.hyperparameters).items()
        if name in searched or default.get(name) != value
    }


def in_declared_order(architecture: Architecture, hyperparameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Hyperparameters in the order in which the architecture declares them."""
    declared = [name for name in architecture.hyperparameters.model_fields if name in hyperparameters]
    return {name: hyperparameters[name] for name in declared}


def missing_result(
    search: SearchSummary, confirm: ConfirmSummary, failures: Sequence[Failure], interrupted: bool
) -> str:
    """Why an architecture has no test accuracy, in a clause."""
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
    """The architectures that have a result, by mean test accuracy, highest first."""
    confirmed = [(summary, summary.confirm.test) for summary in summaries if summary.confirm.test is not None]
    return sorted(confirmed, key=lambda pair: -pair[1].mean)
