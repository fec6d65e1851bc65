"""Tests of the letters of architectures."""

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
    """Create comparisons of all pairs.

    `better` has pairs such as "ac", with the better one first. Pairs that are not listed are
    undecided.
    """
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
    """Create a comparison with this verdict. All other values are arbitrary."""
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
    """The five possible groupings of three ranked architectures have these letters."""
    assert letters("pqr", verdicts("pqr", better)) == expected


def test_letters_follow_the_ranking_and_not_the_names() -> None:
    """The first architecture of the ranking has an a, whatever the names and the order in pairs."""
    assert letters("rqp", verdicts("pqr", ("rp",))) == {"r": "a", "q": "ab", "p": "b"}
    assert list(letters("rqp", verdicts("pqr", ("rp",)))) == ["r", "q", "p"]


def test_equivalent_and_undecided_both_share_a_letter() -> None:
    """Only the verdict "better" separates two architectures."""
    assert letters("pq", verdicts("pq", (), equivalent=("pq",))) == {"p": "a", "q": "a"}


def test_letters_of_a_case_that_is_not_transitive() -> None:
    """Architectures in the middle may differ although those at the ends do not."""
    found = letters("pqrs", verdicts("pqrs", ("qr",)))
    assert found == {"p": "ab", "q": "a", "r": "b", "s": "ab"}
    found = letters("pqrs", verdicts("pqrs", ("pq", "rs")))
    assert found == {"p": "ab", "q": "cd", "r": "ac", "s": "bd"}


def test_there_are_no_more_letters_than_needed() -> None:
    """A group inside another group has no letter: two letters are enough here."""
    assert letters("pqrs", verdicts("pqrs", ("ps", "qs", "rs"))) == {"p": "a", "q": "a", "r": "a", "s": "b"}


def test_comparisons_of_others_are_ignored() -> None:
    """Verdicts on architectures that are not in the ranking are ignored."""
    assert letters("pq", verdicts("pqr", ("pr", "qr"))) == {"p": "a", "q": "a"}
    assert letters("", []) == {}


def test_there_may_be_more_than_26_groups() -> None:
    """Thirty different architectures have thirty letters. After z follow aa, ab and so on."""
    order = [f"m{index:02}" for index in range(30)]
    found = letters(order, [comparison(a, b, Verdict.A_BETTER) for a, b in combinations(order, 2)])
    assert len(set(found.values())) == 30
    assert (found["m00"], found["m25"], found["m26"], found["m29"]) == ("a", "z", "aa", "ad")
    some = letters([*order, "last"], [comparison(a, b, Verdict.A_BETTER) for a, b in combinations(order, 2)])
    assert some["last"].split(",")[-2:] == ["ac", "ad"]


@settings(max_examples=200)
@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n * (n - 1) // 2)))))
def test_a_letter_is_shared_unless_better_separates(case: tuple[int, set[int]]) -> None:
    """Two architectures share a letter exactly if neither is better than the other."""
    number, separated = case
    order = "pqrstuv"[:number]
    pairs = [a + b for a, b in combinations(order, 2)]
    better = {pairs[index] for index in separated if index < len(pairs)}
    found = letters(order, verdicts(order, better))
    assert all(found.values())
    assert {pair for pair in pairs if not set(found[pair[0]]) & set(found[pair[1]])} == better
