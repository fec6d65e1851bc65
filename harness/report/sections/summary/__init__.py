"""Title of the page and summary: the few sentences that a reader sees first."""

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
    """Five sentences: who wins, by how much, how sure that is, at what cost, what to distrust.

    Empty when no architecture has a result, fewer when there is nothing to compare.
    """
    ranked = ranking(findings.summaries)
    if not ranked:
        return ()
    sentences = [_winner(ranked), _lead(ranked, findings), _certainty(ranked, findings), _cost(findings)]
    sentences.append(f"What to distrust: {'; '.join(_caveats(findings)[:CAVEATS_SHOWN])}.")
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
    sentence = f"It is {ahead} points ahead of {second.title} at {percent(estimate.mean)} %"
    pair = next((pair for pair in findings.of(comparisons) if (pair.a, pair.b) == (first.name, second.name)), None)
    if pair is None:
        return f"{sentence}; without predictions on the same test images nothing says how sure that is."
    return (
        f"{sentence}; over seeds and test images, corrected for the number of pairs, the interval of the difference "
        f"runs from {signed_range(pair.low_corrected, pair.high_corrected)} points."
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
    told = sum(pair.verdict in (Verdict.A_BETTER, Verdict.B_BETTER) for pair in every)
    parts = [f"better than {listed(beaten)}"] if beaten else []
    parts += [f"for practical purposes equal to {listed(equal)}"] if equal else []
    parts += [f"not told apart from {listed(open_)}{_seeds_to_decide(pairs)}"] if open_ else []
    if not parts:
        return ""
    return (
        f"By the verdicts below it is {', '.join(parts)}; of all {count(len(every))} pairs, "
        f"{count(told)} are told apart."
        if len(every) > 1
        else f"By the verdict below it is {', '.join(parts)}."
    )


def _seeds_to_decide(pairs: Sequence[Comparison]) -> str:
    needed = [pair.seeds_needed for pair in pairs if pair.verdict is Verdict.UNDECIDED]
    known = [number for number in needed if number is not None]
    if not known or len(known) < len(needed):
        return ""
    return f" (some {count(max(known))} seeds would probably decide it)"


def _cost(findings: Findings) -> str:
    points = {point.summary.name: point for point in findings.of(costs)}
    best = points[findings.order[0]]
    sentence = f"{best.summary.title} {_costs(best)}"
    if len(findings.order) < 2:
        return f"{sentence}."
    # Seconds on another device than the winner's say nothing about it.
    alike = [points[name] for name in findings.order if points[name].device == best.device]
    if len(alike) < 2:
        return f"{sentence}; no other was trained and measured on such a device."
    front = pareto_front(alike, LATENCY)
    if front and front[0] != best:
        return f"{sentence}; {_other(front[0], 'the quickest to answer')}."
    cheap = min(alike, key=lambda point: point.summary.confirm.train_seconds_mean or 0.0)
    if cheap is best:
        return f"{sentence}, the least of all."
    return f"{sentence}; {_other(cheap, 'the quickest to train')}."


def _other(point: CostPoint, why: str) -> str:
    return f"{point.summary.title}, {why}, {_costs(point)} and reaches {percent(point.accuracy)} %"


def _costs(point: CostPoint) -> str:
    training = f"trains in {seconds(point.summary.confirm.train_seconds_mean)} s"
    if point.latency_ms is None:
        return training
    return f"{training} and classifies an image in {point.latency_ms:.2g} ms"


def _caveats(findings: Findings) -> list[str]:
    """What weighs against the numbers, the gravest first."""
    environment, found, pairs = findings.run.environment, findings.of(audit), findings.of(comparisons)
    missing = [summary.title for summary in findings.summaries if summary.no_result is not None]
    failed = sum(failure.trials for summary in findings.summaries for failure in summary.failures)
    seeds = min((pair.seeds for pair in pairs), default=0)
    changed = environment.changed_code
    tunings = [entry.tuning for entry in findings.of(ledger) if entry.tuning]
    curse = max((-(entry.curse or 0.0) for entry in findings.of(ledger)), default=0.0)
    sample = f"{count(len(found.finished))} of {count(found.stopped)} stopped trials"
    caveats = {
        "the run was interrupted, and this is what had finished": environment.interrupted,
        f"{listed(missing)} without a result" if missing else "": bool(missing),
        f"the code of {listed(changed)} changed in the midst of the run" if changed else "": bool(changed),
        "the source had changes that are not committed": bool(environment.dirty),
        f"with {counted_seeds(seeds)} nothing can be called better": 0 < seeds < fewest_seeds_for_better(),
        f"early stopping ended {count(found.false_stops)} of {count(len(found.finished))} audited trials wrongly: they "
        "would have beaten the winner": found.false_stops > 0,
        f"{count(failed)} trials failed": failed > 0,
        f"{count(found.stopped)} trials were stopped early, and none of them was finished to see whether rightly": (
            found.stopped > 0 and not found.finished
        ),
        "tuning gained nothing that can be shown: no selected configuration is better than its default beyond "
        "doubt": bool(tunings) and not any(pair.verdict is Verdict.A_BETTER for pair in tunings),
        f"only {sample} were finished to audit early stopping, so up to {count(found.most)} may have been stopped "
        "wrongly": len(found.finished) > 0 and not found.false_stops,
        "the search was run once, and another one might select other configurations": True,
        f"winners lost up to {percent(curse)} points of validation accuracy when trained again": curse > findings.rope,
        "training times were taken while other trials ran beside": environment.slots > 1,
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
