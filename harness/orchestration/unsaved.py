"""What Tune would save for a restore that this project never asks for."""

from __future__ import annotations


class Unsaved:
    """Pickles as nothing: Tune writes its callbacks and schedulers to disk, and the journal is what is resumed from."""

    def __getstate__(self) -> dict[str, object]:
        return {}
