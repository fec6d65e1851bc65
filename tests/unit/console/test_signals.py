"""Tests of Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal

import pytest

from harness.console.signals import interruptible, interruption_deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_interrupt_and_the_handlers_are_restored(number: signal.Signals) -> None:
    """SIGINT and SIGTERM both raise KeyboardInterrupt, and the previous handlers are restored."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_deferred_interrupt_is_raised_at_the_end_of_the_block() -> None:
    """A deferred interrupt is raised only after the block has finished."""
    done: list[str] = []

    def block() -> None:
        with interruptible(), interruption_deferred():
            signal.raise_signal(signal.SIGTERM)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["the rest of the block"]


def test_a_second_interrupt_is_raised_immediately() -> None:
    """A second interrupt is not deferred, so that a block that hangs can be stopped."""
    done: list[str] = []

    def block() -> None:
        with interruptible(), interruption_deferred():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == []
