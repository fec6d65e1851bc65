"""Title of the page and section "Summary"."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.findings import Findings
from harness.report.page.formatting import count, counted_seeds, listed, percent, percent_range, seconds, signed_range
from harness.report.section import Keys, Section
from harness.report.sections.cost.values import LATENCY, CostPoint, costs, pareto_front
from harness.report.sections.early_stopping.values import audit
from harness.report.sections.selection import ledger
from harness.report.sections.verdicts import comparisons
from harness.report.summary import ArchitectureSummary, ranking
from harness.statistics.comparison import Comparison, Verdict
from harness.statistics.estimates import AccuracyEstimate
from harness.statistics.wins import fewest_seeds_for_better

CAVEATS_SHOWN = 3


def headline(findings: Findings) -> tuple[str, ...]:
    """Write the five statements of the summary.

    They give the best architecture, its lead, the verdicts, the costs and the limitations. The
    result is empty if no architecture has a result, and shorter if there is nothing to compare.
    """
    ranked = ranking(findings.summaries)
    if not ranked:
        return ()
    sentences = [_winner(ranked), _lead(ranked, findings), _certainty(ranked, findings), _cost(findings)]
    sentences.append(f"Limitations: {' '.join(_caveats(findings)[:CAVEATS_SHOWN])}")
    return tuple(sentence for sentence in sentences if sentence)


def _winner(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]]) -> str:
    summary, estimate = ranked[0]
    place = "the highest mean test accuracy" if len(ranked) > 1 else "a mean test accuracy"
    return (
        f"{summary.title} has {place}: {percent(estimate.mean)} % ({counted_seeds(estimate.n)}; "
        f"95 % interval {percent_range(estimate.low, estimate.high)} %)."
    )


def _lead(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]], findings: Findings) -> str:
    if len(ranked) < 2:
        return "No other architecture has a result to compare it with."
    (first, best), (second, estimate) = ranked[:2]
    ahead = percent(best.mean - estimate.mean)
    sentence = (
        f"The mean test accuracy of {second.title} is {ahead} percentage points lower ({percent(estimate.mean)} %)."
    )
    pair = next((pair for pair in findings.of(comparisons) if (pair.a, pair.b) == (first.name, second.name)), None)
    if pair is None:
        return f"{sentence} Without predictions for the same test images, this difference has no interval."
    return (
        f"{sentence} The interval of this difference is {signed_range(pair.low_corrected, pair.high_corrected)} "
        "percentage points. It covers the variation between seeds and between test images, and is corrected for the "
        "number of pairs of architectures."
    )


def _certainty(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]], findings: Findings) -> str:
    winner = ranked[0][0].name
    every = findings.of(comparisons)
    pairs = [pair for pair in every if pair.a == winner]
    if not pairs:
        return ""
    beaten, equal, open_ = (
        [findings.titles[pair.b] for pair in pairs if pair.verdict is verdict]
        for verdict in (Verdict.A_BETTER, Verdict.EQUIVALENT, Verdict.UNDECIDED)
    )
    different = sum(pair.verdict in (Verdict.A_BETTER, Verdict.B_BETTER) for pair in every)
    parts = [f"better than {listed(beaten)}"] if beaten else []
    parts += [f"equivalent to {listed(equal)}"] if equal else []
    parts += [f"statistically indistinguishable from {listed(open_)}{_seeds_to_decide(pairs)}"] if open_ else []
    if not parts:
        return ""
    sentence = f"According to the verdicts below, {findings.titles[winner]} is {listed(parts)}."
    if len(every) < 2:
        return sentence
    return f"{sentence} {count(different)} of {count(len(every))} pairs differ significantly."


def _seeds_to_decide(pairs: Sequence[Comparison]) -> str:
    needed = [pair.seeds_needed for pair in pairs if pair.verdict is Verdict.UNDECIDED]
    known = [number for number in needed if number is not None]
    if not known or len(known) < len(needed):
        return ""
    return f" (about {count(max(known))} seeds are probably needed)"


def _cost(findings: Findings) -> str:
    points = {point.summary.name: point for point in findings.of(costs)}
    best = points[findings.order[0]]
    sentence = f"{best.summary.title} {_costs(best)}."
    if len(findings.order) < 2:
        return sentence
    # Times on different devices cannot be compared.
    alike = [points[name] for name in findings.order if points[name].device == best.device]
    if len(alike) < 2:
        return f"{sentence} No other architecture was trained and measured on the same type of device."
    front = pareto_front(alike, LATENCY)
    if front and front[0] != best:
        return f"{sentence} {_other(front[0], 'lowest latency')}"
    cheap = min(alike, key=lambda point: point.summary.confirm.train_seconds_mean or 0.0)
    if cheap is best:
        return f"{sentence} No other architecture is faster."
    return f"{sentence} {_other(cheap, 'shortest training time')}"


def _other(point: CostPoint, why: str) -> str:
    title = point.summary.title
    return f"{title} has the {why}: it {_costs(point)}, with a test accuracy of {percent(point.accuracy)} %."


def _costs(point: CostPoint) -> str:
    training = f"trains in {seconds(point.summary.confirm.train_seconds_mean)} s"
    if point.latency_ms is None:
        return training
    return f"{training} and classifies an image in {point.latency_ms:.2g} ms"


def _caveats(findings: Findings) -> list[str]:
    """Write the limitations of the results, the most severe first."""
    environment, found, pairs = findings.run.environment, findings.of(audit), findings.of(comparisons)
    missing = [summary.title for summary in findings.summaries if summary.no_result is not None]
    failed = sum(failure.trials for summary in findings.summaries for failure in summary.failures)
    seeds = min((pair.seeds for pair in pairs), default=0)
    few_seeds = 0 < seeds < fewest_seeds_for_better()
    changed = environment.changed_code
    tunings = [entry.tuning for entry in findings.of(ledger) if entry.tuning]
    no_gain = bool(tunings) and not any(pair.verdict is Verdict.A_BETTER for pair in tunings)
    curse = max((-(entry.curse or 0.0) for entry in findings.of(ledger)), default=0.0)
    sample = f"{count(len(found.finished))} of {count(found.stopped)} stopped trials"
    caveats = {
        "The run was interrupted, and only the trials that had ended are included.": environment.interrupted,
        f"There is no result for {listed(missing)}." if missing else "": bool(missing),
        f"The code of {listed(changed)} changed during the run." if changed else "": bool(changed),
        "The source had uncommitted changes.": bool(environment.dirty),
        f"With {counted_seeds(seeds)}, no architecture can be called better than another.": few_seeds,
        f"Early stopping was wrong for {count(found.false_stops)} of {count(len(found.finished))} audited trials: they "
        "would have been better than the selected trial.": found.false_stops > 0,
        f"Failed trials: {count(failed)}.": failed > 0,
        f"Early stopping ended {count(found.stopped)} trials, and none of them was audited.": (
            found.stopped > 0 and not found.finished
        ),
        'Tuning shows no clear gain: no selected configuration has the verdict "better" in the comparison with the '
        "default configuration.": no_gain,
        f"Only {sample} were audited, so up to {count(found.most)} stopped trials may have been better than the "
        "selected trial of their architecture (95 % confidence).": len(found.finished) > 0 and not found.false_stops,
        "The search was run once, and another search might select other configurations.": True,
        f"In confirm, selected configurations lost up to {percent(curse)} percentage points of validation accuracy.": (
            curse > findings.rope
        ),
        "Training times were measured while other trials were running.": environment.slots > 1,
    }
    return [caveat for caveat, holds in caveats.items() if holds]


def _context(findings: Findings) -> Keys:
    summaries = findings.summaries
    return {
        "search_planned": sum(summary.search.planned for summary in summaries),
        "search_ended": sum(summary.search.trials for summary in summaries),
        "confirm_planned": len(summaries) * findings.run.study.confirm.seeds,
        "confirm_ended": sum(len(summary.confirm.records) for summary in summaries),
        "lead": headline(findings),
    }


SECTION = Section(__name__, _context)
