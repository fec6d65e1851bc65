"""What can go wrong with an architecture of a user's own."""


class OwnArchitectureError(Exception):
    """A source gives no architecture; the message says why, and what to do."""
