"""Recovery of a process and its device after a failed trial."""

from __future__ import annotations

import gc

import torch

from harness.errors import WorkerLostError, describe


def recover(device: str) -> None:
    """Free the memory of a failed trial on the device.

    The caller must have dropped all references to objects of the trial.

    Args:
        device: `cpu` or `cuda`.

    Raises:
        WorkerLostError: If this process can no longer use the device, for example after a failed
            assertion in a kernel.
    """
    gc.collect()
    if not device.startswith("cuda"):
        return
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError as error:
        raise WorkerLostError(f"this process can no longer use the GPU: {describe(error)}") from None
