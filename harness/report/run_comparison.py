"""Two runs side by side: what changed around them, and whether their architectures became better or worse."""

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

_NOT_COMPARED = {"command", "started_at", "timeline", "interrupted"}  # of the environment: no two runs agree in these


@dataclass(frozen=True)
class Change:
    """What is not the same in both runs: its name, and its values in A and in B as text, a dash where it is absent."""

    what: str
    a: str
    b: str


@dataclass(frozen=True, eq=False)
class ArchitectureChange:
    """One architecture in both runs.

    Attributes:
        name: in the registry.
        title: as people write it.
        accuracy_a: mean test accuracy in A over the seeds that both runs have, over all of its own when there are none;
            None without a result.
        accuracy_b: the same in B.
        comparison: of B, its first, with A, its second, so that a positive difference is a gain; None without a
            common seed.
        same_answers: whether at every common seed the same test images were classified right in both runs.
        hyperparameters: of the selected configurations; empty when they are the same.
        remarks: what failed or is missing, in clauses.
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
    """All that is said about two runs.

    Attributes:
        environment: what changed in what they ran on.
        study: what changed in what was asked, architectures of one run only left out.
        architectures: those in both, in the order of the registry.
        only_a: titles of the architectures that only A was asked for.
        only_b: the same of B.
        rope: half the width of the region of practical equivalence, as a fraction; that of B's study.
        remarks: what else a reader has to know, in sentences.
    """

    environment: tuple[Change, ...]
    study: tuple[Change, ...]
    architectures: tuple[ArchitectureChange, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    rope: float
    remarks: tuple[str, ...]

    def worse_by(self, points: float) -> tuple[ArchitectureChange, ...]:
        """Architectures whose corrected interval of B - A lies below so many percentage points of loss."""
        limit = -points * POINT
        return tuple(
            one for one in self.architectures if one.comparison is not None and one.comparison.high_corrected < limit
        )

    @property
    def lost(self) -> tuple[ArchitectureChange, ...]:
        """Architectures with a result in A that cannot be compared, because B has none for the same seeds."""
        return tuple(one for one in self.architectures if one.accuracy_a is not None and one.comparison is None)


def compare_runs(a: RunData, b: RunData) -> RunComparison:
    """Compare two runs architecture by architecture, corrected for the number of architectures by Holm's procedure.

    Raises:
        RunFolderError: they were tested on different images.
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
    """Make sure that accuracies of the two runs are about the same images.

    Raises:
        RunFolderError: name, number or labels of the test images differ.
    """
    sets = [(run.environment.dataset.name, run.environment.dataset.test) for run in (a, b)]
    if sets[0] != sets[1]:
        (name_a, images_a), (name_b, images_b) = sets
        raise RunFolderError(
            f"the two runs cannot be compared: A was tested on {count(images_a)} images of {name_a} and B on "
            f"{count(images_b)} of {name_b}; give runs on one test set"
        )
    first, second = _labels(a), _labels(b)
    if first is not None and second is not None and not np.array_equal(first, second):
        raise RunFolderError(
            f"the two runs cannot be compared: the labels of their test images of {sets[0][0]} differ; give runs on "
            "one test set"
        )


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """Nested mappings as one, key path to text.

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
    """Keys whose values are not the same, in the order of the first mapping, then of the second."""
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
    """What an architecture lacks in one run."""
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
        remarks.append(f"Interrupted before the study was done: {listed(interrupted)}.")
    if dirty:
        remarks.append(f"Source that was not committed: {listed(dirty)}. The commit does not say all that changed.")
    return tuple(remarks)
