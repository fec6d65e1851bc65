"""Tests of the table of GPU use."""

from __future__ import annotations

from harness.records.trial import Phase, Placement
from harness.report.sections.environment import gpu_table

GPU = Placement(node="n", device="cuda", threads=1, precision="bf16", gpus=0.25, captured=True)


def test_a_run_on_cpus_has_no_gpu_table(make_spec, make_record) -> None:
    """The table is empty if no trial used a GPU."""
    placed = make_record(make_spec(), placement=Placement(node="n", device="cpu", threads=1, precision="fp32"))
    assert not gpu_table([placed, make_record(make_spec())], {})


def test_each_architecture_has_a_row_with_counts_and_reasons(make_spec, make_record) -> None:
    """A row counts captured trials and trials trained together, and lists each reason once."""
    plain = GPU.model_copy(
        update={"captured": False, "not_captured": "RuntimeError: synchronises", "precision": "tf32"}
    )
    alone = plain.model_copy(update={"not_together": "RuntimeError: draws"})
    records = [
        make_record(make_spec("mlp"), placement=GPU),
        make_record(make_spec("mlp", Phase.CONFIRM, seed=1), placement=GPU.model_copy(update={"together": 2})),
        make_record(make_spec("mlp", Phase.CONFIRM, seed=2), placement=GPU.model_copy(update={"together": 2})),
        make_record(make_spec("lenet5"), placement=plain),
        make_record(make_spec("lenet5", Phase.CONFIRM, seed=1), placement=alone),
        make_record(make_spec("lenet5", Phase.CONFIRM, seed=2), placement=alone),
    ]
    frame = gpu_table(records, {"mlp": "Tunable MLP"}).frame.set_index("Architecture")
    assert frame.loc["Tunable MLP"].tolist() == ["0.25", "bf16", "3", "3", "2", "2", "–"]
    assert frame.loc["lenet5"].tolist() == [
        "0.25",
        "tf32",
        "3",
        "0",
        "2",
        "0",
        "not captured: RuntimeError: synchronises; not trained together: RuntimeError: draws",
    ]
