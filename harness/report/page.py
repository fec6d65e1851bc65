"""The page: values and figures through a template, escaped unless they are Markdown already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.report import sentences, tables
from harness.report.budget import budget_sentence
from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES
from harness.report.cost import cost_sentence
from harness.report.error_overlap import overlap_sentence
from harness.report.findings import Findings
from harness.report.formatting import count
from harness.report.headline import headline
from harness.report.label_errors import MNIST_LABEL_ERRORS
from harness.report.templating import markdown_templates
from harness.runs.reading import RunData
from harness.schedule.plan import confirm_seeds


@dataclass(frozen=True)
class Figures:
    """Paths of the figures that were drawn, relative to the report; None or absent where nothing was to draw.

    Attributes:
        accuracy: every seed, with mean and interval.
        verdicts: the matrix of pairs.
        cost: test error against cost.
        budget: expected best against budget.
        learning_curves: of all architectures.
        calibration: reliability diagrams.
        overlap: of the mistakes.
        mistakes: the gallery.
        grids: architecture to path.
        confusion_matrices: architecture to path.
    """

    accuracy: str | None = None
    verdicts: str | None = None
    cost: str | None = None
    budget: str | None = None
    learning_curves: str | None = None
    calibration: str | None = None
    overlap: str | None = None
    mistakes: str | None = None
    grids: Mapping[str, str] = field(default_factory=dict)
    confusion_matrices: Mapping[str, str] = field(default_factory=dict)


def page_title(run: RunData) -> str:
    """What the page is called."""
    partial = "Partial benchmark report" if run.environment.interrupted else "Benchmark report"
    return f"{partial}: {run.study.name}"


def render_page(run: RunData, findings: Findings, figures: Figures) -> str:
    """The report as Markdown."""
    template = markdown_templates().get_template("report.md.j2")
    summaries, titles = findings.summaries, findings.titles
    dataset = run.environment.dataset
    measured = [cost.measured for cost in findings.costs if cost.measured is not None]
    return template.render(
        title=page_title(run),
        study=run.study,
        environment=run.environment,
        dataset=dataset,
        summaries=summaries,
        figures=figures,
        seeds=sentences.seed_range(confirm_seeds(run.study)),
        seeds_number=sentences.counted_seeds(run.study.confirm.seeds),
        default_seeds=count(min(run.study.confirm.default_seeds, run.study.confirm.seeds)),
        defaults_shown=any(entry.tuning for entry in findings.ledger),
        search_planned=sum(summary.search.planned for summary in summaries),
        search_ended=sum(summary.search.trials for summary in summaries),
        confirm_planned=len(summaries) * run.study.confirm.seeds,
        confirm_ended=sum(len(summary.confirm.records) for summary in summaries),
        lead=headline(findings, run.environment),
        interval=sentences.interval_sentence(summaries),
        confusions={s.name: sentences.confusion_sentence(s, dataset.classes) for s in summaries},
        architectures=tables.architecture_table(summaries),
        accuracy=tables.accuracy_table(summaries, findings.letters, dataset.unbalanced),
        balance=sentences.balance_sentence(dataset),
        many_classes=len(dataset.classes) > READABLE_CLASSES,
        shown_classes=SHOWN_CLASSES,
        hyperparameters=tables.hyperparameters_table(summaries),
        all_hyperparameters=tables.all_hyperparameters_table(summaries),
        classes={s.title: tables.class_table(s.classification, dataset.classes) for s in summaries if s.classification},
        trials=tables.trials_table(summaries),
        failures=tables.failures_table(summaries),
        seed_results=tables.seeds_table(summaries),
        comparisons=tables.comparisons_table(findings.comparisons, titles),
        rope=findings.rope,
        verdict_limits=sentences.verdict_limits(findings.comparisons, titles),
        mcnemar=tables.mcnemar_table(findings.comparisons, titles),
        costs=tables.cost_table(findings.costs),
        measured_on=sorted({c.placement for c in measured if c.placement}, key=lambda place: place.node),
        unmeasured=sentences.unmeasured_sentence(measured, titles),
        cost_sentence=cost_sentence([cost.point for cost in findings.costs if cost.point.accuracy is not None]),
        ledger=tables.ledger_table(findings.ledger),
        tuning=tables.tuning_table(findings.ledger),
        audit=tables.audit_table(findings.audit),
        finished=tables.finished_table(findings.audit),
        audit_sentence=sentences.audit_sentence(findings.audit),
        first_rung=findings.audit.first_rung,
        spending=tables.spending_table(findings.spending),
        budget_sentence=budget_sentence(findings.curves),
        calibration=tables.calibration_table(findings.calibrations, titles),
        overlap=tables.overlap_table(findings.overlap, titles) if findings.overlap else None,
        overlap_sentence=overlap_sentence(findings.overlap) if findings.overlap else "",
        label_errors=tables.label_errors_table(findings.label_errors, titles) if findings.label_errors else None,
        label_errors_number=len(MNIST_LABEL_ERRORS),
        time=tables.time_table(findings.time) if findings.time else None,
        time_sentence=sentences.time_sentence(findings.time) if findings.time else None,
        machine=tables.machine_table(run.environment),
        gpu_use=tables.gpu_table(run.records, titles),
        checksums=tables.checksums_table(run.environment),
        commands=_commands(run),
    )


def _commands(run: RunData) -> str:
    checkout = [f"git checkout {run.environment.commit}"] if run.environment.commit else []
    return "\n".join([*checkout, run.environment.command])
