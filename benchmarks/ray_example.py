"""A search with Ray Tune, after its example `mnist_pytorch`: DataLoader and default loggers.

    python -m benchmarks.ray_example FOLDER

Each trial has a new actor. The original example (docs.ray.io, tune/examples/mnist_pytorch) stops
trials by their test accuracy and trains on few images. Here, as in the other programs, a trial uses
the whole train split and is evaluated on the validation split.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler

from benchmarks import search_job


def train_mnist(config: dict[str, Any]) -> None:
    """Run one trial."""
    from benchmarks import copied_loop

    folder = Path(config["folder"])
    train, validation = search_job.split_indices()
    train_loader = copied_loop.loader(folder, True, train)
    validation_loader = copied_loop.loader(folder, True, validation)
    model = search_job.build(config["hyperparameters"])
    optimizer = copied_loop.optimizer_of(model, config["hyperparameters"]["learning_rate"])
    for _ in range(search_job.EPOCHS):
        copied_loop.train_epoch(model, train_loader, optimizer)
        accuracy = copied_loop.accuracy(model, validation_loader)
        search_job.note(folder / "seen.jsonl", accuracy)
        tune.report({"mean_accuracy": accuracy})


def main() -> None:
    """Run the search."""
    from benchmarks import copied_loop

    folder = copied_loop.torchvision_folder(Path(sys.argv[1]))
    tuner = tune.Tuner(
        tune.with_resources(train_mnist, {"cpu": 1, "gpu": 0}),
        param_space={"folder": str(folder), "hyperparameters": tune.grid_search(search_job.configurations())},
        tune_config=tune.TuneConfig(
            metric="mean_accuracy",
            mode="max",
            scheduler=AsyncHyperBandScheduler(
                max_t=search_job.EPOCHS,
                grace_period=search_job.GRACE_EPOCHS,
                reduction_factor=search_job.REDUCTION_FACTOR,
            ),
        ),
        run_config=tune.RunConfig(storage_path=str(folder / "ray"), name="exp"),
    )
    tuner.fit()


if __name__ == "__main__":
    main()
