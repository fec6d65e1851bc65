"""Writing the files of a report into a run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.report.findings import Findings, find
from harness.report.page.canvas import png
from harness.report.page.html import render_html
from harness.report.records import classes_frame, epochs_frame, matrix_frame, trials_frame
from harness.report.results import results
from harness.report.section import Section, page_title
from harness.report.sections import SECTIONS
from harness.runs.files import write_bytes, write_text
from harness.runs.reading import read_run_folder


def write_report(run_dir: Path, sections: Sequence[Section] = SECTIONS) -> Path:
    """Read a run folder and write its report, figures, results and tables into it.

    Args:
        run_dir: The run folder.
        sections: Sections of the page, in order.

    Returns:
        The path of `report.md`, which is written last.

    Raises:
        HarnessError: The folder is not a run folder, is inconsistent, or cannot be written.
    """
    findings = find(read_run_folder(run_dir))
    content = json.dumps(results(findings, sections), indent=1, allow_nan=False, ensure_ascii=False)
    write_text(run_dir / "results.json", content + "\n")
    _write_frames(run_dir, findings)
    images: dict[str, bytes] = {}
    texts = []
    for section in sections:
        paths: dict[str, str | None] = {}
        for name, figure in section.figures(findings).items():
            paths[name] = None if figure is None else f"figures/{name}.png"
            if figure is not None:
                images[f"figures/{name}.png"] = png(figure)
        texts.append(section.render(findings, paths))
    for path, image in images.items():
        write_bytes(run_dir / path, image)
    page = "".join(texts).rstrip() + "\n"
    write_text(run_dir / "report.html", render_html(page_title(findings.run), page, images))
    report = run_dir / "report.md"
    write_text(report, page)
    return report


def _write_frames(run_dir: Path, findings: Findings) -> None:
    run = findings.run
    classes = run.environment.dataset.classes
    classified = {s.name: s.classification for s in findings.summaries if s.classification is not None}
    frames = {
        "trials.csv": trials_frame(run.records, run.study.registry),
        "epochs.csv": epochs_frame(run.records),
        "classes.csv": classes_frame(classified, classes),
    }
    for name, frame in frames.items():
        write_text(run_dir / name, frame.to_csv(index=False))
    for name, classification in classified.items():
        matrix = matrix_frame(classification, classes).to_csv(index_label="true class")
        write_text(run_dir / "confusion_matrices" / f"{name}.csv", matrix)
