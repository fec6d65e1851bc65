"""How commands end: one sentence on the screen and a number for the shell."""

from __future__ import annotations

import contextlib
import tempfile
import traceback
from collections.abc import Iterator

import typer
from rich.console import Console

from harness.errors import Argument, HarnessError

DONE = 0
FAULT = 1  # something failed that should not
WRONG = 2  # arguments, study, data or environment
INCOMPLETE = 3  # done, but some architecture has no result
WORSE = 4  # done, and some architecture became worse than was allowed
BREACHED = 5  # an architecture does not keep its contract
INTERRUPTED = 130

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def one_line(text: str) -> str:
    r"""Text that a terminal shows as it is: white space as single spaces, nothing that steers the terminal.

    >>> one_line("a\n b\x1b[31m")
    'a b [31m'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def sentence(error: HarnessError) -> str:
    """What went wrong, with arguments spelled as options.

    >>> sentence(HarnessError(Argument("data_dir", "x"), ": there is no such folder"))
    '--data-dir x: there is no such folder'
    """
    return "".join(part if isinstance(part, str) else _option(part) for part in error.parts)


def _option(argument: Argument) -> str:
    flag = f"--{argument.name.replace('_', '-')}"
    return flag if argument.value is None else f"{flag} {argument.value}"


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn exceptions into a sentence and an exit code; the traceback of a fault goes to a file."""
    try:
        yield
    except HarnessError as error:
        errors.print(f"error: {one_line(sentence(error))}")
        raise typer.Exit(WRONG) from None
    except KeyboardInterrupt:
        errors.print("interrupted; what had finished is kept")
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # noqa: BLE001  # the last resort of a command; it hides nothing
        with tempfile.NamedTemporaryFile("w", prefix="harness-", suffix=".log", delete=False) as file:
            traceback.print_exc(file=file)
        errors.print(
            f"error: something failed that should not ({one_line(f'{type(error).__name__}: {error}')}); the traceback "
            f"is in {file.name}"
        )
        raise typer.Exit(FAULT) from None
