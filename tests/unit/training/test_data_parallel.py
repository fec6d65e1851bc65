"""Several processes that train one model: the same result as one process, to rounding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from harness.data.dataset import TrainingData
from harness.records.trial import Phase, TrialSpec
from harness.training import Group, Settings, build_model, resident, train

ARCHITECTURE_NAMES = ["simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp"]
WORKERS = 3


def train_all(specs: list[TrialSpec], data: TrainingData, group: Group | None) -> list:
    settings = Settings("cpu", threads=1, precision="fp32", group=group)
    given = []
    for spec in specs:
        model = build_model(spec, data.shape, len(data.classes))
        epochs = list(train(model, spec, resident(data, "cpu"), settings))
        given.append((epochs, {name: value.clone() for name, value in model.state_dict().items()}))
    return given


def work(rank: int, meeting: str, specs: list[TrialSpec], data: TrainingData, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=WORKERS)
    torch.save(train_all(specs, data, Group(rank, WORKERS)), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_three_processes_train_what_one_trains(toy_data, make_spec, tmp_path: Path) -> None:
    """Losses, accuracies, weights and running statistics of every architecture, with dropout and unequal parts."""
    specs = [
        make_spec(
            name,
            Phase.CONFIRM,
            epochs=2,
            batch_size=32,
            **({"dropout": 0.3} if name.startswith("advanced") or name == "mlp" else {}),
        )
        for name in ARCHITECTURE_NAMES
    ]
    multiprocessing.spawn(work, (str(tmp_path / "meeting"), specs, toy_data, str(tmp_path)), nprocs=WORKERS)
    alone = train_all(specs, toy_data, None)
    for rank in range(WORKERS):
        jointly = torch.load(tmp_path / f"{rank}.pt", weights_only=False)
        for (ours, weights), (theirs, expected) in zip(jointly, alone, strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)
                assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-2)
                assert one.train_images == other.train_images
            for name, value in weights.items():
                torch.testing.assert_close(value, expected[name], rtol=5e-3, atol=5e-3)


def test_parts_are_a_whole_batch() -> None:
    """Every image of a batch is in one part, whatever the number of workers."""
    for batch_size in (1, 7, 32):
        for workers in (1, 2, 5):
            parts = [range(batch_size)[Group(rank, workers).part(batch_size)] for rank in range(workers)]
            assert [image for part in parts for image in part] == list(range(batch_size))
