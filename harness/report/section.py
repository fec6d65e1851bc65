"""What a section of the report is: a folder with its values, its tables, its figures and its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from harness.report.findings import Findings
from harness.report.page.markdown import render_markdown
from harness.runs.reading import RunData

Keys = Mapping[str, Any]
"""What a template or a file of results is given, by name."""

Figures = Mapping[str, Figure | None]
"""Figures by the name of their file; None where there is nothing to draw."""

ArchitectureKeys = Mapping[str, Keys]
"""Name of an architecture to what its entry in a file of results is given."""


def page_title(run: RunData) -> str:
    """What the page is called."""
    partial = "Partial benchmark report" if run.environment.interrupted else "Benchmark report"
    return f"{partial}: {run.study.name}"


def nothing(_: Findings) -> Keys:
    """What a section adds where it has nothing to add."""
    return {}


@dataclass(frozen=True)
class Section:
    """One section of the report. A folder `harness/report/sections/<name>` holds all of it.

    Attributes:
        package: of the folder, in which `section.md.j2` lies: the text of the section with its heading. It is
            given the title of the page, the study, the environment, the data set, the summaries, the paths of
            the section's figures, and the context.
        context: what else the text is given.
        figures: what is drawn.
        results: keys of `results.json`.
        architecture_results: keys of the entries of architectures there.
    """

    package: str
    context: Callable[[Findings], Keys] = nothing
    figures: Callable[[Findings], Figures] = nothing
    results: Callable[[Findings], Keys] = nothing
    architecture_results: Callable[[Findings], ArchitectureKeys] = nothing

    def render(self, findings: Findings, figures: Mapping[str, str | None]) -> str:
        """The section as Markdown, with an empty line at its end; empty where the section is left out.

        Args:
            findings: what the run found.
            figures: the section's figures as paths relative to the page; None where nothing was drawn.
        """
        run = findings.run
        shared = {
            "title": page_title(run),
            "study": run.study,
            "environment": run.environment,
            "dataset": run.environment.dataset,
            "summaries": findings.summaries,
            "figures": figures,
        }
        text = render_markdown(self.package, "section.md.j2", shared | dict(self.context(findings)))
        return text if not text or text.endswith("\n\n") else text.rstrip("\n") + "\n\n"
