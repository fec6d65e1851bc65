"""What a CUDA device gains by capturing steps, and by training seeds together; and the speedrun.

    python -m benchmarks.gpu

Needs a CUDA device, torch and the data; Ray is not used.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer

from architectures import ARCHITECTURES
from benchmarks.measurement import median_ratio, take_turns, write_results
from harness.data import load_dataset
from harness.execution import run_trials
from harness.plan import confirm_seeds, plan_search
from harness.study import DatasetStudy, load_study
from harness.training import Settings, build_model, prepare, resident, resolve_settings, train, train_together
from harness.trial import Phase, TrialSpec

BATCH_SIZE = 128
SEEDS = 10
_CASES: dict[str, dict[str, Any]] = {
    "lenet5": {},
    "mlp": {"hidden_layers": 2, "units": 512},
    "simple_cnn": {},
    "advanced_cnn": {},
    "advanced_mlp": {},
}


def spec_of(architecture: str, epochs: int, seed: int) -> TrialSpec:
    """A confirm trial at the batch size that is compared."""
    changes = _CASES[architecture] | {"epochs": epochs, "batch_size": BATCH_SIZE}
    hyperparameters = ARCHITECTURES[architecture].hyperparameters(**changes).model_dump(mode="json")
    return TrialSpec(
        phase=Phase.CONFIRM, architecture=architecture, hyperparameters=hyperparameters, seed=seed, dataset="mnist"
    )


def epochs_alone(architecture: str, rounds: int, data: Any, settings: Settings) -> Iterator[float]:
    """Seconds of each epoch of one model."""
    spec = spec_of(architecture, rounds + 1, 1)
    model = build_model(spec, data.shape, len(data.classes))
    for epoch in train(model, spec, resident(data, settings.device), settings):
        yield epoch.train_seconds


def epochs_together(architecture: str, rounds: int, data: Any, settings: Settings) -> Iterator[float]:
    """Seconds of each epoch of ten seeds."""
    specs = [spec_of(architecture, rounds + 1, seed) for seed in range(1, SEEDS + 1)]
    models = [build_model(spec, data.shape, len(data.classes)) for spec in specs]
    on_device = resident(data, settings.device)
    program = prepare(models, specs, on_device, settings)
    for results in train_together(program, models, specs, on_device, settings):
        yield SEEDS * results[0].train_seconds  # type: ignore[union-attr]  # none diverges


def speedrun() -> dict[str, Any]:
    """Test accuracy and training seconds of `configs/speedrun.yaml`, each seed alone."""
    study = load_study("speedrun")
    loaded = load_dataset(study.dataset, None)
    [search] = plan_search(study, loaded.provenance.fingerprint)
    settings = resolve_settings("cuda", 1, study.precision)
    accuracies, seconds = [], []
    for seed in confirm_seeds(study):
        spec = TrialSpec.model_validate(search.model_dump() | {"phase": Phase.CONFIRM, "seed": seed})
        messages = [m for found in run_trials([spec], loaded.training, lambda: loaded.test, settings) for m in found]
        seconds.append(sum(message.epoch.train_seconds for message in messages if message.epoch))
        accuracies.append(messages[-1].outcome.test.accuracy)  # type: ignore[union-attr]  # the last one is the outcome
    return {
        "seeds": len(seconds),
        "test accuracy (%)": round(100 * statistics.mean(accuracies), 3),
        "training, median (s)": round(statistics.median(seconds), 3),
        "training, longest (s)": round(max(seconds), 3),
    }


def main(rounds: Annotated[int, typer.Option(help="Epochs that count.")] = 7) -> None:
    """Measure, and write `results/gpu.md` and `.json`."""
    started = time.perf_counter()
    data = load_dataset(DatasetStudy(), None).training
    rows, raw = [], {}
    for architecture in _CASES:
        written = resolve_settings("cuda", 1, "auto")
        written = Settings(written.device, written.threads, written.precision, capture=False)
        captured = Settings(written.device, written.threads, written.precision)
        contenders = {
            "written": epochs_alone(architecture, rounds, data, written),
            "captured": epochs_alone(architecture, rounds, data, captured),
            "together": epochs_together(architecture, rounds, data, captured),
        }
        taken = take_turns({name: partial(next, epochs) for name, epochs in contenders.items()}, rounds)
        raw[architecture] = taken
        rows.append(
            {
                "architecture": architecture,
                "as written (s)": round(statistics.median(taken["written"]), 3),
                "captured (s)": round(statistics.median(taken["captured"]), 3),
                "gain by capture": round(median_ratio(taken["written"], taken["captured"]), 1),
                f"{SEEDS} seeds together (s)": round(statistics.median(taken["together"]), 3),
                "together / one": round(median_ratio(taken["together"], taken["captured"]), 2),
            }
        )
    sections = {f"An epoch at batch {BATCH_SIZE}": rows, "Speedrun": [speedrun()]}
    write_results("gpu", sections, raw | {"seconds": time.perf_counter() - started})


if __name__ == "__main__":
    typer.run(main)
