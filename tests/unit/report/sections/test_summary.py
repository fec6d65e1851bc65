"""Tests of the statements of the summary."""

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
    """Return the same findings with other values of one section."""
    return dataclasses.replace(findings, known=findings.known | {compute: values})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """A run with five architectures, five seeds, an audit, default configurations and costs."""
    run = SyntheticRun(default_seeds=2, audit=4, costs=True)
    return read(run, tmp_path_factory.mktemp("whole"))


def test_there_are_five_statements(whole: Findings) -> None:
    """Winner, lead, verdicts, costs and limitations have one statement each."""
    statements = headline(whole)
    assert len(statements) == 5
    assert all(statement.endswith(".") and "\n" not in statement for statement in statements)
    winner, lead, verdicts, cost, limitations = statements
    assert winner.startswith("Advanced CNN has the highest mean test accuracy: 99.6")
    assert "LeNet-5" in lead
    assert "better than " in verdicts
    assert "classifies an image in" in cost
    assert limitations.startswith("Limitations: ")


def test_numbers_of_the_lead_are_those_of_the_verdict(whole: Findings) -> None:
    """The interval in the summary is the corrected interval of the first two architectures."""
    first = whole.of(comparisons)[0]
    assert (first.a, first.b) == whole.order[:2]
    lead = headline(whole)[1]
    assert f" {100 * first.low_corrected:+.2f} to {100 * first.high_corrected:+.2f} percentage points" in lead


def test_an_undecided_winner_is_not_called_better(whole: Findings) -> None:
    """If all pairs are undecided, the summary says so and names the number of seeds needed."""
    pairs = tuple(dataclasses.replace(p, verdict=Verdict.UNDECIDED, seeds_needed=17) for p in whole.of(comparisons))
    sure = headline(with_values(whole, comparisons, pairs))[2]
    assert "better" not in sure
    assert "statistically indistinguishable from" in sure
    assert "17 seeds" in sure
    assert f"0 of {len(pairs)} pairs" in sure


def test_a_false_stop_is_a_limitation(whole: Findings) -> None:
    """A false stop is a limitation in the summary."""
    one = next(a for a in whole.of(audit).architectures if a.finished)
    wrong = dataclasses.replace(one, finished=tuple(dataclasses.replace(t, beats_winner=True) for t in one.finished))
    others = tuple(wrong if a is one else a for a in whole.of(audit).architectures)
    changed = dataclasses.replace(whole.of(audit), architectures=others)
    limitations = headline(with_values(whole, audit, changed))[-1]
    assert f"wrong for {len(one.finished)} of 4 audited trials" in limitations


def test_too_few_seeds_are_named(tmp_path: Path) -> None:
    """With three seeds, the summary says that no architecture can be called better."""
    findings = read(SyntheticRun(architectures=("simple_cnn", "mlp"), samples=1, seeds=3), tmp_path)
    sentences = headline(findings)
    assert "statistically indistinguishable from MLP" in sentences[2]
    assert "With 3 seeds, no architecture can be called better" in sentences[-1]


def test_missing_results_are_named(tmp_path: Path) -> None:
    """An architecture without a result is the first limitation.

    A single result has no comparison.
    """
    run = SyntheticRun(architectures=("simple_cnn", "lenet5"), samples=1, seeds=2, test_images=200)
    findings = read(run.but(failure=diverges("no", "lenet5")), tmp_path)
    sentences = headline(findings)
    assert sentences[1] == "No other architecture has a result to compare it with."
    assert sentences[-1].startswith("Limitations: There is no result for LeNet-5. ")


def test_without_a_result_there_is_no_summary(tmp_path: Path) -> None:
    """Before the confirm phase there are no statements."""
    findings = read(SyntheticRun(architectures=("mlp",), confirmed=False), tmp_path)
    assert headline(findings) == ()
