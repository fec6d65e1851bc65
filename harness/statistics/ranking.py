"""Groups of statistically indistinguishable architectures, as letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase

from harness.statistics.comparison import Comparison, Verdict


def letters(order: Sequence[str], comparisons: Iterable[Comparison]) -> dict[str, str]:
    """Compact letter display: two architectures share a letter unless one was found better than the other.

    Insert and absorb (Piepho 2004): one group of all; each "better" splits every group that holds both in two, one
    without the first and one without the second; a group within another is dropped. Groups are lettered in the order
    of their best members, so the first architecture always has an a. "Not better" is no ordering: with A better than C
    alone, B shares a letter with each. Being equivalent and being undecided both leave a letter shared.

    Args:
        order: the architectures, best first.
        comparisons: of their pairs; those of others are ignored.

    Returns:
        Architecture to its letters, in the given order: a to z, then aa, ab and so on, set off by commas when any
        name of a group is longer than one letter.
    """
    place = {name: index for index, name in enumerate(order)}
    groups = [frozenset(range(len(order)))]
    for pair in comparisons:
        if pair.verdict in (Verdict.A_BETTER, Verdict.B_BETTER) and pair.a in place and pair.b in place:
            groups = _split(groups, place[pair.a], place[pair.b])
    groups.sort(key=sorted)
    names = [_group_name(index) for index in range(len(groups))]
    separator = "," if len(groups) > len(ascii_lowercase) else ""
    return {
        name: separator.join(label for label, group in zip(names, groups, strict=True) if place[name] in group)
        for name in order
    }


def _split(groups: Sequence[frozenset[int]], a: int, b: int) -> list[frozenset[int]]:
    """The largest groups that do not hold both."""
    parts = {part for group in groups for part in ((group - {a}, group - {b}) if {a, b} <= group else (group,))}
    return [part for part in parts if not any(part < other for other in parts)]


def _group_name(index: int) -> str:
    """Letters as in the columns of a spreadsheet.

    >>> [_group_name(index) for index in (0, 25, 26, 27, 701, 702)]
    ['a', 'z', 'aa', 'ab', 'zz', 'aaa']
    """
    name = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, len(ascii_lowercase))
        name = ascii_lowercase[digit] + name
    return name
