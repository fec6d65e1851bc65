"""The comparison of two runs: environments, studies, and verdicts on the architectures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from pydantic import BaseModel

from harness.errors import RunFolderError
from harness.records.trial import Status
from harness.report.findings import POINT, correct_by_seed
from harness.report.page.formatting import MISSING, count, listed, scalar
from harness.report.summary import ArchitectureSummary, in_declared_order, summarise
from harness.runs.predictions import Predictions
from harness.runs.reading import RunData
from harness.schedule.plan import confirm_seeds
from harness.statistics.comparison import Comparison, Pair, compare_pairs
from harness.statistics.resampling import Correct

_NOT_COMPARED = {"command", "started_at", "timeline", "interrupted"}  # differ between any two runs


@dataclass(frozen=True)
class Change:
    """A setting that differs between the runs. A missing value is a dash."""

    what: str
    a: str
    b: str


@dataclass(frozen=True, eq=False)
class ArchitectureChange:
    """One architecture in both runs.

    Attributes:
        name: Name in the registry.
        title: Name for readers.
        accuracy_a: Mean test accuracy in A, over the seeds that both runs have, or over all seeds
            of A if there are none. None without a result.
        accuracy_b: The same for B.
        comparison: Comparison of B (first) with A (second), so that a positive difference is a
            gain. None without a common seed.
        same_answers: Whether both runs classified the same test images correctly at every common
            seed.
        hyperparameters: Differences between the selected configurations. Empty if they are equal.
        remarks: What failed or is missing, in clauses.
    """

    name: str
    title: str
    accuracy_a: float | None
    accuracy_b: float | None
    comparison: Comparison | None
    same_answers: bool
    hyperparameters: tuple[Change, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RunComparison:
    """The comparison of two runs.

    Attributes:
        environment: Differences between the environments.
        study: Differences between the studies, without architectures that only one run has.
        architectures: Architectures in both runs, in the order of the registry.
        only_a: Titles of the architectures that only the study of A has.
        only_b: Titles of the architectures that only the study of B has.
        rope: Limit of the region of practical equivalence in B's study, as a fraction.
        remarks: Warnings about the runs, in sentences.
    """

    environment: tuple[Change, ...]
    study: tuple[Change, ...]
    architectures: tuple[ArchitectureChange, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    rope: float
    remarks: tuple[str, ...]

    def worse_by(self, points: float) -> tuple[ArchitectureChange, ...]:
        """Return the architectures whose whole corrected interval shows a larger loss.

        Args:
            points: Allowed loss in percentage points.
        """
        limit = -points * POINT
        return tuple(
            one for one in self.architectures if one.comparison is not None and one.comparison.high_corrected < limit
        )

    @property
    def lost(self) -> tuple[ArchitectureChange, ...]:
        """Architectures with a result in A but none in B for the same seeds."""
        return tuple(one for one in self.architectures if one.accuracy_a is not None and one.comparison is None)


def compare_runs(a: RunData, b: RunData) -> RunComparison:
    """Compare two runs per architecture, corrected for their number by Holm's method.

    Raises:
        RunFolderError: The runs were tested on different images.
    """
    check_same_test_set(a, b)
    in_a = {summary.name: summary for summary in summarise(a)}
    in_b = {summary.name: summary for summary in summarise(b)}
    both = [name for name in in_a if name in in_b]
    rope = b.study.rope * POINT
    correct = {name: (correct_by_seed(a.predictions, name), correct_by_seed(b.predictions, name)) for name in both}
    pairs = {name: Pair("B", "A", of_b, of_a) for name, (of_a, of_b) in correct.items()}
    comparable = [name for name in both if pairs[name].seeds]
    comparisons = dict(zip(comparable, compare_pairs([pairs[name] for name in comparable], rope), strict=True))
    return RunComparison(
        environment=_written_changes(a.environment, b.environment, _NOT_COMPARED),
        study=_written_changes(a.study.restricted_to(both), b.study.restricted_to(both)),
        architectures=tuple(
            ArchitectureChange(
                name=name,
                title=in_a[name].title,
                accuracy_a=_accuracy(correct[name][0], pairs[name].seeds),
                accuracy_b=_accuracy(correct[name][1], pairs[name].seeds),
                comparison=comparisons.get(name),
                same_answers=_same_answers(pairs[name]),
                hyperparameters=_selection_changes(in_a[name], in_b[name]),
                remarks=(*_remarks("A", a, in_a[name]), *_remarks("B", b, in_b[name])),
            )
            for name in both
        ),
        only_a=tuple(summary.title for name, summary in in_a.items() if name not in in_b),
        only_b=tuple(summary.title for name, summary in in_b.items() if name not in in_a),
        rope=rope,
        remarks=_general_remarks(a, b),
    )


def check_same_test_set(a: RunData, b: RunData) -> None:
    """Check that both runs were tested on the same images.

    Raises:
        RunFolderError: The name, number or labels of the test images differ.
    """
    sets = [(run.environment.dataset.name, run.environment.dataset.test) for run in (a, b)]
    if sets[0] != sets[1]:
        (name_a, images_a), (name_b, images_b) = sets
        raise RunFolderError(
            f"cannot compare the runs: A was tested on {count(images_a)} images of {name_a} and B on "
            f"{count(images_b)} images of {name_b}; choose two runs with the same test set"
        )
    first, second = _labels(a), _labels(b)
    if first is not None and second is not None and not np.array_equal(first, second):
        raise RunFolderError(
            f"cannot compare the runs: the labels of their {sets[0][0]} test images differ; choose two runs with "
            "the same test set"
        )


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """Flatten nested mappings to a mapping from key path to text.

    >>> flatten({"confirm": {"seeds": 5}, "units": {"grid": [64, 256]}, "train_size": None})
    {'confirm.seeds': '5', 'units.grid': '[64, 256]', 'train_size': 'none'}
    """
    if isinstance(value, Mapping):
        return {
            found: text
            for key, inner in value.items()
            for found, text in flatten(inner, f"{path}.{key}" if path else str(key)).items()
        }
    if value is None:
        return {path: "none"}
    return {path: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def changes(a: Mapping[str, str], b: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the keys whose values differ, in the order of the mappings."""
    keys = dict.fromkeys((*a, *b))
    return tuple(Change(key, a.get(key, MISSING), b.get(key, MISSING)) for key in keys if a.get(key) != b.get(key))


