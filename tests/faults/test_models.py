"""Tests that faults of an architecture affect only its own trials."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from fault_runs import journal, own, planted
from patience import patience

from harness.records.trial import Status

pytestmark = [pytest.mark.slow, pytest.mark.ray]

FAULTS = {
    "not_a_number": "diverged: the training loss was nan in epoch 1",
    "exploding": "diverged: the ",
    "too_few_logits": "logits (B, 10); for 2 images it returned torch.float32 of shape (2, 7)",
    "too_many_logits": "of shape (2, 13)",
    "raises_in_build": "ZeroDivisionError: planted in build",
    "raises_in_fifth_epoch": "ArithmeticError: planted in the fifth epoch",
    "allocates_too_much": "allocate",
    "exits": "SystemExit: planted exit",
    "breaks_its_device": "RuntimeError: device-side assert triggered",
    "hangs_in_training": "seconds without a message; trial_timeout is ",
}
HEALTHY = ("wants_a_whole_device", "mlp")


def test_every_bad_architecture_is_named_with_its_reason_and_the_good_one_is_reported(
    start, write_study, tmp_path: Path
) -> None:
    """Each bad architecture fails in its first attempt, and the two good ones complete every trial.

    The planted faults are NaN, explosion, wrong shapes, exceptions early and late, too much memory,
    an exit, a hang, and a device that can no longer be used, as after an assertion in a CUDA
    kernel.
    """
    folder = tmp_path / "run"
    space = {"space": {"epochs": 6, "batch_size": 32, "augmentation": "none"}}
    limit = math.ceil(patience(15))  # a trial that is well imports torch in that time, and trains an epoch
    study = write_study(dict.fromkeys([*FAULTS, *HEALTHY], space), trial_timeout=limit)
    planted_ones = own(*FAULTS, "wants_a_whole_device")
    command = start("--all", "--config", study, "--output", folder, *planted_ones, environment=planted(tmp_path))
    assert command.end() == 3, command.stderr
    records = journal(folder)
    failed = {record.spec.architecture: record for record in records if record.status is Status.FAILED}
    assert set(failed) == set(FAULTS)
    for name, reason in FAULTS.items():
        assert reason in failed[name].reason, name
        assert failed[name].attempts == 1, name
        assert f"no result for {', '.join(FAULTS)}" in command.stderr
    assert len(failed["raises_in_fifth_epoch"].epochs) == 4
    assert failed["hangs_in_training"].reason.endswith(f"{limit} seconds")
    for name in HEALTHY:
        ended = [(record.status, record.attempts) for record in records if record.spec.architecture == name]
        assert ended == [(Status.COMPLETED, 1)] * 3, name
    order = [record.spec.architecture for record in records]
    assert order.index("breaks_its_device") < order.index("wants_a_whole_device")
    page = (folder / "report.md").read_text(encoding="utf-8")
    for name in FAULTS:
        assert name.replace("_", " ") in page
    assert "planted in the fifth epoch" in page
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
