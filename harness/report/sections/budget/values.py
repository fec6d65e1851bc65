"""Expected best validation accuracy against the budget of the search: which architecture wins at which budget.

The estimator is that of Dodge et al., "Show Your Work" (2019, arXiv 1909.03004): the expectation of the best of n
trials that are drawn from those which were run. Tang et al., "Showing Your Work Doesn't Always Work" (2020, arXiv
2004.13705), show that it is too low where n comes near the number of trials: it is never above the best one seen.
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

ROUGH_BELOW = 3  # trials; two values say next to nothing about a distribution
LEADS_NAMED = 5  # more changes of the lead than this are counted, not told
SAME = 1e-12  # accuracies that differ by less are equal but for rounding


@dataclass(frozen=True)
class BudgetCurve:
    """Expected best validation accuracy of one architecture.

    Attributes:
        name: of the architecture.
        title: of the architecture.
        accuracies: expected best of 1, 2, ... trials, as fractions; ends at the configurations that were tried.
        seconds_per_trial: weighted mean training time of a full trial.
        full_trials: that the curve is estimated from.
        unaudited: trials that were stopped early, when none of them was finished for an audit; otherwise 0.
    """

    name: str
    title: str
    accuracies: tuple[float, ...]
    seconds_per_trial: float
    full_trials: int
    unaudited: int

    @property
    def seconds(self) -> tuple[float, ...]:
        """Training time that 1, 2, ... trials are expected to take."""
        return tuple(number * self.seconds_per_trial for number in range(1, len(self.accuracies) + 1))

    def at_trials(self, trials: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Expected best for any number of trials, whole or not; NaN below one.

        Linear between whole numbers: who can pay for 2.3 trials on average gets 3 in 30 % of all cases and 2 in the
        others. A step function would be as correct, and would put a crossing at every step of two similar curves.
        Beyond the last number that was tried the value stays: more trials could only raise it, by how much is unknown.
        """
        return np.interp(
            np.asarray(trials, dtype=np.float64), np.arange(1, len(self.accuracies) + 1), self.accuracies, left=np.nan
        )

    def at_seconds(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Expected best for a training time; NaN where it does not pay for one trial."""
        return self.at_trials(np.asarray(seconds, dtype=np.float64) / self.seconds_per_trial)


@dataclass(frozen=True)
class Lead:
    """A stretch of the budget, in seconds, with the names of the architectures that lead there: several in a tie.

    Attributes:
        start: of the first lead, what the cheapest trial of all takes.
        end: infinite for the last lead.
        names: in the order of the curves.
    """

    start: float
    end: float
    names: tuple[str, ...]


def expected_best(accuracies: Sequence[float], weights: Sequence[float], trials: int) -> tuple[float, ...]:
    """Expectation of the highest of 1, 2, ... `trials` independent draws from accuracies with these weights.

    >>> expected_best([0.5, 0.9], [1.0, 1.0], trials=2)
    (0.7, 0.8)

    Raises:
        ValueError: there are no accuracies, not one weight for each, a weight that is not positive, or no trials.
    """
    if not accuracies or len(accuracies) != len(weights):
        raise ValueError(f"{len(accuracies)} accuracies and {len(weights)} weights; give one weight for each")
    if min(weights) <= 0 or trials < 1:
        raise ValueError(f"weights must be above 0 and trials at least 1, got {min(weights)} and {trials}")
    values, place = np.unique(accuracies, return_inverse=True)
    share = np.cumsum(np.bincount(place, weights=weights))
    numbers = np.arange(1, trials + 1)
    all_below = (share / share[-1]) ** numbers[:, None]  # (trials, values), that no draw is above this accuracy
    chance_of_best = np.diff(all_below, axis=1, prepend=0.0)
    return tuple((chance_of_best @ values).tolist())


def budget_curve(
    name: str, title: str, trials: Sequence[FullTrial], configurations: int, unaudited: int = 0
) -> BudgetCurve | None:
    """The curve of one architecture; None when no trial is known to its last epoch.

    Args:
        name: of the architecture.
        title: of the architecture.
        trials: the completed ones, and the stopped ones that were finished for the audit.
        configurations: that were tried, stopped ones included: where the curve ends.
        unaudited: trials that were stopped early, when none of them was finished for an audit; otherwise 0.
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
    """The curve of each architecture that has one, in the order of the summaries."""
    found = (
        budget_curve(spent.name, spent.title, spent.full_trials, summary.search.trials, spent.unaudited)
        for summary, spent in zip(findings.summaries, findings.of(spending), strict=True)
    )
    return tuple(curve for curve in found if curve is not None)


def leaders(curves: Sequence[BudgetCurve]) -> tuple[Lead, ...]:
    """Which architecture has the highest expected best at which budget, from the first trial on without a gap.

    The values between and beyond the points of a curve are those of `BudgetCurve.at_seconds`.
    """
    points = sorted({second for curve in curves for second in curve.seconds})
    if not points:
        return ()
    edges = np.array(sorted({*points, *_crossings(curves, np.array(points))}))
    # Between two edges no curve begins and no two cross, so the middle tells of the whole stretch; after the last
    # one all curves are level.
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
    """Which architecture has the highest expected best below and above the budgets where the lead changes."""
    if len(curves) < 2:
        return (
            "Fewer than two architectures have a search trial that is known to its last epoch, which is too little to "
            "say whether the winner depends on the budget."
        )
    return " ".join([_lead_sentence(curves), *_caveats(curves)])


def training_time(duration: float) -> str:
    """A budget in seconds, as a sentence has it.

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
            for place in np.flatnonzero(before * after < 0):  # never where a curve has not begun: NaN is not below 0
                part = before[place] / (before[place] - after[place])
                crossings.add(float(points[place] + part * (points[place + 1] - points[place])))
    return crossings


def _lead_sentence(curves: Sequence[BudgetCurve]) -> str:
    leads = leaders(curves)
    titles = {curve.name: curve.title for curve in curves}
    names = [listed([titles[name] for name in lead.names]) for lead in leads]
    first, last = leads[0], leads[-1]
    has = "have" if len(first.names) > 1 else "has"
    highest = f"{has} the highest expected validation accuracy"
    if len(leads) == 1:
        return f"{names[0]} {highest} at every budget."
    if len(leads) > LEADS_NAMED:
        return (
            f"{names[0]} {highest} up to {training_time(first.end)} of training, {names[-1]} beyond "
            f"{training_time(last.start)}; between them the lead changes {len(leads) - 1} times."
        )
    middle = "".join(
        f"; from there to {training_time(lead.end)}, {name}"
        for lead, name in zip(leads[1:-1], names[1:-1], strict=True)
    )
    return (
        f"Up to {training_time(first.end)} of training, {names[0]} {highest}{middle}; beyond that, {names[-1]}."
        f"{_only_there(curves, leads)}"
    )


def _only_there(curves: Sequence[BudgetCurve], leads: Sequence[Lead]) -> str:
    entering = [
        curve.title
        for curve in curves
        if any(curve.name in lead.names and lead.start == curve.seconds[0] for lead in leads[1:])
    ]
    if len(leads) == 2:
        return f" The lead changes only there{', where its first trial can be paid for' if entering else ''}."
    leading = "leads as soon as one of its trials" if len(entering) == 1 else "lead as soon as one of their trials"
    return f" {listed(entering)} {leading} can be paid for." if entering else ""


def _caveats(curves: Sequence[BudgetCurve]) -> list[str]:
    caveats = []
    survivors = [curve for curve in curves if curve.unaudited]
    if survivors:
        stopped = sum(curve.unaudited for curve in survivors)
        caveats.append(
            f"{_whose(survivors, curves)} too good, since early stopping let only the better trials through: of the "
            f"{count(stopped)} that it ended, none was finished for an audit."
        )
    rough = [curve.title for curve in curves if curve.full_trials < ROUGH_BELOW]
    if rough:
        caveats.append(f"Fewer than {ROUGH_BELOW} trials known to the last epoch are behind {listed(rough)}.")
    return caveats


def _whose(some: Sequence[BudgetCurve], curves: Sequence[BudgetCurve]) -> str:
    if len(some) == len(curves):
        return "All curves are"
    named = listed([curve.title for curve in some])
    return f"The curve of {named} is" if len(some) == 1 else f"The curves of {named} are"
