"""Duration of an epoch: the engine, the common DataLoader loop, and one batch that is reused.

    python -m benchmarks.epoch

All contenders use one thread and take turns. The engine runs in a process with the environment
variables of a worker. The DataLoader loop runs in a process without them. The duration of an epoch
excludes validation, which has its own column.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.measurement import median_ratio, take_turns, write_results
from harness.orchestration.ray_environment import ENVIRONMENT

IMAGES = 20_000  # images per epoch; fewer images allow more rounds in the same time
CASES: dict[str, dict[str, Any]] = {
    "lenet5": {},
    "simple_cnn": {},
    "advanced_cnn": {},
    "mlp": {"hidden_layers": 2, "units": 512},
    "advanced_mlp": {},
}
_prepared: dict[str, Callable[[], dict[str, float]]] = {}


def prepare(contender: str, architecture: str, rounds: int, root: str) -> None:
    """Prepare a contender in its process, so that only its epochs are measured."""
    import torch

    torch.set_num_threads(1)
    # For the data order of the DataLoader loop; models are seeded by their specification.
    torch.manual_seed(0)
    makers = {"copied": partial(copied, Path(root)), "resident": resident_batch}
    name, _, options = contender.partition(" ")
    epochs = makers.get(name, engine)(architecture, options, rounds + 2)
    _prepared[contender] = partial(next, epochs)


def measure(contender: str) -> dict[str, float]:
    """Run one epoch of a prepared contender."""
    return _prepared[contender]()


def copied(root: Path, architecture: str, _: str, __: int) -> Iterator[dict[str, float]]:
    """Run epochs of the common DataLoader loop."""
    import torch

    from benchmarks import copied_loop
    from harness.training import build_model

    batches = copied_loop.loader(copied_loop.torchvision_folder(root), True, range(IMAGES))
    spec, shape = _spec(architecture, 1), _shape()
    model = build_model(spec, shape, 10).to(
        memory_format=torch.contiguous_format
    )  # the default layout of a user's model
    optimizer = copied_loop.optimizer_of(model, 1e-3)
    while True:
        started = time.perf_counter()
        copied_loop.train_epoch(model, batches, optimizer)
        yield {"train": time.perf_counter() - started}


def engine(architecture: str, options: str, epochs: int) -> Iterator[dict[str, float]]:
    """Run epochs of the engine; options such as `batch=64 augmentation=none` override the study."""
    from harness.training import build_model, resident, resolve_settings, train

    changes: dict[str, Any] = dict(option.split("=") for option in options.split())
    spec, data = _spec(architecture, epochs, **changes), _data()
    model = build_model(spec, data.shape, 10)
    for epoch in train(model, spec, resident(data, "cpu"), resolve_settings("cpu", 1, "auto")):
        yield {"train": epoch.train_seconds, "validation": epoch.validation_seconds}


def resident_batch(architecture: str, _: str, __: int) -> Iterator[dict[str, float]]:
    """Run the same training steps on one batch that stays in memory, which is the upper limit."""
    from torch.nn.functional import cross_entropy

    from harness.training import build_model, prepare, resident, resolve_settings
    from harness.training.dropout import draw_masks
    from harness.training.prediction import autocast, memory_layout

    spec, data, settings = _spec(architecture, 1), _data(), resolve_settings("cpu", 1, "auto")
    model, on_device = build_model(spec, data.shape, 10).train(), resident(data, "cpu")
    program = prepare([model], [spec], on_device, settings)
    masks, batch_size = program.step.masks, program.step.hyperparameters.batch_size
    inputs = on_device.normaliser(on_device.train_images[:batch_size].float())
    inputs = inputs.contiguous(memory_format=memory_layout(model))
    labels = on_device.train_labels[:batch_size]
    while True:
        started = time.perf_counter()
        for _ in range(IMAGES // batch_size):
            draw_masks(masks, program.generators)  # dropout is part of the forward pass
            with autocast(settings):
                loss = cross_entropy(model(inputs).float(), labels)
            program.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            program.optimizer.step()
        yield {"train": time.perf_counter() - started}


def _data() -> Any:
    from harness.data import load_dataset
    from harness.study import DatasetStudy

    # The same ratio of validation to training images as in the default study.
    return load_dataset(DatasetStudy(validation_size=IMAGES // 11, train_size=IMAGES), None).training


def _shape() -> Any:
    from architectures import InputShape

    return InputShape(1, 28, 28)


def _spec(architecture: str, epochs: int, batch: str | None = None, augmentation: str | None = None) -> Any:
    from architectures import BUILT_IN
    from harness.records.trial import Phase, TrialSpec

    changes: dict[str, Any] = CASES[architecture] | {"epochs": epochs}
    if batch is not None:
        changes["batch_size"] = int(batch)
    if augmentation is not None:
        changes["augmentation"] = augmentation
    hyperparameters = BUILT_IN[architecture].hyperparameters(**changes).model_dump(mode="json")
    return TrialSpec(
        phase=Phase.SEARCH, architecture=architecture, hyperparameters=hyperparameters, seed=0, dataset="mnist"
    )


CONTENDERS = {
    "copied": "the copied loop, batch 64",
    "engine batch=64 augmentation=none": "the engine, batch 64",
    "engine augmentation=none": "the engine, the study's batch",
    "engine": "the engine, the study's batch and augmentation",
    "resident": "one resident batch of the study's size",
}


def run(architecture: str, rounds: int, root: str) -> dict[str, list[dict[str, float]]]:
    """Run the epochs of all contenders in turn."""
    context = multiprocessing.get_context("spawn")
    kept: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with ProcessPoolExecutor(1, context) as plain, ProcessPoolExecutor(1, context) as worker:
        plain.submit(os.getpid).result()  # starts the process, which copies the current environment
        outside = dict(os.environ)
        os.environ.update(ENVIRONMENT)
        worker.submit(os.getpid).result()
        os.environ.clear()
        os.environ.update(outside)
        pools = {name: plain if name == "copied" else worker for name in CONTENDERS}
        for name, pool in pools.items():
            pool.submit(prepare, name, architecture, rounds, root).result()

        def epoch(name: str) -> float:
            kept[name].append(pools[name].submit(measure, name).result())
            return kept[name][-1]["train"]

        take_turns({name: partial(epoch, name) for name in CONTENDERS}, rounds)
    return {name: epochs[1:] for name, epochs in kept.items()}  # without the warm-up round


def row(architecture: str, epochs: dict[str, list[dict[str, float]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the rows for the two tables: comparison with the DataLoader loop and with the limit."""
    train = {name: [epoch["train"] for epoch in of_one] for name, of_one in epochs.items()}
    per_second = {name: round(IMAGES / statistics.median(seconds)) for name, seconds in train.items()}
    small, own, whole = (name for name in CONTENDERS if name.startswith("engine"))
    validation = statistics.median(epoch["validation"] / epoch["train"] for epoch in epochs[whole])
    return (
        {
            "architecture": architecture,
            "copied loop (images/s)": per_second["copied"],
            "engine, batch 64 (images/s)": per_second[small],
            "ratio at batch 64": round(median_ratio(train["copied"], train[small]), 2),
            "engine, study's batch (images/s)": per_second[own],
            "ratio at study's batch": round(median_ratio(train["copied"], train[own]), 2),
            "ratio with augmentation": round(median_ratio(train["copied"], train[whole]), 2),
        },
        {
            "architecture": architecture,
            "resident batch (images/s)": per_second["resident"],
            "engine / limit": round(median_ratio(train["resident"], train[own]), 3),
            "with affine augmentation": round(median_ratio(train["resident"], train[whole]), 3),
            "validation / epoch (%)": round(100 * validation, 1),
        },
    )


def main(
    rounds: Annotated[int, typer.Option(help="Number of measured rounds.")] = 7,
    architectures: Annotated[str, typer.Option(help="Architectures, separated by commas.")] = ",".join(CASES),
) -> None:
    """Measure every architecture, and write `results/epoch.md` and `results/epoch.json`."""
    raw = {}
    with tempfile.TemporaryDirectory() as root:
        for architecture in architectures.split(","):
            raw[architecture] = run(architecture, rounds, root)
    rows = [row(architecture, epochs) for architecture, epochs in raw.items()]
    sections = {
        "Comparison with the common DataLoader loop, one thread": [first for first, _ in rows],
        "Comparison with the limit, one batch that stays in memory, one thread": [second for _, second in rows],
    }
    write_results("epoch", sections, raw)


if __name__ == "__main__":
    typer.run(main)
