"""Ctrl-C and SIGTERM of a command, and what they leave behind."""

from __future__ import annotations

import signal

import pytest

from harness.console.signals import interruptible, interruption_deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_interrupt_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    """A command ends with what it has, however it is told to end."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_deferred_interruption_comes_at_the_end_of_the_block() -> None:
    """What must not be cut in two is finished first."""
    done: list[str] = []

    def block() -> None:
        with interruptible(), interruption_deferred():
            signal.raise_signal(signal.SIGTERM)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["the rest of the block"]


def test_a_second_interruption_comes_at_once() -> None:
    """Nobody has to wait for a block that hangs."""
    done: list[str] = []

    def block() -> None:
        with interruptible(), interruption_deferred():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == []
