"""Ctrl-C and SIGTERM while a command runs; afterwards the process has the handlers that it had."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM interrupts the block as Ctrl-C does, even in a process that was started with Ctrl-C ignored."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGINT, interrupt)


@contextlib.contextmanager
def interruption_deferred() -> Iterator[None]:
    """A first Ctrl-C takes effect at the end of the block; a second one at once.

    While torch and Ray are imported and started, an exception inside their code can be swallowed, or hang.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C.
    """
    heard = False

    def remember(*_: object) -> None:
        nonlocal heard
        if heard:
            raise KeyboardInterrupt
        heard = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt
