"""Expected best validation accuracy against the budget of the search.

The estimator is that of Dodge et al., "Show Your Work" (2019, arXiv 1909.03004): the expected best
of n trials that are drawn from the trials of the run. Tang et al., "Showing Your Work Doesn't
Always Work" (2020, arXiv 2004.13705), show that the estimate is too low if n is close to the number
of trials, because it never exceeds the best accuracy of the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.report.findings import Findings
from harness.report.page.formatting import count, listed
from harness.report.sections.budget.spending import FullTrial, spending

ROUGH_BELOW = 3  # trials; two values are too few to estimate a distribution
LEADS_NAMED = 5  # with more leads, the sentence gives only their number
SAME = 1e-12  # smaller differences between accuracies are rounding errors


@dataclass(frozen=True)
class BudgetCurve:
    """Expected best validation accuracy of one architecture.

    Attributes:
        name: Name of the architecture.
        title: Title of the architecture.
        accuracies: Expected best accuracy of 1, 2, ... trials, as fractions, up to the number of
            configurations tried.
        seconds_per_trial: Weighted mean training time of a full trial.
        full_trials: Number of trials that the curve is estimated from.
        unaudited: Number of stopped trials if none of them was audited, otherwise 0.
    """

    name: str
    title: str
    accuracies: tuple[float, ...]
    seconds_per_trial: float
    full_trials: int
    unaudited: int

    @property
    def seconds(self) -> tuple[float, ...]:
        """Expected training time of 1, 2, ... trials."""
        return tuple(number * self.seconds_per_trial for number in range(1, len(self.accuracies) + 1))

    def at_trials(self, trials: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the expected best accuracy for any number of trials. Below one trial, it is NaN.

        The value is linear between whole numbers: a budget of 2.3 trials pays for 3 trials in 30 %
        of the cases, and for 2 trials otherwise. With a step function, two similar curves would
        cross at every step. After the last number that was tried, the value stays the same. More
        trials could only increase it, by an unknown amount.
        """
        return np.interp(
            np.asarray(trials, dtype=np.float64), np.arange(1, len(self.accuracies) + 1), self.accuracies, left=np.nan
        )

    def at_seconds(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the expected best accuracy for a training time. NaN below one trial."""
        return self.at_trials(np.asarray(seconds, dtype=np.float64) / self.seconds_per_trial)


@dataclass(frozen=True)
class Lead:
    """A range of the budget and the architectures that lead there.

    Attributes:
        start: Start of the range in seconds. The first range starts at the cheapest trial.
        end: End of the range in seconds. Infinite for the last lead.
        names: Names of the leaders, in the order of the curves. Several in a tie.
    """

    start: float
    end: float
    names: tuple[str, ...]


def expected_best(accuracies: Sequence[float], weights: Sequence[float], trials: int) -> tuple[float, ...]:
    """Compute the expected maximum of 1, 2, ... `trials` draws from weighted accuracies.

    >>> expected_best([0.5, 0.9], [1.0, 1.0], trials=2)
    (0.7, 0.8)

    Raises:
        ValueError: There are no accuracies, the number of weights differs, a weight is not
            positive, or `trials` is less than 1.
    """
    if not accuracies or len(accuracies) != len(weights):
        raise ValueError(f"{len(accuracies)} accuracies and {len(weights)} weights; give one weight for each")
    if min(weights) <= 0 or trials < 1:
        raise ValueError(f"weights must be above 0 and trials at least 1, got {min(weights)} and {trials}")
    values, place = np.unique(accuracies, return_inverse=True)
    share = np.cumsum(np.bincount(place, weights=weights))
    numbers = np.arange(1, trials + 1)
    all_below = (share / share[-1]) ** numbers[:, None]  # (trials, values), probability that no draw is higher
    chance_of_best = np.diff(all_below, axis=1, prepend=0.0)
    return tuple((chance_of_best @ values).tolist())


def budget_curve(
    name: str, title: str, trials: Sequence[FullTrial], configurations: int, unaudited: int = 0
) -> BudgetCurve | None:
    """Compute the curve of one architecture. None if there is no completed or audited trial.

    Args:
        name: Name of the architecture.
        title: Title of the architecture.
        trials: Completed and audited trials.
        configurations: Number of configurations tried, including stopped ones. The curve ends here.
        unaudited: Number of stopped trials if none of them was audited, otherwise 0.
    """
    if not trials:
        return None
    accuracies = [trial.validation_accuracy for trial in trials]
    weights = [trial.weight for trial in trials]
    return BudgetCurve(
        name=name,
        title=title,
        accuracies=expected_best(accuracies, weights, configurations),
        seconds_per_trial=float(np.average([trial.train_seconds for trial in trials], weights=weights)),
        full_trials=len(trials),
        unaudited=unaudited,
    )


def curves(findings: Findings) -> tuple[BudgetCurve, ...]:
    """Compute the curve of each architecture that has one, in the order of the summaries."""
    found = (
        budget_curve(spent.name, spent.title, spent.full_trials, summary.search.trials, spent.unaudited)
        for summary, spent in zip(findings.summaries, findings.of(spending), strict=True)
    )
    return tuple(curve for curve in found if curve is not None)


def leaders(curves: Sequence[BudgetCurve]) -> tuple[Lead, ...]:
    """Find the architectures with the highest expected best accuracy at each budget.

    The leads cover all budgets from the first trial on. Between and after the points of a curve,
    the values are those of `BudgetCurve.at_seconds`.
    """
    points = sorted({second for curve in curves for second in curve.seconds})
    if not points:
        return ()
    edges = np.array(sorted({*points, *_crossings(curves, np.array(points))}))
    # Between two edges, no curve begins and no curves cross, so the middle represents the range.
    # After the last edge, all curves are constant.
    middles = np.append((edges[:-1] + edges[1:]) / 2, 2 * edges[-1])
    values = np.array([curve.at_seconds(middles) for curve in curves])  # (curves, stretches)
    tops = values >= np.nanmax(values, axis=0) - SAME
    leads: list[Lead] = []
    for start, end, top in zip(edges, [*edges[1:], math.inf], tops.T, strict=True):
        names = tuple(curve.name for curve, leading in zip(curves, top, strict=True) if leading)
        if leads and (leads[-1].names == names):
            leads[-1] = Lead(leads[-1].start, float(end), names)
        else:
            leads.append(Lead(float(start), float(end), names))
    return tuple(leads)


def budget_sentence(curves: Sequence[BudgetCurve]) -> str:
    """Describe which architecture has the lowest expected best error at which budget."""
    if len(curves) < 2:
        return (
            "Fewer than two architectures have a completed or audited trial, so it is unknown whether the best "
            "architecture depends on the budget."
        )
    return " ".join([_lead_sentence(curves), *_caveats(curves)])


def training_time(duration: float) -> str:
    """Format a training time for a sentence.

    >>> training_time(1234.5), training_time(3.14)
    ('1,234 s', '3.1 s')
    """
    return f"{duration:,.0f} s" if duration >= 10 else f"{duration:.2g} s"


def _crossings(curves: Sequence[BudgetCurve], points: npt.NDArray[np.float64]) -> set[float]:
    values = [curve.at_seconds(points) for curve in curves]
    crossings: set[float] = set()
    for number, one in enumerate(values):
        for other in values[:number]:
            before, after = (one - other)[:-1], (one - other)[1:]
            for place in np.flatnonzero(
                before * after < 0
            ):  # False before the start of a curve, where the value is NaN
                part = before[place] / (before[place] - after[place])
                crossings.add(float(points[place] + part * (points[place + 1] - points[place])))
    return crossings


def _lead_sentence(curves: Sequence[BudgetCurve]) -> str:
    leads = leaders(curves)
    titles = {curve.name: curve.title for curve in curves}
    names = [listed([titles[name] for name in lead.names]) for lead in leads]
    first, last = leads[0], leads[-1]
    has = "have" if len(first.names) > 1 else "has"
    highest = f"{has} the lowest expected validation error"
    if len(leads) == 1:
        return f"{names[0]} {highest} at every budget."
    if len(leads) > LEADS_NAMED:
        return (
            f"Up to {training_time(first.end)} of training, {names[0]} {highest}. From {training_time(last.start)} on, "
            f"it is {names[-1]}. In total, the best architecture changes {len(leads) - 1} times."
        )
    next_leaders = [f"{name} ({_range(lead)})" for lead, name in zip(leads[1:], names[1:], strict=True)]
    return (
        f"Up to {training_time(first.end)} of training, {names[0]} {highest}. After that, the best architecture is "
        f"{listed(next_leaders)}.{_entering(curves, leads)}"
    )


def _range(lead: Lead) -> str:
    return f"up to {training_time(lead.end)}" if math.isfinite(lead.end) else f"from {training_time(lead.start)} on"


def _entering(curves: Sequence[BudgetCurve], leads: Sequence[Lead]) -> str:
    entering = [
        curve.title
        for curve in curves
        if any(curve.name in lead.names and lead.start == curve.seconds[0] for lead in leads[1:])
    ]
    become = "becomes" if len(entering) == 1 else "become"
    return (
        f" {listed(entering)} {become} the best as soon as the training time is enough for one trial."
        if entering
        else ""
    )


def _caveats(curves: Sequence[BudgetCurve]) -> list[str]:
    caveats = []
    survivors = [curve for curve in curves if curve.unaudited]
    if survivors:
        stopped = sum(curve.unaudited for curve in survivors)
        caveats.append(
            f"{_whose(survivors, curves)} too low: early stopping ended the weaker trials ({count(stopped)}), and none "
            "of these was audited."
        )
    rough = [curve.title for curve in curves if curve.full_trials < ROUGH_BELOW]
    if rough:
        have = "has" if len(rough) == 1 else "have"
        caveats.append(f"{listed(rough)} {have} fewer than {ROUGH_BELOW} completed or audited trials.")
    return caveats


def _whose(some: Sequence[BudgetCurve], curves: Sequence[BudgetCurve]) -> str:
    if len(some) == len(curves):
        return "All lines are"
    named = listed([curve.title for curve in some])
    return f"The line of {named} is" if len(some) == 1 else f"The lines of {named} are"
