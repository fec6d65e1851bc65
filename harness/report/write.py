"""From a run folder to the files of its report."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from harness.report.drawing import draw_all
from harness.report.figures.canvas import png
from harness.report.findings import find
from harness.report.html import render_html
from harness.report.page import page_title, render_page
from harness.report.records import classes_frame, epochs_frame, matrix_frame, trials_frame
from harness.report.results import results
from harness.runs.files import write_bytes, write_text
from harness.runs.reading import read_run_folder


def write_report(run_dir: Path) -> Path:
    """Read a run folder and write its report, figures, results and tables into it.

    Returns:
        Path of `report.md`, which is written last.

    Raises:
        HarnessError: the folder is not a run folder, contradicts itself, or cannot be written.
    """
    run = read_run_folder(run_dir)
    findings = find(run)
    content = json.dumps(results(run.environment_json, findings), indent=1, allow_nan=False, ensure_ascii=False)
    write_text(run_dir / "results.json", content + "\n")
    write_text(run_dir / "trials.csv", trials_frame(run.records, run.study.registry).to_csv(index=False))
    write_text(run_dir / "epochs.csv", epochs_frame(run.records).to_csv(index=False))
    classes = run.environment.dataset.classes
    classified = {s.name: s.classification for s in findings.summaries if s.classification is not None}
    write_text(run_dir / "classes.csv", classes_frame(classified, classes).to_csv(index=False))
    for name, classification in classified.items():
        matrix = matrix_frame(classification, classes).to_csv(index_label="true class")
        write_text(run_dir / "confusion_matrices" / f"{name}.csv", matrix)
    images: dict[str, bytes] = {}

    def keep(name: str, figure: Figure) -> str:
        path = f"figures/{name}.png"
        images[path] = png(figure)
        write_bytes(run_dir / path, images[path])
        return path

    page = render_page(run, findings, draw_all(run, findings, keep))
    write_text(run_dir / "report.html", render_html(page_title(run), page, images))
    report = run_dir / "report.md"
    write_text(report, page)
    return report
