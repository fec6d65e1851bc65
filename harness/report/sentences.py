"""What the report says in words, from values; no more than the values bear."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.classification import largest_confusion
from harness.report.formatting import count, magnitude, percent, percent_range, seconds, share, signed_points
from harness.report.summary import ArchitectureSummary, TimeUse, ranking
from harness.statistics import AccuracyEstimate, IntervalMethod, paired_difference


def summary_sentences(summaries: Sequence[ArchitectureSummary]) -> tuple[str, ...]:
    """Who came first, what separates it from the second, what it costs, and who has no result.

    Empty when nobody has a result.
    """
    ranked = ranking(summaries)
    missing = [summary.title for summary in summaries if summary.no_result is not None]
    sentences = []
    if ranked:
        sentences += [_first(ranked), _second(ranked), _cost(ranked)]
    if ranked and missing:
        sentences.append(f"No result: {', '.join(missing)}; the section on accuracy says why.")
    return tuple(sentences)


def _first(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]]) -> str:
    summary, estimate = ranked[0]
    place = "the highest mean test accuracy" if len(ranked) > 1 else "a mean test accuracy"
    return (
        f"{summary.title} has {place} of {percent(estimate.mean)} % ({counted_seeds(estimate.n)}; "
        f"95 % interval {percent_range(estimate.low, estimate.high)} %)."
    )


def counted_seeds(number: int) -> str:
    """How many seeds.

    >>> counted_seeds(1), counted_seeds(5)
    ('1 seed', '5 seeds')
    """
    return f"{count(number)} seed{'' if number == 1 else 's'}"


def seed_range(seeds: Sequence[int]) -> str:
    """Consecutive seeds by the first and the last.

    >>> seed_range([1, 2, 3]), seed_range([1])
    ('1 to 3', '1')
    """
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def _second(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]]) -> str:
    if len(ranked) < 2:
        return "No other architecture has a result to compare it with."
    (first, best), (second, estimate) = ranked[:2]
    behind = percent(best.mean - estimate.mean)
    apart = f"{second.title} follows at {percent(estimate.mean)} %, {behind} points behind"
    difference = paired_difference(*accuracies_by_common_seed(first, second))
    if difference is None:
        return f"{apart}; one seed does not say which of the two is better."
    interval = (
        f"over the {counted_seeds(difference.n)} that both were trained with, the difference has a 95 % interval of "
        f"{signed_points(difference.low)} to {signed_points(difference.high)} points"
    )
    if difference.low <= 0:
        return f"{apart}; {interval}, so these runs do not say which of the two is better."
    return f"{apart}; {interval}. It is one pair picked out of several after the fact: read it with reserve."


def accuracies_by_common_seed(
    first: ArchitectureSummary, second: ArchitectureSummary
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Test accuracies of two architectures over the seeds that completed for both, in the same order."""
    one, other = (
        {record.spec.seed: record.test.accuracy for record in summary.confirm.records if record.test}
        for summary in (first, second)
    )
    seeds = sorted(one.keys() & other.keys())
    return tuple(one[seed] for seed in seeds), tuple(other[seed] for seed in seeds)


def _cost(ranked: Sequence[tuple[ArchitectureSummary, AccuracyEstimate]]) -> str:
    best = ranked[0][0]
    cheapest = min((summary for summary, _ in ranked), key=_train_seconds)
    size = best.model
    extent = f" ({count(size.parameters)} parameters, {magnitude(size.macs)} multiply-adds)" if size else ""
    sentence = f"{best.title}{extent} trains in {seconds(_train_seconds(best))} s"
    if cheapest is best:
        return f"{sentence}{', the shortest of all' if len(ranked) > 1 else ''}."
    return f"{sentence}; the shortest to train is {cheapest.title} with {seconds(_train_seconds(cheapest))} s."


def _train_seconds(summary: ArchitectureSummary) -> float:
    return summary.confirm.train_seconds_mean or 0.0


def interval_sentence(summaries: Sequence[ArchitectureSummary]) -> str:
    """How the intervals of the accuracy table were computed."""
    methods = {estimate.method for _, estimate in ranking(summaries)}
    parts = {
        IntervalMethod.STUDENT_T: (
            "With several seeds, the 95 % interval is Student's t over them: it covers what changes from "
            "training to training, on these test images."
        ),
        IntervalMethod.WILSON: (
            "With a single seed, the 95 % interval is Wilson's, of that one model over the test images: it "
            "covers what changes with the images, not what changes from training to training."
        ),
    }
    return " ".join(text for method, text in parts.items() if method in methods)


def confusion_sentence(summary: ArchitectureSummary, classes: Sequence[str]) -> str:
    """What to see in the confusion matrix of an architecture."""
    if summary.classification is None:
        return ""
    worst = largest_confusion(summary.classification.matrix)
    if worst is None:
        return f"{summary.title} makes no mistake on the test images."
    true, predicted, number = worst
    of = int(summary.classification.support[true])
    return (
        f"The most frequent mistake of {summary.title}: {count(number)} of {count(of)} images of class "
        f"{classes[true]} are taken for {classes[predicted]}."
    )


def time_sentence(use: TimeUse) -> str:
    """Start-up, the time that there was, and how busy the slots were with training."""
    earlier = (
        f" {count(use.earlier_trials)} trials that an earlier command had finished are not counted."
        if use.earlier_trials
        else ""
    )
    return (
        f"The first training step came {seconds(use.start_up)} s after the command. From then to the end of "
        f"the last trial {seconds(use.wall)} s passed on {count(use.slots)} slots, which were busy training "
        f"for {share(use.training, use.available)} of it.{earlier}"
    )
