"""Errors of the user's architectures."""


class OwnArchitectureError(Exception):
    """A source does not provide an architecture; the message has the reason and the remedy."""
