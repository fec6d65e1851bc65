"""What repeated measurements say: estimates of an accuracy, comparisons of two, groups that are not told apart."""

from statistics import fmean as mean

from harness.statistics.comparison import (
    ALPHA,
    Comparison,
    McNemar,
    Pair,
    Scope,
    Verdict,
    compare_all,
    compare_pairs,
    mcnemar_test,
)
from harness.statistics.estimates import (
    CONFIDENCE,
    AccuracyEstimate,
    IntervalMethod,
    estimate_accuracy,
    finite_population_interval,
    student_t_interval,
    wilson_interval,
)
from harness.statistics.ranking import letters
from harness.statistics.resampling import REPLICATES, Correct, Resampled, Variances, resample
from harness.statistics.seeds_needed import MOST_SEEDS, Limit, Outlook, outlook
from harness.statistics.wins import Wins, count_wins, fewest_seeds_for_better, smallest_sign_flip_p

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "MOST_SEEDS",
    "REPLICATES",
    "AccuracyEstimate",
    "Comparison",
    "Correct",
    "IntervalMethod",
    "Limit",
    "McNemar",
    "Outlook",
    "Pair",
    "Resampled",
    "Scope",
    "Variances",
    "Verdict",
    "Wins",
    "compare_all",
    "compare_pairs",
    "count_wins",
    "estimate_accuracy",
    "fewest_seeds_for_better",
    "finite_population_interval",
    "letters",
    "mcnemar_test",
    "mean",
    "outlook",
    "resample",
    "smallest_sign_flip_p",
    "student_t_interval",
    "wilson_interval",
]
