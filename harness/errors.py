"""Errors that a user can fix. Each message states the problem and the remedy."""

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
    """An argument in a message: an argument of a function, or an option of a command.

    Attributes:
        name: Name of the argument of the function.
        value: A given or possible value; None to name the argument without a value.
        elsewhere: Text for messages in Python, if it is not an argument of a function.

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
    """Return an argument that changes a value of the study.

    >>> str(changed("confirm.seeds", 3))
    'confirm.seeds: 3'
    """
    return Argument("set", f"{key}={value}", elsewhere=f"{key}: {value}")


class HarnessError(Exception):
    """Error in the arguments, study, data or environment.

    The message consists of texts and arguments. A command prints the message, with the arguments as
    options, and exits with code 2.

    Attributes:
        parts: Texts and arguments of the message.
    """

    def __init__(self, *parts: str | Argument) -> None:
        super().__init__("".join(map(str, parts)))
        self.parts = parts


class StudyError(HarnessError):
    """The study or the arguments of a command are not valid."""


class DataError(HarnessError):
    """The data set cannot be loaded, or its files are not as expected."""


class EnvironmentMismatchError(HarnessError):
    """This machine or cluster cannot run the study."""


class RunFolderError(HarnessError):
    """The run folder cannot be read or written, or its files are not as expected."""


class TestSplitSealedError(Exception):
    """Code tried to read the test split outside the confirm phase. This is an internal error."""

    __test__ = False  # the name begins with Test, and pytest would collect it


class WorkerLostError(Exception):
    """This process has to end. Each of its trials can be retried alone in another process."""


def describe(error: BaseException) -> str:
    """Return an exception as one line.

    >>> describe(ValueError("no such   thing"))
    'ValueError: no such thing'
    >>> describe(MemoryError())
    'MemoryError'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a remedy for an unknown name: a similar name, or all known names.

    >>> nearest("lenet", ["lenet5", "mlp"])
    "did you mean 'lenet5'?"
    >>> nearest("zzz", ["lenet5", "mlp"])
    'choose from lenet5, mlp'
    """
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(names) or '(none)'}"


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
"""Exceptions that numpy and zipfile raise for bytes that are not a valid npz file."""