def _labels(run: RunData) -> Any:
    known: Iterable[Predictions] = (*run.predictions.values(), *run.default_predictions.values())
    return next((found.labels for found in known), run.missed.labels if run.missed else None)


def _written_changes(a: BaseModel, b: BaseModel, exclude: set[str] | None = None) -> tuple[Change, ...]:
    return changes(*(flatten(values.model_dump(mode="json", exclude=exclude)) for values in (a, b)))


def _accuracy(correct: Correct, common: tuple[int, ...]) -> float | None:
    seeds = common or tuple(correct)
    return fmean([float(correct[seed].mean()) for seed in seeds]) if seeds else None


def _same_answers(pair: Pair) -> bool:
    return all(np.array_equal(pair.correct_a[seed], pair.correct_b[seed]) for seed in pair.seeds)


def _selection_changes(a: ArchitectureSummary, b: ArchitectureSummary) -> tuple[Change, ...]:
    if a.winner is None or b.winner is None:
        return ()
    selected = [in_declared_order(one.architecture, one.winner.spec.hyperparameters) for one in (a, b) if one.winner]
    return changes(*({name: scalar(value) for name, value in values.items()} for values in selected))


def _remarks(letter: str, run: RunData, summary: ArchitectureSummary) -> tuple[str, ...]:
    """Describe what is missing for an architecture in one run."""
    if summary.no_result is not None:
        return (f"no result in {letter}: {summary.no_result}",)
    by_seed = {record.spec.seed: record for record in summary.confirm.records}
    failed = [record for record in by_seed.values() if record.status is Status.FAILED]
    silent = [
        str(seed)
        for seed, record in by_seed.items()
        if record.status is Status.COMPLETED and (summary.name, seed) not in run.predictions
    ]
    absent = [str(seed) for seed in confirm_seeds(run.study) if seed not in by_seed]
    remarks = [f"seed {record.spec.seed} failed in {letter}: {record.reason}" for record in failed]
    remarks += [f"no predictions in {letter} for seed {listed(silent)}"] if silent else []
    remarks += [f"not trained in {letter}: seed {listed(absent)}"] if absent else []
    return tuple(remarks)


def _general_remarks(a: RunData, b: RunData) -> tuple[str, ...]:
    runs = {"A": a.environment, "B": b.environment}
    interrupted = [letter for letter, environment in runs.items() if environment.interrupted]
    dirty = [letter for letter, environment in runs.items() if environment.dirty]
    remarks = []
    if interrupted:
        remarks.append(f"The run was interrupted before the study was complete: {listed(interrupted)}.")
    if dirty:
        remarks.append(
            f"The source had uncommitted changes: {listed(dirty)}. The commit does not show all differences."
        )
    return tuple(remarks)
