"""From a run folder to the files of its report."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from harness.report.figures.canvas import png
from harness.report.figures.confusion_matrix import confusion_matrix_values, draw_confusion_matrix
from harness.report.figures.grid_heat_maps import draw_grid_heat_maps, grid_axes, grid_values
from harness.report.figures.learning_curves import draw_learning_curves, learning_curve_values
from harness.report.figures.mistakes import draw_mistakes, mistakes_values
from harness.report.page import Figures, render_page
from harness.report.records import epochs_frame, trials_frame
from harness.report.results import results
from harness.report.run_folder import RunFolder, read_run_folder
from harness.report.summary import ArchitectureSummary, summarise
from harness.run_folder import write_bytes
from harness.trial import TrialRecord


def write_report(run_dir: Path) -> Path:
    """Read a run folder and write its report, figures, results and tables into it.

    Returns:
        Path of `report.md`, which is written last.

    Raises:
        HarnessError: the folder is not a run folder, contradicts itself, or cannot be written.
    """
    run = read_run_folder(run_dir)
    summaries = summarise(run)
    content = json.dumps(results(run.environment_json, summaries), indent=1, allow_nan=False, ensure_ascii=False)
    write_bytes(run_dir / "results.json", content.encode() + b"\n")
    write_bytes(run_dir / "trials.csv", trials_frame(run.records).to_csv(index=False).encode())
    write_bytes(run_dir / "epochs.csv", epochs_frame(run.records).to_csv(index=False).encode())
    figures = Figures(
        confusion_matrices=_write_confusion_matrices(run_dir, run, summaries),
        learning_curves=_write_learning_curves(run_dir, run, summaries),
        grids=_write_grids(run_dir, run, summaries),
        mistakes=_write_mistakes(run_dir, run, summaries),
    )
    report = run_dir / "report.md"
    write_bytes(report, render_page(run, summaries, figures).encode())
    return report


def _write_figure(run_dir: Path, name: str, figure: Figure) -> str:
    path = f"figures/{name}.png"
    write_bytes(run_dir / path, png(figure))
    return path


def _write_confusion_matrices(
    run_dir: Path, run: RunFolder, summaries: Sequence[ArchitectureSummary]
) -> dict[str, str]:
    classes = run.environment.dataset.classes
    return {
        summary.name: _write_figure(
            run_dir,
            f"confusion_matrix_{summary.name}",
            draw_confusion_matrix(confusion_matrix_values(summary.title, summary.classification, classes)),
        )
        for summary in summaries
        if summary.classification is not None
    }


def _write_learning_curves(run_dir: Path, run: RunFolder, summaries: Sequence[ArchitectureSummary]) -> str | None:
    panels = learning_curve_values(summaries, run.records, run.environment.dataset.validation)
    return _write_figure(run_dir, "learning_curves", draw_learning_curves(panels)) if panels else None


def _write_grids(run_dir: Path, run: RunFolder, summaries: Sequence[ArchitectureSummary]) -> dict[str, str]:
    by_architecture: dict[str, list[TrialRecord]] = defaultdict(list)
    for record in run.records:
        by_architecture[record.spec.architecture].append(record)
    paths = {}
    for summary in summaries:
        axes = grid_axes(summary.architecture, run.study.space(summary.name))
        values = grid_values(axes, by_architecture[summary.name], summary.winner)
        if values is not None and by_architecture[summary.name]:
            figure = draw_grid_heat_maps(summary.title, values, run.environment.dataset.validation)
            paths[summary.name] = _write_figure(run_dir, f"grid_{summary.name}", figure)
    return paths


def _write_mistakes(run_dir: Path, run: RunFolder, summaries: Sequence[ArchitectureSummary]) -> str | None:
    if run.missed is None:
        return None
    rows = mistakes_values(summaries, run.predictions, run.missed, run.environment.dataset.classes)
    return _write_figure(run_dir, "most_confidently_wrong", draw_mistakes(rows)) if rows else None
