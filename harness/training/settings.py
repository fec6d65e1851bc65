"""Settings of a trial: device, threads and precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from harness.records.trial import AskedPrecision, Precision
from harness.training.data_parallel import Group


@dataclass(frozen=True)
class Settings:
    """Device, threads and precision of a trial.

    Attributes:
        device: `cpu` or `cuda`.
        threads: Number of CPU threads. Bit-identical results need the same number.
        precision: Precision of convolutions and matrix products; parameters stay in fp32.
        gpus: Fraction of a GPU, or number of GPUs, that the trial has. It is only recorded.
        not_captured: Why steps are not captured as CUDA graphs on a CUDA device; None to capture
            them.
        group: Processes that train the model together; None if one process trains it.
    """

    device: str
    threads: int
    precision: Precision
    gpus: float = 0.0
    not_captured: str | None = None
    group: Group | None = None

    @property
    def device_type(self) -> str:
        """Device without its index."""
        return self.device.partition(":")[0]


def resolve_settings(device: str, threads: int, precision: AskedPrecision, gpus: float = 0.0) -> Settings:
    """Make settings for a device.

    `auto` becomes bf16 if the device has bf16 instructions, otherwise fp32. On a CPU, TF32 becomes
    fp32.
    """
    if precision == "auto":
        precision = "bf16" if computes_in_bf16(device) else "fp32"
    elif precision == "tf32" and not device.startswith("cuda"):
        precision = "fp32"
    return Settings(device, threads, precision, gpus)


def computes_in_bf16(device: str) -> bool:
    """Whether the device has instructions for bf16 products."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16", "sve_bf16"))


def apply_to_process(settings: Settings) -> None:
    """Apply the process-wide settings of torch: threads, and TF32 on a GPU.

    By default, torch computes fp32 convolutions in TF32, which has a mantissa of 10 bits instead of
    23.
    """
    torch.set_num_threads(settings.threads)
    if settings.device_type == "cuda":
        products = "tf32" if settings.precision == "tf32" else "ieee"
        torch.backends.cuda.matmul.fp32_precision = products
        torch.backends.cudnn.conv.fp32_precision = products  # type: ignore[attr-defined]  # torch's stub lacks it
