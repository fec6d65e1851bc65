"""Tests of several processes that train one model with `DistributedDataParallel`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from harness.data.dataset import TrainingData
from harness.records.trial import Phase, TrialSpec
from harness.training import Group, Settings, build_model, resident, train
from harness.training.data_parallel import with_synchronised_batch_norm


def train_all(specs: list[TrialSpec], data: TrainingData, device: str, group: Group | None) -> list[dict[str, Any]]:
    """Train the trials. Return epochs, weights and random seeds of the process for each trial."""
    settings = Settings(device, threads=1, precision="fp32", not_captured="to compare", group=group)
    given = []
    for spec in specs:
        seeds: dict[int, None] = {}
        model = build_model(spec, data.shape, len(data.classes))
        model.register_forward_pre_hook(
            lambda model, _, seeds=seeds: seeds.setdefault(torch.initial_seed()) if model.training else None
        )
        epochs = list(train(model, spec, resident(data, device), settings))
        weights = {name: value.to("cpu", copy=True) for name, value in model.state_dict().items()}
        given.append({"epochs": epochs, "weights": weights, "seeds": list(seeds)})
    return given


def work(
    rank: int, workers: int, device: str, meeting: str, specs: list[TrialSpec], data: TrainingData, folder: str
) -> None:
    # NCCL does not allow two processes on one GPU, but gloo does.
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=workers)
    group = Group(rank, workers, DistributedDataParallel)
    torch.save(train_all(specs, data, device, group), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def train_in_processes(
    workers: int, device: str, specs: list[TrialSpec], data: TrainingData, folder: Path
) -> list[list[dict[str, Any]]]:
    """Train the trials in several processes, and return the results of each process."""
    arguments = (workers, device, str(folder / "meeting"), specs, data, str(folder))
    multiprocessing.spawn(work, arguments, nprocs=workers)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(workers)]


def assert_trained_alike(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Check that losses, weights and running statistics agree to rounding, with equal names."""
    for one, other in zip(ours, theirs, strict=True):
        for epoch, expected in zip(one["epochs"], other["epochs"], strict=True):
            assert epoch.train_loss == pytest.approx(expected.train_loss, rel=1e-3)
            assert epoch.validation_loss == pytest.approx(expected.validation_loss, rel=1e-2)
            assert epoch.train_images == expected.train_images
        assert list(one["weights"]) == list(other["weights"])
        for name, value in one["weights"].items():
            torch.testing.assert_close(value, other["weights"][name], rtol=5e-3, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_several_processes_give_the_results_of_one(workers, toy_data, make_spec, tmp_path: Path) -> None:
    """Without batch norm and dropout, results agree even if parts of a batch differ in size."""
    specs = [
        make_spec(name, Phase.CONFIRM, epochs=2, batch_size=8, augmentation="affine", label_smoothing=0.1)
        for name in ("simple_cnn", "lenet5", "mlp")
    ]
    alone = train_all(specs, toy_data, "cpu", None)
    for jointly in train_in_processes(workers, "cpu", specs, toy_data, tmp_path):
        assert_trained_alike(jointly, alone)


@pytest.mark.slow
def test_processes_with_batch_norm_and_dropout_have_the_same_model(toy_data, make_spec, tmp_path: Path) -> None:
    """All processes have equal parameters and losses, but draw different dropout masks."""
    specs = [
        make_spec(name, Phase.CONFIRM, epochs=4, batch_size=32, dropout=0.3)
        for name in ("advanced_cnn", "advanced_mlp")
    ]
    first, *others = train_in_processes(3, "cpu", specs, toy_data, tmp_path)
    for given in first:
        assert given["epochs"][-1].validation_accuracy > 0.9
    for other in others:
        for ours, theirs in zip(first, other, strict=True):
            assert [epoch.train_loss for epoch in ours["epochs"]] == [epoch.train_loss for epoch in theirs["epochs"]]
            for name, value in ours["weights"].items():
                if "running" not in name:
                    assert torch.equal(value, theirs["weights"][name])
            assert len(ours["seeds"]) == 4
            assert not set(ours["seeds"]) & set(theirs["seeds"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batch_norm_on_a_gpu_uses_the_whole_batch(toy_data, make_spec, tmp_path: Path) -> None:
    """With `SyncBatchNorm`, three processes give the results of one, with running statistics."""
    specs = [
        make_spec(name, Phase.CONFIRM, epochs=2, batch_size=32, dropout=0.0)
        for name in ("advanced_cnn", "advanced_mlp", "simple_cnn")
    ]
    alone = train_all(specs, toy_data, "cuda", None)
    for jointly in train_in_processes(3, "cuda", specs, toy_data, tmp_path):
        assert_trained_alike(jointly, alone)


def test_batch_norm_is_synchronised_only_on_cuda_devices() -> None:
    """Names of parameters and buffers remain, and parameters stay the same objects."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2)))
    names, parameters = list(model.state_dict()), list(model.parameters())
    assert not any(isinstance(m, nn.SyncBatchNorm) for m in with_synchronised_batch_norm(model, "cpu").modules())
    converted = with_synchronised_batch_norm(model, "cuda")
    assert sum(isinstance(module, nn.SyncBatchNorm) for module in converted.modules()) == 2
    assert list(converted.state_dict()) == names
    assert all(ours is theirs for ours, theirs in zip(converted.parameters(), parameters, strict=True))


def test_parts_add_up_to_the_batch() -> None:
    """Every image of a batch is in exactly one part, for any number of workers."""
    for batch_size in (1, 7, 32):
        for workers in (1, 2, 5):
            groups = [Group(rank, workers, DistributedDataParallel) for rank in range(workers)]
            parts = [range(batch_size)[group.part(batch_size)] for group in groups]
            assert [image for part in parts for image in part] == list(range(batch_size))
