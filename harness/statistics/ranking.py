"""Groups of statistically indistinguishable architectures, as letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase

from harness.statistics.comparison import Comparison, Verdict


def letters(order: Sequence[str], comparisons: Iterable[Comparison]) -> dict[str, str]:
    """Compute the compact letter display of architectures.

    Two architectures share a letter unless a verdict says that one is better than the other. So
    equivalent and undecided pairs share a letter. Sharing a letter is not transitive: if the only
    verdict "better" is A over C, B shares a letter with A and another letter with C.

    The method is insert and absorb (Piepho 2004). It starts with one group of all architectures.
    Each verdict "better" splits every group that contains both architectures into one without the
    first and one without the second. A group that is contained in another group is dropped. Letters
    are assigned in the order of the best members, so the first architecture always has the letter
    a.

    Args:
        order: Architectures, best first.
        comparisons: Comparisons of their pairs; comparisons of other architectures are ignored.

    Returns:
        Architecture to its letters, in the given order. Groups are named a to z, then aa, ab and so
        on. With more than 26 groups, the names are separated by commas.
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
    """Return the largest groups that do not contain both architectures."""
    parts = {part for group in groups for part in ((group - {a}, group - {b}) if {a, b} <= group else (group,))}
    return [part for part in parts if not any(part < other for other in parts)]


def _group_name(index: int) -> str:
    """Name a group with letters, like the columns of a spreadsheet.

    >>> [_group_name(index) for index in (0, 25, 26, 27, 701, 702)]
    ['a', 'z', 'aa', 'ab', 'zz', 'aaa']
    """
    name = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, len(ascii_lowercase))
        name = ascii_lowercase[digit] + name
    return name
