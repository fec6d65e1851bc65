"""The page: values and figures through a template, escaped unless they are Markdown already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.plan import confirm_seeds
from harness.report import tables
from harness.report.formatting import count, scalar
from harness.report.markdown import Markdown, code_block, markdown_table, md
from harness.report.run_folder import RunFolder
from harness.report.sentences import (
    confusion_sentence,
    counted_seeds,
    interval_sentence,
    seed_range,
    summary_sentences,
    time_sentence,
)
from harness.report.summary import ArchitectureSummary, time_use


@dataclass(frozen=True)
class Figures:
    """Paths of the figures that were drawn, relative to the report; None or absent where nothing was to draw.

    Attributes:
        confusion_matrices: architecture to path.
        learning_curves: of all architectures.
        grids: architecture to path.
        mistakes: the gallery.
    """

    confusion_matrices: dict[str, str]
    learning_curves: str | None
    grids: dict[str, str]
    mistakes: str | None


def render_page(run: RunFolder, summaries: Sequence[ArchitectureSummary], figures: Figures) -> str:
    """The report as Markdown."""
    template = _templates().get_template("report.md.j2")
    dataset = run.environment.dataset
    use = time_use(run.records, run.environment.timeline, run.environment.slots)
    return template.render(
        study=run.study,
        environment=run.environment,
        dataset=dataset,
        summaries=summaries,
        figures=figures,
        seeds=seed_range(confirm_seeds(run.study)),
        seeds_number=counted_seeds(run.study.confirm.seeds),
        search_planned=sum(summary.search.planned for summary in summaries),
        search_ended=sum(summary.search.trials for summary in summaries),
        confirm_planned=len(summaries) * run.study.confirm.seeds,
        confirm_ended=sum(len(summary.confirm.records) for summary in summaries),
        lead=summary_sentences(summaries),
        interval=interval_sentence(summaries),
        confusions={s.name: confusion_sentence(s, dataset.classes) for s in summaries},
        architectures=tables.architecture_table(summaries),
        accuracy=tables.accuracy_table(summaries),
        hyperparameters=tables.hyperparameters_table(summaries),
        classes={s.title: tables.class_table(s.classification, dataset.classes) for s in summaries if s.classification},
        trials=tables.trials_table(summaries),
        failures=tables.failures_table(summaries),
        selection=tables.selection_table(summaries),
        seed_results=tables.seeds_table(summaries),
        time=tables.time_table(use) if use else None,
        time_sentence=time_sentence(use) if use else None,
        machine=tables.machine_table(run.environment),
        checksums=tables.checksums_table(run.environment),
        commands=_commands(run),
    )


def _commands(run: RunFolder) -> str:
    checkout = [f"git checkout {run.environment.commit}"] if run.environment.commit else []
    return "\n".join([*checkout, run.environment.command])


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report", "templates"),
        # This page is Markdown: `finalize` escapes what a template prints, as autoescape does for HTML.
        autoescape=False,
        finalize=md,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "md": md,
        "table": markdown_table,
        "code_block": code_block,
        "count": count,
        "scalar": scalar,
        "image": image,
    }
    return environment


def image(path: str, alternative: str) -> Markdown:
    """An image by its relative path, with the text for those who cannot see it."""
    return Markdown(f"![{md(alternative)}]({path})")
