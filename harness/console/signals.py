"""Handling of Ctrl-C and SIGTERM. All signal handlers are restored afterwards."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C and SIGTERM raise KeyboardInterrupt inside the block.

    This also works in a process that was started with Ctrl-C ignored.
    """
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGINT, interrupt)


@contextlib.contextmanager
def interruption_deferred() -> Iterator[None]:
    """Delay a first Ctrl-C until the end of the block. A second one takes effect at once.

    While torch and Ray are imported and started, an exception in their code can be swallowed or
    cause a hang.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the block.
    """
    pressed = False

    def remember(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
