"""The type of a section of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from harness.report.findings import Findings
from harness.report.page.markdown import render_markdown
from harness.runs.reading import RunData

Keys = Mapping[str, Any]
"""Values for a template or a file of results, by name."""

Figures = Mapping[str, Figure | None]
"""Figures by the name of their file. None where there is nothing to draw."""

ArchitectureKeys = Mapping[str, Keys]
"""Keys for the entry of each architecture in a file of results, by its name."""


def page_title(run: RunData) -> str:
    """Return the title of the page."""
    partial = "Partial benchmark report" if run.environment.interrupted else "Benchmark report"
    return f"{partial}: {run.study.name}"


def nothing(_: Findings) -> Keys:
    """Return no keys, for a section that adds none."""
    return {}


@dataclass(frozen=True)
class Section:
    """One section of the report, in the folder `harness/report/sections/<name>`.

    Attributes:
        package: Package of the folder. Its `section.md.j2` is the text of the section, with the
            heading. The template gets the title of the page, the study, the environment, the data
            set, the summaries, the paths of the section's figures, and the context.
        context: Computes further values for the template.
        figures: Draws the figures.
        results: Computes keys of `results.json`.
        architecture_results: Computes keys of each architecture's entry in `results.json`.
    """

    package: str
    context: Callable[[Findings], Keys] = nothing
    figures: Callable[[Findings], Figures] = nothing
    results: Callable[[Findings], Keys] = nothing
    architecture_results: Callable[[Findings], ArchitectureKeys] = nothing

    def render(self, findings: Findings, figures: Mapping[str, str | None]) -> str:
        """Render the section as Markdown. The text is empty if the section is left out.

        Args:
            findings: The findings of the run.
            figures: Paths of the section's figures relative to the page. None for a figure that was
                not drawn.
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
