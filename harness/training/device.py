"""A process and its device after a failure."""

from __future__ import annotations

import gc

import torch

from harness.errors import WorkerLostError, describe


def recover(device: str) -> None:
    """Free what a failed trial held on the device; nothing of the trial may be referenced any more.

    Args:
        device: `cpu` or `cuda`.

    Raises:
        WorkerLostError: the device fails whatever this process asks of it, as after an assertion in a kernel.
    """
    gc.collect()
    if not device.startswith("cuda"):
        return
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError as error:
        raise WorkerLostError(f"the GPU can no longer be used by this process: {describe(error)}") from None
