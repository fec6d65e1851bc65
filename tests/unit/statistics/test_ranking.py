"""Letters of architectures that are not told apart."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.comparison import Comparison, Verdict
from harness.statistics.ranking import letters
from harness.statistics.seeds_needed import Limit


def verdicts(order: str, better: Collection[str], equivalent: Collection[str] = ()) -> list[Comparison]:
    """Comparisons of all pairs; `better` lists pairs like "ac", the first the better one; the rest are undecided."""
    pairs = []
    for a, b in combinations(sorted(order), 2):
        verdict = Verdict.UNDECIDED
        if a + b in better or b + a in better:
            verdict = Verdict.A_BETTER if a + b in better else Verdict.B_BETTER
        elif a + b in equivalent or b + a in equivalent:
            verdict = Verdict.EQUIVALENT
        pairs.append(comparison(a, b, verdict))
    return pairs


def comparison(a: str, b: str, verdict: Verdict) -> Comparison:
    """A pair of which only the verdict counts."""
    return Comparison(
        a=a, b=b, difference=0.0, low=0.0, high=0.0, low_corrected=0.0, high_corrected=0.0, level=0.95, p=1.0,
        p_holm=1.0, probability=0.5, probability_low=0.0, probability_high=1.0, seeds=5, images=100, mcnemar=None,
        verdict=verdict, seeds_needed=None, limit=Limit.SEEDS if verdict is Verdict.UNDECIDED else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        ((), {"p": "a", "q": "a", "r": "a"}),
        (("pq", "pr", "qr"), {"p": "a", "q": "b", "r": "c"}),
        (("pr",), {"p": "a", "q": "ab", "r": "b"}),
        (("pq", "pr"), {"p": "a", "q": "b", "r": "b"}),
        (("pr", "qr"), {"p": "a", "q": "a", "r": "b"}),
    ],
)
def test_letters_of_three(better: tuple[str, ...], expected: dict[str, str]) -> None:
    """The five displays that a ranking of three can have."""
    assert letters("pqr", verdicts("pqr", better)) == expected


def test_letters_follow_the_ranking_and_not_the_names() -> None:
    """The first of the ranking has an a, whatever it is called and whichever side of a pair it is on."""
    assert letters("rqp", verdicts("pqr", ("rp",))) == {"r": "a", "q": "ab", "p": "b"}
    assert list(letters("rqp", verdicts("pqr", ("rp",)))) == ["r", "q", "p"]


def test_equivalent_and_undecided_both_share_a_letter() -> None:
    """Only "better" separates."""
    assert letters("pq", verdicts("pq", (), equivalent=("pq",))) == {"p": "a", "q": "a"}


def test_letters_of_a_case_that_is_not_transitive() -> None:
    """Neighbours in the middle may be told apart when the ends are not: four letters' worth of pairs are kept."""
    found = letters("pqrs", verdicts("pqrs", ("qr",)))
    assert found == {"p": "ab", "q": "a", "r": "b", "s": "ab"}
    found = letters("pqrs", verdicts("pqrs", ("pq", "rs")))
    assert found == {"p": "ab", "q": "cd", "r": "ac", "s": "bd"}


def test_no_letter_is_superfluous() -> None:
    """A group within another is absorbed: here two letters do what naive splitting does with three."""
    assert letters("pqrs", verdicts("pqrs", ("ps", "qs", "rs"))) == {"p": "a", "q": "a", "r": "a", "s": "b"}


def test_comparisons_of_others_are_ignored() -> None:
    """An architecture that is not in the ranking separates nothing."""
    assert letters("pq", verdicts("pqr", ("pr", "qr"))) == {"p": "a", "q": "a"}
    assert letters("", []) == {}


def test_there_may_be_more_than_26_groups() -> None:
    """Thirty architectures all told apart have thirty names, of one letter and then of two."""
    order = [f"m{index:02}" for index in range(30)]
    found = letters(order, [comparison(a, b, Verdict.A_BETTER) for a, b in combinations(order, 2)])
    assert len(set(found.values())) == 30
    assert (found["m00"], found["m25"], found["m26"], found["m29"]) == ("a", "z", "aa", "ad")
    some = letters([*order, "last"], [comparison(a, b, Verdict.A_BETTER) for a, b in combinations(order, 2)])
    assert some["last"].split(",")[-2:] == ["ac", "ad"]


@settings(max_examples=200)
@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n * (n - 1) // 2)))))
def test_a_letter_is_shared_unless_better_separates(case: tuple[int, set[int]]) -> None:
    """Whatever the verdicts, two share a letter if and only if neither was found better than the other."""
    number, separated = case
    order = "pqrstuv"[:number]
    pairs = [a + b for a, b in combinations(order, 2)]
    better = {pairs[index] for index in separated if index < len(pairs)}
    found = letters(order, verdicts(order, better))
    assert all(found.values())
    assert {pair for pair in pairs if not set(found[pair[0]]) & set(found[pair[1]])} == better
