"""What the report says in words, from values; no more than the values bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.records.cost import Cost
from harness.report.audit import Audit
from harness.report.classification import largest_confusion
from harness.report.formatting import count, listed, percent, seconds, share
from harness.report.summary import ArchitectureSummary, ranking
from harness.report.time_use import TimeUse
from harness.runs.environment import Dataset
from harness.statistics import (
    Comparison,
    IntervalMethod,
    Verdict,
    fewest_seeds_for_better,
    smallest_sign_flip_p,
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


def balance_sentence(dataset: Dataset) -> str:
    """How unlike the classes are in size, and what to make of it; empty where they are much alike."""
    if not dataset.unbalanced:
        return ""
    test = [sizes[2] for sizes in dataset.class_sizes]
    largest = test.index(max(test))
    return (
        f"Classes are unlike in size: {count(min(test))} to {count(max(test))} test images. Whoever always says "
        f'{dataset.classes[largest]} is right in {percent(max(test) / sum(test))} %. "Balanced" is the accuracy in '
        "which every class counts alike."
    )


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
        f"The first training step came {seconds(use.start_up_seconds)} s after the command. From then to the end of "
        f"the last trial {seconds(use.wall)} s passed on {count(use.slots)} slots, which were busy training "
        f"for {share(use.busy, 1)} of it. The table counts the seconds of every slot from the command to the "
        f"report.{earlier}"
    )


def verdict_limits(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> str:
    """What this number of seeds cannot show, whatever the data; empty when nothing was compared."""
    if not comparisons:
        return ""
    seeds = min(pair.seeds for pair in comparisons)
    least = fewest_seeds_for_better()
    reach = (
        "the verdicts rest on the size of the differences and on the test images besides"
        if seeds >= least
        else f"below {least} seeds no architecture is called better here, however large the difference"
    )
    sentence = (
        f"With {counted_seeds(seeds)}, an exact test that looks only at which seeds came out ahead cannot reach a p "
        f"below {smallest_sign_flip_p(seeds):.3g}; {reach}."
    )
    stuck = [
        f"{titles[pair.a]} from {titles[pair.b]}"
        for pair in comparisons
        if pair.verdict is Verdict.UNDECIDED and pair.seeds_needed is None and pair.seeds > 1
    ]
    if not stuck:
        return sentence
    return (
        f"{sentence} More seeds alone would probably not tell {listed(stuck)}: there are too few test images to see "
        "so small a difference."
    )


def unmeasured_sentence(costs: Iterable[Cost], titles: Mapping[str, str]) -> str:
    """Which models the cost pass could not measure, and why; empty when it measured all."""
    return " ".join(
        f"{titles[cost.architecture]} could not be measured: {cost.reason}."
        for cost in costs
        if cost.reason is not None
    )


def audit_sentence(audit: Audit) -> str:
    """What the audit says about early stopping, or why it says nothing."""
    if not audit.stopped:
        return "Early stopping ended no trial, so there was nothing to audit."
    net = audit.epochs_saved - audit.epochs_spent
    saved = (
        f"Early stopping saved {count(audit.epochs_saved)} epochs; the audit trained {count(audit.epochs_spent)}: "
        f"{count(abs(net))} {'were saved net' if net >= 0 else 'more were spent than saved'}."
    )
    if not audit.finished:
        why = "no audit was asked for" if not audit.asked else "no audit trial came to its end"
        return (
            f"{count(audit.stopped)} trials were stopped and none was finished ({why}): whether one of them would have "
            f"won is not known. {saved}"
        )
    whose = "its architecture" if audit.false_stops == 1 else "their architecture"
    drawn = [f"{one.title} {count(len(one.finished))}" for one in audit.architectures if one.finished]
    unseen = [f"{one.title} {count(one.stopped)}" for one in audit.architectures if one.stopped and not one.finished]
    nothing = f" Of the stopped trials of others it says nothing: {listed(unseen)}." if unseen else ""
    return (
        f"Of {count(audit.stopped)} stopped trials, {count(len(audit.finished))} drawn at random were finished "
        f"({listed(drawn)}): {count(audit.false_stops)} would have beaten the winner of {whose}. Of all stopped ones, "
        f"{count(audit.fewest)} to {count(audit.most)} would have, with 95 % confidence.{nothing} {saved}"
    )
