"""Why a worker died, as far as Ray says."""

from __future__ import annotations

_LEFT = "WorkerLostError: "


def death(said: str) -> str:
    """Why a worker died, in words.

    >>> death("The actor died because its node has died.")
    'its machine left the cluster'
    >>> death("Traceback ... WorkerLostError: the GPU can no longer be used")
    'it had to end: the GPU can no longer be used'
    """
    text = " ".join(said.split())
    if _LEFT in text:
        return f"it had to end: {text.rpartition(_LEFT)[2][:300]}"
    if "OutOfMemory" in text or "low on memory" in text:
        return "the machine ran out of memory, and the worker that used most was ended"
    if any(sign in text for sign in ("NodeDied", "node died", "node has died", "node was terminated")):
        return "its machine left the cluster"
    if "actor died" in text or "actor is dead" in text or "unexpectedly" in text or "SIGKILL" in text:
        return "its process ended (killed, or crashed inside a library)"
    return text[:300] or "its process ended"
