"""What can go wrong in a way that the user can mend: each message is one sentence that says how."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Argument:
    """Something that a caller gives: an argument of a function, which a command calls an option.

    Attributes:
        name: as a function calls it.
        value: what was given, or what could be.
        elsewhere: what it is called in Python, where that is no argument of a function.

    >>> str(Argument("output", "reports/run"))
    'output=reports/run'
    """

    name: str
    value: object = None
    elsewhere: str = ""

    def __str__(self) -> str:
        if self.elsewhere:
            return self.elsewhere
        return self.name if self.value is None else f"{self.name}={self.value}"


def changed(key: str, value: object) -> Argument:
    """A value of the study that can be changed.

    >>> str(changed("confirm.seeds", 3))
    'confirm.seeds: 3'
    """
    return Argument("set", f"{key}={value}", elsewhere=f"{key}: {value}")


class HarnessError(Exception):
    """Wrong arguments, study, data or environment; a command prints it and exits with code 2.

    The message is made of texts and of arguments, which a command spells as its options.

    Attributes:
        parts: of the message.
    """

    def __init__(self, *parts: str | Argument) -> None:
        super().__init__("".join(map(str, parts)))
        self.parts = parts


class StudyError(HarnessError):
    """The study asks for something that does not exist or cannot be."""


class DataError(HarnessError):
    """The data set cannot be had, or is not what it claims to be."""


class EnvironmentMismatchError(HarnessError):
    """This machine or cluster cannot run what was asked."""


class RunFolderError(HarnessError):
    """The run folder cannot be written, or does not hold what a run folder holds."""


class TestSplitSealedError(Exception):
    """Something tried to read the test split outside the confirm phase: a fault of the code, not of the user."""

    __test__ = False  # the name begins with Test, and pytest would collect it


class WorkerLostError(Exception):
    """This process has to end; another one can try the trials that have not ended, each alone."""


def describe(error: BaseException) -> str:
    """An exception in one line.

    >>> describe(ValueError("no such   thing"))
    'ValueError: no such thing'
    >>> describe(MemoryError())
    'MemoryError'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy for a misspelt name.

    >>> nearest("lenet", ["lenet5", "mlp"])
    "did you mean 'lenet5'?"
    >>> nearest("zzz", ["lenet5", "mlp"])
    'known are: lenet5, mlp'
    """
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(names)}"


BROKEN_ARRAYS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    RuntimeError,
    MemoryError,
    ArithmeticError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""All that numpy and zipfile raise over bytes that are no npz."""
