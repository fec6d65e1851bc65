"""Tests of verdicts on pairs of architectures."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from harness.statistics.comparison import Comparison, Scope, Verdict, compare_all, holm
from harness.statistics.seeds_needed import Limit

IMAGES = 10_000
ROPE = 0.001
FLIPPED = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}


def right_but(*wrong: Collection[int], images: int = IMAGES) -> dict[int, npt.NDArray[np.bool_]]:
    """Create outcomes of seeds 0, 1, ... Each seed has these images wrong."""
    outcomes = {}
    for seed, indices in enumerate(wrong):
        outcomes[seed] = np.ones(images, dtype=bool)
        outcomes[seed][list(indices)] = False
    return outcomes


def compare(*models: dict[int, npt.NDArray[np.bool_]], rope: float = ROPE) -> tuple[Comparison, ...]:
    """Compare architectures with the names a, b, c and so on."""
    return compare_all(dict(zip("abcdef", models, strict=False)), rope)


def clear_win(seeds: int) -> tuple[dict[int, npt.NDArray[np.bool_]], dict[int, npt.NDArray[np.bool_]]]:
    """Create two architectures: about 20 images wrong, and about 100 wrong that include the 20."""
    return right_but(*(range(20 + s) for s in range(seeds))), right_but(*(range(100 - s) for s in range(seeds)))


def test_a_clear_winner_is_better_in_both_orders() -> None:
    """An architecture with a fifth of the errors at each seed is better, as A and as B."""
    good, bad = clear_win(5)
    (pair,) = compare(good, bad)
    assert pair.verdict is Verdict.A_BETTER
    assert pair.difference == pytest.approx(0.0076)
    assert 0 < pair.low < 0.0076 < pair.high
    assert (pair.probability, pair.seeds, pair.images, pair.scope) == (1.0, 5, IMAGES, Scope.ARCHITECTURES)
    assert (pair.seeds_needed, pair.limit) == (None, None)
    (mirrored,) = compare(bad, good)
    assert mirrored.verdict is Verdict.B_BETTER


def test_a_difference_within_the_rope_is_equivalent() -> None:
    """Ten images won and ten lost of 10,000 are equivalent with a rope of 0.1 percentage points."""
    a, b = right_but(*[range(10)] * 5), right_but(*[range(10, 20)] * 5)
    (pair,) = compare(a, b)
    assert pair.verdict is Verdict.EQUIVALENT
    assert pair.low_corrected < 0 < pair.high_corrected
    assert compare(a, b, rope=0.0005)[0].verdict is Verdict.UNDECIDED


def test_a_significant_difference_can_be_equivalent() -> None:
    """An interval that excludes zero but lies inside the rope is equivalent."""
    a, b = right_but(*[()] * 5), right_but(*[range(4)] * 5)
    (pair,) = compare(a, b)
    assert pair.low_corrected > 0
    assert pair.p_holm < 0.05
    assert pair.verdict is Verdict.EQUIVALENT
    assert compare(a, b, rope=0.0003)[0].verdict is Verdict.A_BETTER


def test_seeds_with_different_winners_are_undecided() -> None:
    """If seeds disagree on the winner, the pair is undecided and has a number of seeds needed."""
    a = right_but(*(range(errors) for errors in (100, 60, 110, 50, 70)))
    b = right_but(*(range(errors) for errors in (90, 110, 95, 105, 100)))
    (pair,) = compare(a, b)
    assert pair.verdict is Verdict.UNDECIDED
    assert pair.low_corrected < 0 < pair.high_corrected
    assert pair.probability == 0.6
    assert pair.limit is Limit.SEEDS
    assert pair.seeds_needed is not None
    assert pair.seeds_needed > 5


def test_with_three_seeds_nothing_is_better() -> None:
    """Three wins of three seeds have a Wilson interval from 0.44, so four seeds are needed."""
    (three,), (four,) = compare(*clear_win(3)), compare(*clear_win(4))
    assert three.p_holm < 0.05
    assert three.low_corrected > 0
    assert (three.probability, round(three.probability_low, 2)) == (1.0, 0.44)
    assert three.verdict is Verdict.UNDECIDED
    assert (three.seeds_needed, three.limit) == (4, Limit.SEEDS)
    assert four.verdict is Verdict.A_BETTER


def test_one_seed_gives_no_verdict() -> None:
    """With one seed only two models are compared, so the pair is undecided."""
    (pair,) = compare(*clear_win(1))
    assert pair.low > 0
    assert (pair.verdict, pair.scope) == (Verdict.UNDECIDED, Scope.MODELS)
    assert (pair.seeds_needed, pair.limit) == (None, Limit.SEEDS)
    same = right_but(range(5))
    assert compare(same, same)[0].verdict is Verdict.UNDECIDED


def test_models_without_a_difference_have_an_interval() -> None:
    """Without any difference on N images, the interval is -3/N to 3/N.

    More seeds do not narrow it.
    """
    same = right_but(*[range(50)] * 5)
    (pair,) = compare(same, same)
    assert (pair.difference, pair.p, pair.probability) == (0.0, 1.0, 0.5)
    assert (pair.low, pair.high) == pytest.approx((-3.0 / IMAGES, 3.0 / IMAGES), rel=0.01)
    assert pair.verdict is Verdict.EQUIVALENT
    few = right_but(*[range(50)] * 5, images=1000)
    (pair,) = compare(few, few)
    assert (pair.verdict, pair.seeds_needed, pair.limit) == (Verdict.UNDECIDED, None, Limit.IMAGES)


def test_only_common_seeds_count() -> None:
    """A seed that only one architecture has changes nothing."""
    good, bad = clear_win(5)
    lucky = good | {7: np.ones(IMAGES, dtype=bool)}
    assert compare(lucky, bad) == compare(good, bad)


def test_without_a_common_seed_the_intervals_are_as_wide_as_possible() -> None:
    """All intervals have their maximum width. An architecture without any seed is an error."""
    good, bad = clear_win(2)
    (pair,) = compare({0: good[0]}, {1: bad[1]})
    assert (pair.seeds, pair.scope, pair.verdict) == (0, Scope.NOTHING, Verdict.UNDECIDED)
    assert (pair.low, pair.high, pair.p, pair.mcnemar) == (-1.0, 1.0, 1.0, None)
    assert (pair.probability_low, pair.probability_high) == (0.0, 1.0)
    assert pair.difference == pytest.approx(0.0079)
    with pytest.raises(ValueError, match="'a' and 'b' cannot be compared"):
        compare(good, {})


def test_outcomes_for_different_images_are_refused() -> None:
    """Outcomes of different lengths, or of a single image, are an error."""
    with pytest.raises(ValueError, match="different numbers of test images"):
        compare(right_but((), images=100), right_but((), images=101))
    with pytest.raises(ValueError, match="two test images or more"):
        compare(right_but((), images=1), right_but((), images=1))


def test_pairs_come_in_the_given_order() -> None:
    """Each pair is compared once, with the earlier architecture first."""
    models = {name: right_but(range(index)) for index, name in enumerate("dacb")}
    pairs = [(pair.a, pair.b) for pair in compare_all(models, ROPE)]
    assert pairs == [("d", "a"), ("d", "c"), ("d", "b"), ("a", "c"), ("a", "b"), ("c", "b")]
    assert compare_all({}, ROPE) == ()


def test_holm_steps_down() -> None:
    """The smallest p is multiplied by the number of pairs. Its pair has the widest interval."""
    a = right_but(*[range(100)] * 5)
    b = right_but(*[range(81, 191)] * 5)
    c = right_but(*[range(60, 200)] * 5)
    pairs = sorted(compare(a, b, c), key=lambda pair: pair.p)
    p = [pair.p for pair in pairs]
    assert p[0] < p[1] < p[2]
    expected = np.maximum.accumulate(np.array(p) * [3, 2, 1])
    assert [pair.p_holm for pair in pairs] == pytest.approx(np.minimum(expected, 1))
    assert [pair.level for pair in pairs] == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 2, 0.95])
    assert (pairs[2].low, pairs[2].high) == (pairs[2].low_corrected, pairs[2].high_corrected)
    assert pairs[0].low_corrected < pairs[0].low < pairs[0].high < pairs[0].high_corrected


def test_holm_equals_statsmodels() -> None:
    """Adjusted p equal those of statsmodels, also for ties and values near 1."""
    for p in ([0.01, 0.04, 0.03, 0.005], [0.2, 0.01, 0.01, 0.9], [0.04], [0.5, 0.6, 0.7]):
        adjusted, level = holm(np.array(p))
        assert adjusted == pytest.approx(multipletests(p, method="holm")[1])
        assert ((np.array(p) < 1 - level) | (adjusted >= 0.05)).all()


def test_equal_p_have_equal_levels() -> None:
    """Pairs with equal p all have the stricter level, so the order of pairs does not matter."""
    same = right_but(*[range(50)] * 3)
    assert [pair.level for pair in compare(same, same, same)] == pytest.approx([1 - 0.05 / 3] * 3)


def test_pairs_of_single_seeds_are_corrected_separately() -> None:
    """A pair of single models does not change the correction of a pair of architectures."""
    good, bad = clear_win(5)
    single = {0: right_but(range(3000))[0]}
    several, first, second = compare(good, bad, single)
    assert several.level == pytest.approx(0.95)
    assert (first.level, second.level) == pytest.approx((0.975, 0.975))


def test_the_interval_excludes_zero_if_p_is_small() -> None:
    """The interval excludes zero exactly if p is below its level."""
    generator = np.random.default_rng(3)
    for _ in range(60):
        gap = generator.integers(0, 40)
        a = right_but(*(generator.integers(0, IMAGES, 80) for _ in range(5)))
        b = right_but(*(generator.integers(0, IMAGES, 80 + gap) for _ in range(5)))
        (pair,) = compare(a, b)
        if abs(pair.p - 0.05) > 0.001:
            assert (pair.p < 0.05) == (not pair.low <= 0 <= pair.high)


def test_mcnemar_equals_the_binomial_test() -> None:
    """The p of 3 and 6 discordant images equals that of binomial tests and of statsmodels."""
    a, b = right_but((), range(9), range(50)), right_but((), range(6, 12), ())
    del a[0]
    found = compare(a, b)[0].mcnemar
    assert found is not None
    assert (found.seed, found.only_a, found.only_b) == (1, 3, 6)
    by_hand = 2 * (1 + 9 + 36 + 84) / 2**9
    assert found.p == pytest.approx(by_hand)
    assert found.p == pytest.approx(stats.binomtest(3, 9).pvalue)
    assert found.p == pytest.approx(mcnemar([[IMAGES - 12, 3], [6, 3]], exact=True).pvalue)


def test_mcnemar_of_equal_models_is_one() -> None:
    """Without discordant images, p is 1."""
    found = compare(right_but(range(3)), right_but(range(3)))[0].mcnemar
    assert found is not None
    assert (found.only_a, found.only_b, found.p) == (0, 0, 1.0)


def test_a_comparison_depends_only_on_its_data() -> None:
    """Repeating a comparison or adding other pairs does not change its uncorrected values."""
    good, bad = clear_win(5)
    assert compare(good, bad) == compare(good, bad)
    alone, beside = compare(good, bad)[0], compare(good, bad, bad)[0]
    corrected = ("p_holm", "level", "low_corrected", "high_corrected")
    assert dataclasses.replace(beside, **{name: getattr(alone, name) for name in corrected}) == alone


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_swapping_two_architectures_changes_signs_only(seeds: int, images: int, draw: int) -> None:
    """Difference, intervals and P(A > B) are mirrored, p is equal, and the verdict is reversed."""
    generator = np.random.default_rng(draw)
    a, b = (dict(enumerate(generator.random((seeds, images)) < generator.random())) for _ in range(2))
    (there,), (back,) = compare(a, b, rope=0.3), compare(b, a, rope=0.3)
    assert back.difference == -there.difference
    assert (back.p, back.p_holm) == (there.p, there.p_holm)
    assert (-back.high, -back.low) == pytest.approx((there.low, there.high))
    assert (-back.high_corrected, -back.low_corrected) == pytest.approx((there.low_corrected, there.high_corrected))
    assert 1 - back.probability == pytest.approx(there.probability)
    assert 1 - back.probability_high == pytest.approx(there.probability_low)
    assert back.verdict is FLIPPED.get(there.verdict, there.verdict)
    assert (back.seeds_needed, back.limit) == (there.seeds_needed, there.limit)
