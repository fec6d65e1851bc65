"""On what a trial computes, and how precisely."""

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
        threads: of the CPU computations; part of what makes a result repeatable to the bit.
        precision: of convolutions and matrix products; parameters stay in fp32.
        gpus: share of a GPU that the trial was given, above 1 for several; it is recorded, and changes nothing here.
        not_captured: why a CUDA device runs steps as they are written; None where it captures them as CUDA graphs.
        group: the processes that train one model together; None for one that trains alone.
    """

    device: str
    threads: int
    precision: Precision
    gpus: float = 0.0
    not_captured: str | None = None
    group: Group | None = None

    @property
    def device_type(self) -> str:
        """The device without its number."""
        return self.device.partition(":")[0]


def resolve_settings(device: str, threads: int, precision: AskedPrecision, gpus: float = 0.0) -> Settings:
    """Settings with `auto` decided: bf16 where the device has instructions for it. On a CPU, TF32 becomes fp32."""
    if precision == "auto":
        precision = "bf16" if computes_in_bf16(device) else "fp32"
    elif precision == "tf32" and not device.startswith("cuda"):
        precision = "fp32"
    return Settings(device, threads, precision, gpus)


def computes_in_bf16(device: str) -> bool:
    """Whether the device has instructions of its own for bf16 products."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16", "sve_bf16"))


def apply_to_process(settings: Settings) -> None:
    """Set what torch keeps for the whole process: threads, and whether a GPU computes fp32 products in TF32.

    Left alone, torch computes fp32 convolutions in TF32, which has 10 bits of mantissa instead of 23.
    """
    torch.set_num_threads(settings.threads)
    if settings.device_type == "cuda":
        products = "tf32" if settings.precision == "tf32" else "ieee"
        torch.backends.cuda.matmul.fp32_precision = products
        torch.backends.cudnn.conv.fp32_precision = products  # type: ignore[attr-defined]  # torch's stub lacks it
