"""On what a trial computes, and how precisely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from harness.training.joint import Group

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Settings:
    """Device, threads and precision of a trial.

    Attributes:
        device: `cpu` or `cuda`.
        threads: of the CPU computations; part of what makes a result repeatable to the bit.
        precision: of convolutions and matrix products; parameters stay in fp32.
        capture: whether a CUDA device runs steps as captured graphs.
        group: the processes that train one model together; None for one that trains alone.
    """

    device: str
    threads: int
    precision: Precision
    capture: bool = True
    group: Group | None = None

    @property
    def device_type(self) -> str:
        """The device without its number."""
        return self.device.partition(":")[0]


def resolve_settings(device: str, threads: int, precision: Literal["auto", "fp32", "bf16"]) -> Settings:
    """Settings with `auto` decided: bf16 where the device computes in it faster than in fp32."""
    if precision != "auto":
        return Settings(device, threads, precision)
    return Settings(device, threads, "bf16" if computes_in_bf16(device) else "fp32")


def computes_in_bf16(device: str) -> bool:
    """Whether the device has instructions of its own for bf16 products."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16", "sve_bf16"))
