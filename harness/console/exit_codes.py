"""Exit codes of commands, and how errors are printed."""

from __future__ import annotations

import contextlib
import tempfile
import traceback
from collections.abc import Iterator

import typer
from rich.console import Console

from harness.errors import Argument, HarnessError

DONE = 0
FAULT = 1  # internal error
WRONG = 2  # wrong arguments, study, data or environment
INCOMPLETE = 3  # done, but an architecture has no result
WORSE = 4  # done, but an architecture is worse than allowed
BREACHED = 5  # an architecture fails a check
INTERRUPTED = 130

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def one_line(text: str) -> str:
    r"""Return text as one line, without control characters and with single spaces.

    >>> one_line("a\n b\x1b[31m")
    'a b [31m'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def sentence(error: HarnessError) -> str:
    """Return the message of an error, with arguments written as command-line options.

    >>> sentence(HarnessError(Argument("data_dir", "x"), ": there is no such folder"))
    '--data-dir x: there is no such folder'
    """
    return "".join(part if isinstance(part, str) else _option(part) for part in error.parts)


def _option(argument: Argument) -> str:
    flag = f"--{argument.name.replace('_', '-')}"
    return flag if argument.value is None else f"{flag} {argument.value}"


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Print exceptions as one sentence, and exit with their code.

    The traceback of an internal error is written to a file.
    """
    try:
        yield
    except HarnessError as error:
        errors.print(f"error: {one_line(sentence(error))}")
        raise typer.Exit(WRONG) from None
    except KeyboardInterrupt:
        errors.print("interrupted; finished trials are kept")
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # noqa: BLE001  # the traceback is kept in a file
        with tempfile.NamedTemporaryFile("w", prefix="harness-", suffix=".log", delete=False) as file:
            traceback.print_exc(file=file)
        errors.print(
            f"error: internal error ({one_line(f'{type(error).__name__}: {error}')}); please report it with the "
            f"traceback in {file.name}"
        )
        raise typer.Exit(FAULT) from None
