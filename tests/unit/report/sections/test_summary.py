"""The sentences that a reader sees first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import SyntheticRun, diverges

from harness.report.findings import Findings, find
from harness.report.sections.early_stopping.values import audit
from harness.report.sections.summary import headline
from harness.report.sections.verdicts import comparisons
from harness.runs.reading import read_run_folder
from harness.statistics.comparison import Verdict


def read(run: SyntheticRun, folder: Path) -> Findings:
    return find(read_run_folder(run.write(folder)))


def with_values(findings: Findings, compute: Callable[[Findings], Any], values: object) -> Findings:
    """The same findings with other values of one section."""
    return dataclasses.replace(findings, known=findings.known | {compute: values})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Five architectures, five seeds, an audit, default configurations and costs."""
    run = SyntheticRun(default_seeds=2, audit=4, costs=True)
    return read(run, tmp_path_factory.mktemp("whole"))


def test_there_are_five_sentences(whole: Findings) -> None:
    """Who wins, by how much, how sure, at what cost, what to distrust: one sentence each."""
    sentences = headline(whole)
    assert len(sentences) == 5
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in sentences)
    winner, lead, sure, cost, distrust = sentences
    assert winner.startswith("Advanced CNN has the highest mean test accuracy: 99.6")
    assert "points ahead of LeNet-5" in lead
    assert sure.startswith("By the verdicts below it is better than ")
    assert "classifies an image in" in cost
    assert distrust.startswith("What to distrust: ")


def test_numbers_of_the_lead_are_those_of_the_verdict(whole: Findings) -> None:
    """The interval in the summary is the corrected one of the first two."""
    first = whole.of(comparisons)[0]
    assert (first.a, first.b) == whole.order[:2]
    lead = headline(whole)[1]
    assert f"from {100 * first.low_corrected:+.2f} to {100 * first.high_corrected:+.2f} points" in lead


def test_an_undecided_winner_is_not_called_better(whole: Findings) -> None:
    """Where the verdicts decide nothing, the summary claims nothing, and says how many seeds might decide."""
    pairs = tuple(dataclasses.replace(p, verdict=Verdict.UNDECIDED, seeds_needed=17) for p in whole.of(comparisons))
    sure = headline(with_values(whole, comparisons, pairs))[2]
    assert "better" not in sure
    assert "not told apart from" in sure
    assert "some 17 seeds would probably decide it" in sure
    assert "0 are told apart" in sure


def test_a_false_stop_is_named_among_what_to_distrust(whole: Findings) -> None:
    """A stopped trial that would have won stands in the summary, not only in its section."""
    one = next(a for a in whole.of(audit).architectures if a.finished)
    wrong = dataclasses.replace(one, finished=tuple(dataclasses.replace(t, beats_winner=True) for t in one.finished))
    others = tuple(wrong if a is one else a for a in whole.of(audit).architectures)
    changed = dataclasses.replace(whole.of(audit), architectures=others)
    distrust = headline(with_values(whole, audit, changed))[-1]
    assert f"early stopping ended {len(one.finished)} of 4 audited trials wrongly" in distrust


def test_too_few_seeds_are_named(tmp_path: Path) -> None:
    """With three seeds the summary says that nothing can be called better."""
    findings = read(SyntheticRun(architectures=("simple_cnn", "mlp"), samples=1, seeds=3), tmp_path)
    sentences = headline(findings)
    assert "By the verdict below it is not told apart from MLP" in sentences[2]
    assert "with 3 seeds nothing can be called better" in sentences[-1]


def test_missing_results_are_named(tmp_path: Path) -> None:
    """An architecture without a result is the first thing to distrust; with one left there is nothing to compare."""
    run = SyntheticRun(architectures=("simple_cnn", "lenet5"), samples=1, seeds=2, test_images=200)
    findings = read(run.but(failure=diverges("no", "lenet5")), tmp_path)
    sentences = headline(findings)
    assert sentences[1] == "No other architecture has a result to compare it with."
    assert "What to distrust: LeNet-5 without a result; " in sentences[-1]


def test_nothing_is_said_without_a_result(tmp_path: Path) -> None:
    """Before the confirm phase there is no headline."""
    findings = read(SyntheticRun(architectures=("mlp",), confirmed=False), tmp_path)
    assert headline(findings) == ()
