"""The figures of the report: which there are, and from which findings each is drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from matplotlib.figure import Figure

from harness.records.trial import TrialRecord
from harness.report.cost import CostPoint
from harness.report.figures.accuracy import RankedAccuracy, accuracy_figure_values, draw_accuracy
from harness.report.figures.budget import budget_figure_values, draw_budget
from harness.report.figures.calibration import calibration_figure_values, draw_calibration
from harness.report.figures.confusion_matrix import confusion_matrix_values, draw_confusion_matrix
from harness.report.figures.cost import cost_figure_values, draw_cost
from harness.report.figures.error_overlap import draw_overlap, overlap_figure_values
from harness.report.figures.grid_heat_maps import draw_grid_heat_maps, grid_axes, grid_values
from harness.report.figures.learning_curves import draw_learning_curves, learning_curve_values
from harness.report.figures.mistakes import draw_mistakes, mistakes_values
from harness.report.figures.verdicts import draw_verdicts, verdict_matrix
from harness.report.findings import Findings
from harness.report.page import Figures
from harness.report.summary import ConfirmSummary, ranking
from harness.runs.reading import RunData

Keep = Callable[[str, Figure], str]


def draw_all(run: RunData, findings: Findings, keep: Keep) -> Figures:
    """Draw every figure that there is something to draw for.

    Args:
        run: what the findings are about.
        findings: values of the report.
        keep: is given each figure with its name, and answers with its path.
    """

    def kept(name: str, figure: Figure | None) -> str | None:
        return None if figure is None else keep(name, figure)

    return Figures(
        accuracy=kept("accuracy", _accuracy(run, findings)),
        verdicts=kept("verdicts", _verdicts(findings)),
        cost=kept("cost", _cost(run, findings)),
        budget=kept("budget", _budget(run, findings)),
        learning_curves=kept("learning_curves", _learning_curves(run, findings)),
        calibration=kept("calibration", _calibration(findings)),
        overlap=kept("error_overlap", _overlap(findings)),
        mistakes=kept("most_confidently_wrong", _mistakes(run, findings)),
        grids={name: keep(f"grid_{name}", figure) for name, figure in _grids(run, findings)},
        confusion_matrices={
            name: keep(f"confusion_matrix_{name}", figure) for name, figure in _confusion_matrices(run, findings)
        },
    )


def _accuracy(run: RunData, findings: Findings) -> Figure | None:
    ranked = [
        RankedAccuracy(
            title=summary.title,
            seeds=_accuracies(summary.confirm),
            mean=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            group=findings.letters.get(summary.name, ""),
            default=() if summary.default_selected else _accuracies(summary.default),
        )
        for summary, estimate in ranking(findings.summaries)
    ]
    return draw_accuracy(accuracy_figure_values(ranked, run.environment.dataset.test)) if ranked else None


def _accuracies(confirm: ConfirmSummary) -> tuple[float, ...]:
    return tuple(record.test.accuracy for record in confirm.records if record.test)


def _verdicts(findings: Findings) -> Figure | None:
    matrix = verdict_matrix(findings.order, findings.titles, findings.comparisons)
    return draw_verdicts(matrix) if matrix and findings.comparisons else None


def _cost(run: RunData, findings: Findings) -> Figure | None:
    points: list[CostPoint] = [cost.point for cost in findings.costs if cost.point.accuracy is not None]
    panels = cost_figure_values(points, _all_names(findings), run.environment.dataset.test)
    return draw_cost(panels) if panels else None


def _budget(run: RunData, findings: Findings) -> Figure | None:
    if not findings.curves:
        return None
    return draw_budget(budget_figure_values(findings.curves, _all_names(findings), run.environment.dataset.validation))


def _all_names(findings: Findings) -> list[str]:
    # In the order of the registry: an architecture has the same colour and marker in every figure of every run.
    return [summary.name for summary in findings.summaries]


def _learning_curves(run: RunData, findings: Findings) -> Figure | None:
    panels = learning_curve_values(findings.summaries, run.records, run.environment.dataset.validation)
    return draw_learning_curves(panels) if panels else None


def _calibration(findings: Findings) -> Figure | None:
    models = [(findings.titles[name], calibration) for name, calibration in findings.calibrations.items()]
    return draw_calibration(calibration_figure_values(models)) if models else None


def _overlap(findings: Findings) -> Figure | None:
    values = overlap_figure_values(findings.overlap, findings.titles) if findings.overlap else None
    return draw_overlap(values) if values else None


def _mistakes(run: RunData, findings: Findings) -> Figure | None:
    if run.missed is None:
        return None
    rows = mistakes_values(findings.summaries, run.predictions, run.missed, run.environment.dataset.classes)
    return draw_mistakes(rows) if rows else None


def _grids(run: RunData, findings: Findings) -> Iterator[tuple[str, Figure]]:
    by_architecture: Mapping[str, list[TrialRecord]] = defaultdict(list)
    for record in run.records:
        by_architecture[record.spec.architecture].append(record)
    for summary in findings.summaries:
        axes = grid_axes(summary.architecture, run.study.space(summary.name))
        values = grid_values(axes, by_architecture[summary.name], summary.winner)
        if values is not None and by_architecture[summary.name]:
            yield summary.name, draw_grid_heat_maps(summary.title, values, run.environment.dataset.validation)


def _confusion_matrices(run: RunData, findings: Findings) -> Iterator[tuple[str, Figure]]:
    classes = run.environment.dataset.classes
    for summary in findings.summaries:
        if summary.classification is not None:
            values = confusion_matrix_values(summary.title, summary.classification, classes)
            yield summary.name, draw_confusion_matrix(values)
