"""Tests of device, threads and precision of a trial."""

from __future__ import annotations

import pytest
import torch

from harness.training import Settings, resolve_settings
from harness.training.settings import apply_to_process


@pytest.fixture
def as_it_was():
    """Restore the settings of torch for the whole process after the test."""
    threads, products = torch.get_num_threads(), torch.backends.cuda.matmul.fp32_precision
    convolutions = torch.backends.cudnn.conv.fp32_precision
    yield
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.fp32_precision = products
    torch.backends.cudnn.conv.fp32_precision = convolutions


def test_a_cpu_has_no_tf32() -> None:
    """On a CPU, tf32 is resolved to fp32, so that the recorded precision is the true one."""
    assert resolve_settings("cpu", 1, "tf32").precision == "fp32"
    assert resolve_settings("cuda", 1, "tf32").precision == "tf32"
    assert resolve_settings("cpu", 1, "bf16").precision == "bf16"


def test_fp32_on_a_gpu_is_computed_in_fp32(as_it_was) -> None:
    """The precision of an earlier trial does not affect convolutions and matrix products."""
    for precision, products in (("tf32", "tf32"), ("fp32", "ieee"), ("bf16", "ieee")):
        apply_to_process(Settings("cuda", 2, precision))
        assert torch.backends.cuda.matmul.fp32_precision == products
        assert torch.backends.cudnn.conv.fp32_precision == products
        assert torch.get_num_threads() == 2
