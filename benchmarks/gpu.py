"""Benchmarks of the engine on one CUDA device.

    python -m benchmarks.gpu                # every part, each in its own process with a timeout
    python -m benchmarks.gpu --part host    # one part; `host` needs no GPU

The result of each part is written to `results/gpu.json` and `results/gpu.md` as soon as it ends.
The docstring of a part is the title of its table.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import torch
import typer

from architectures import BUILT_IN, InputShape
from benchmarks.measurement import add_section, forget_results, median_ratio, take_turns
from harness.data import TrainingData, load_dataset
from harness.records.trial import Phase, TrialSpec
from harness.schedule.plan import confirm_seeds, plan_search
from harness.study import DatasetStudy, load_study
from harness.training import build_model, prepare, program, resident, resolve_settings, train_together
from harness.training.augmentation import draw
from harness.training.execution import run_trials
from harness.training.settings import Settings

BATCH_SIZE = 128
SEEDS = 10
CASES: dict[str, dict[str, Any]] = {
    "lenet5": {},
    "mlp": {"hidden_layers": 2, "units": 512},
    "simple_cnn": {},
    "advanced_cnn": {},
    "advanced_mlp": {},
}
LAYOUTS = {"channels last": torch.channels_last, "contiguous": torch.contiguous_format}
WRITTEN = "disabled by the benchmark"
FAULTS = {
    "waits": "logits * (1.0 if logits.sum().item() > -1e9 else 0.0)",
    "asserts": "logits[:, torch.full((logits.shape[1],), 99, device=logits.device)]",
    "needs_memory": "logits + torch.zeros(2**50, device=logits.device)[0]",
}
FAULTY = """
import torch
from torch import nn
from architectures import Architecture

class Faulty(nn.Module):
    def __init__(self, _, shape, classes):
        super().__init__()
        self.inner = nn.Linear(shape.pixels, classes)
    def forward(self, images):
        logits = self.inner(images.flatten(1))
        return FAULT if self.training else logits

ARCHITECTURE = Architecture(name="NAME", summary="Planted by a benchmark.", build=Faulty)
"""

Rows = list[dict[str, Any]]


def spec_of(architecture: str, epochs: int = 1, seed: int = 1, **changes: Any) -> TrialSpec:
    """Make the specification of a confirm trial with the batch size of this benchmark."""
    changes = CASES[architecture] | {"epochs": epochs, "batch_size": BATCH_SIZE} | changes
    hyperparameters = BUILT_IN[architecture].hyperparameters(**changes).model_dump(mode="json")
    return TrialSpec(
        phase=Phase.CONFIRM, architecture=architecture, hyperparameters=hyperparameters, seed=seed, dataset="mnist"
    )


def cuda(precision: str = "auto", not_captured: str | None = None) -> Settings:
    """Make settings for a whole CUDA device."""
    settings = resolve_settings("cuda", 1, precision, gpus=1.0)  # type: ignore[arg-type]  # a valid name
    return Settings("cuda", 1, settings.precision, 1.0, not_captured)


@cache
def mnist() -> TrainingData:
    """Load the training and validation images of the published study."""
    return load_dataset(DatasetStudy(), None).training


def epochs_of(architecture: str, epochs: int, settings: Settings, seeds: int = 1, **changes: Any) -> Iterator[float]:
    """Yield the seconds of each epoch of one model, or of several models together."""
    data = mnist()
    specs = [spec_of(architecture, epochs, seed, **changes) for seed in range(1, seeds + 1)]
    models = [build_model(spec, data.shape, len(data.classes)) for spec in specs]
    on_device = resident(data, settings.device)
    made = prepare(models, specs, on_device, settings)
    for results in train_together(made, models, specs, on_device, settings):
        yield seeds * results[0].train_seconds  # type: ignore[union-attr]  # none diverges


def versions() -> Rows:
    """GPU, driver and libraries."""
    card = torch.cuda.get_device_properties(0)
    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [
        {
            "card": card.name,
            "memory (GiB)": round(card.total_memory / 2**30, 1),
            "multiprocessors": card.multi_processor_count,
            "driver": driver.stdout.strip(),
            "torch": torch.__version__,
            "CUDA": torch.version.cuda,
            "cuDNN": torch.backends.cudnn.version(),
        }
    ]


def tests() -> Rows:
    """Tests that need a CUDA device."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/unit", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [{"exit code": done.returncode, "last line": (done.stdout.splitlines() or [done.stderr[-200:]])[-1]}]


def capture() -> Rows:
    """Time and memory to capture a program, and time until a second trial can use it."""
    from torch.profiler import ProfilerActivity, profile

    rows = []
    data = mnist()
    on_device = resident(data, "cuda")
    for architecture in CASES:
        spec, settings = spec_of(architecture), cuda()

        def ready(spec: TrialSpec = spec, settings: Settings = settings) -> tuple[Any, float]:
            models = [build_model(spec, data.shape, len(data.classes))]
            torch.cuda.synchronize()
            began = time.perf_counter()
            made = prepare(models, [spec], on_device, settings)
            torch.cuda.synchronize()
            return made, time.perf_counter() - began

        reserved = torch.cuda.memory_reserved()
        made, first = ready()
        grown = torch.cuda.memory_reserved() - reserved
        on_device.programs[made.shape] = made
        _, second = ready()
        written = prepare([build_model(spec, data.shape, 10)], [spec], on_device, cuda(not_captured=WRITTEN))
        batch = torch.zeros(BATCH_SIZE, dtype=torch.int64, device="cuda")
        draws = draw(written.step.hyperparameters.augmentation, BATCH_SIZE, 0, "cuda")
        rate = torch.tensor(0.001, device="cuda")
        written.step(batch, draws, rate)
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            written.step(batch, draws, rate)
            torch.cuda.synchronize()
        kernels = sum(event.count for event in profiled.key_averages() if event.self_device_time_total > 0)
        rows.append(
            {
                "architecture": architecture,
                "captured": made.captured,
                "kernels per step": kernels,
                "preparing the first trial (s)": round(first, 2),
                "preparing the second trial (s)": round(second, 3),
                "memory of the program (MiB)": round(grown / 2**20),
            }
        )
    return rows


def steps() -> Rows:
    """Steps per second without and with capture, by precision and memory layout."""
    rows = []
    for architecture in CASES:
        layouts = LAYOUTS if BUILT_IN[architecture].convolutional else {"contiguous": torch.contiguous_format}
        for layout, memory_format in layouts.items():
            for precision in ("bf16", "tf32", "fp32"):
                row: dict[str, Any] = {"architecture": architecture, "layout": layout, "precision": precision}
                with mock.patch.dict(globals(), build_model=partial(_built, memory_format)):
                    for name, many, reason in (
                        ("without capture", 1, WRITTEN),
                        ("1 step per launch", 1, None),
                        (f"{program.STEPS} steps per launch", program.STEPS, None),
                    ):
                        with mock.patch.object(program, "STEPS", many):
                            _, *seconds = epochs_of(architecture, 3, cuda(precision, reason))
                        row[f"{name} (steps/s)"] = round(55_000 // BATCH_SIZE / statistics.median(seconds))
                rows.append(row)
    return rows


def _built(memory_format: torch.memory_format, spec: TrialSpec, shape: InputShape, classes: int) -> torch.nn.Module:
    from harness.training import build_model as build

    return build(spec, shape, classes).to(memory_format=memory_format)


def host() -> Rows:
    """CPU time for a captured step, with replacement graphs that launch nothing."""
    from harness.training import engine, optimization

    data = mnist()
    on_cpu, settings, rows = resident(data, "cpu"), resolve_settings("cpu", 1, "fp32"), []
    nothing = mock.patch.multiple(
        program, captures=lambda _: True, warm_up=lambda *_: None, graphs_of=lambda _: lambda _: lambda: None
    )
    for augmentation in ("none", "elastic"):
        specs = [spec_of("advanced_cnn", seed=seed, augmentation=augmentation) for seed in range(1, SEEDS + 1)]
        with nothing:
            made = prepare([build_model(specs[0], data.shape, 10)], specs[:1], on_cpu, settings)
        hyperparameters = made.step.hyperparameters
        many = 55_000 // BATCH_SIZE
        batches, draws = engine._epoch_streams(specs[:1], 1, many, BATCH_SIZE, on_cpu, hyperparameters)
        rates = optimization.learning_rates(hyperparameters, many)
        launched = _seconds(lambda made=made, all=(batches, draws, rates): made.steps(*all))

        def schedule(hyperparameters: Any = hyperparameters, many: int = many) -> None:
            optimization._learning_rates.cache_clear()
            optimization.learning_rates(hyperparameters, many)

        def orders(specs: Any = specs, many: int = many, hyperparameters: Any = hyperparameters) -> None:
            # On a CUDA device, the device draws for augmentation. The CPU only draws the orders.
            undrawn = mock.patch.object(engine, "draw", lambda _, images, *__: torch.empty(images, 0))
            with undrawn:
                engine._epoch_streams(specs, 1, many, BATCH_SIZE, on_cpu, hyperparameters)

        rows.append(
            {
                "augmentation": augmentation,
                "launching (µs per step)": round(1e6 * launched / many, 2),
                "learning rates (µs per step)": round(1e6 * _seconds(schedule) / many, 2),
                f"data orders of {SEEDS} seeds (ms per epoch)": round(1e3 * _seconds(orders), 1),
            }
        )
    return rows


def _seconds(work: Callable[[], Any], rounds: int = 9) -> float:
    """Measure the median seconds of several calls, after a warm-up call."""
    return statistics.median(take_turns({"work": partial(_timed, work)}, rounds)["work"])


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def together() -> Rows:
    """Seconds of an epoch without capture, with capture, and with ten seeds trained together."""
    rows, rounds = [], 5
    for architecture in CASES:
        contenders = {
            "written": epochs_of(architecture, rounds + 1, cuda(not_captured=WRITTEN)),
            "captured": epochs_of(architecture, rounds + 1, cuda()),
            "together": epochs_of(architecture, rounds + 1, cuda(), SEEDS),
        }
        taken = take_turns({name: partial(next, epochs) for name, epochs in contenders.items()}, rounds)
        rows.append(
            {
                "architecture": architecture,
                "without capture (s)": round(statistics.median(taken["written"]), 3),
                "captured (s)": round(statistics.median(taken["captured"]), 3),
                "speedup by capture": round(median_ratio(taken["written"], taken["captured"]), 1),
                f"{SEEDS} seeds together (s)": round(statistics.median(taken["together"]), 3),
                f"{SEEDS} seeds together / 1 seed": round(median_ratio(taken["together"], taken["captured"]), 2),
            }
        )
    return rows


def speedrun() -> Rows:
    """Test accuracy and training seconds of `configs/speedrun.yaml`; each seed is trained alone."""
    study = load_study("speedrun")
    loaded = load_dataset(study.dataset, None)
    [search] = plan_search(study, loaded.provenance.fingerprint)
    accuracies, seconds = [], []
    for seed in confirm_seeds(study):
        spec = TrialSpec.model_validate(search.model_dump() | {"phase": Phase.CONFIRM, "seed": seed})
        messages = [m for found in run_trials([spec], loaded.training, lambda: loaded.test, cuda()) for m in found]
        seconds.append(sum(message.epoch.train_seconds for message in messages if message.epoch))
        accuracies.append(messages[-1].outcome.test.accuracy)  # type: ignore[union-attr]  # the last is the outcome
    return [
        {
            "seeds": len(seconds),
            "test accuracy (%)": round(100 * statistics.mean(accuracies), 3),
            "training, median (s)": round(statistics.median(seconds), 3),
            "training, maximum (s)": round(max(seconds), 3),
        }
    ]


def processes() -> Rows:
    """Images per second on the whole GPU, by the number of processes that train at once."""
    context, rows = multiprocessing.get_context("spawn"), []
    for architecture in ("lenet5", "advanced_cnn"):
        row: dict[str, Any] = {"architecture": architecture}
        for number in (1, 2, 4):
            ready = context.Barrier(number)
            with context.Pool(number, initializer=_meet_at, initargs=(ready,)) as pool:
                seconds = pool.map(_epochs_beside, [architecture] * number, chunksize=1)
            row[f"{number} (images/s)"] = round(sum(3 * 55_000 / of_one for of_one in seconds))
        row["speedup by 4 processes"] = round(row["4 (images/s)"] / row["1 (images/s)"], 2)
        rows.append(row)
    return rows


def _meet_at(ready: Any) -> None:
    global _ready
    _ready = ready


def _epochs_beside(architecture: str) -> float:
    epochs = epochs_of(architecture, 5, cuda())
    next(epochs)
    _ready.wait()
    return sum(next(epochs) for _ in range(3))


def failures() -> Rows:
    """Outcome of models that wait for the device, fail an assertion or need too much memory."""
    with tempfile.TemporaryDirectory() as folder:
        own = []
        for name, fault in FAULTS.items():
            file = Path(folder) / f"{name}.py"
            file.write_text(FAULTY.replace("NAME", name).replace("FAULT", fault), encoding="utf-8")
            own += ["--architecture", str(file)]
        study = {"name": "faults", "dataset": {"name": "digits", "validation_size": 300}, "confirm": {"seeds": 2}}
        study["architectures"] = {"mlp": {"space": {"epochs": 2}}}
        (Path(folder) / "faults.yaml").write_text(json.dumps(study), encoding="utf-8")
        own += ["--config", f"{folder}/faults.yaml"]
        code, run = _command([*own, "--all"], Path(folder) / "run")
        return [
            {
                "architecture": record["spec"]["architecture"],
                "phase": record["spec"]["phase"],
                "status": record["status"],
                "attempts": record["attempts"],
                "reason": (record["reason"] or "")[:100],
                "not captured": ((record["placement"] or {}).get("not_captured") or "")[:60],
                "exit code of the run": code,
            }
            for record in run
        ]


def smoke() -> Rows:
    """Run of the study `smoke` with Ray, including the report."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        code, run = _command(["--all", "--config", "smoke"], Path(folder) / "run")
        places = [record["placement"] or {} for record in run]
        return [
            {
                "exit code": code,
                "seconds": round(time.perf_counter() - began, 1),
                "trials": len(run),
                "failed": sum(record["status"] == "failed" for record in run),
                "on cuda": sum(place.get("device") == "cuda" for place in places),
                "captured": sum(bool(place.get("captured")) for place in places),
                "together": sum(place.get("together", 1) > 1 for place in places),
                "report": (Path(folder) / "run" / "report.md").is_file(),
            }
        ]


def _command(arguments: list[str], folder: Path) -> tuple[int, list[Mapping[str, Any]]]:
    command = [sys.executable, "-m", "harness.run", *arguments, "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    journal = folder / "journal.jsonl"
    if not journal.is_file():
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-400:]}")
    return done.returncode, [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


PARTS: dict[str, tuple[Callable[[], Rows], int]] = {
    "versions": (versions, 60),
    "tests": (tests, 180),
    "capture": (capture, 90),
    "steps": (steps, 240),
    "host": (host, 90),
    "together": (together, 120),
    "speedrun": (speedrun, 90),
    "processes": (processes, 150),
    "failures": (failures, 150),
    "smoke": (smoke, 240),
}
"""Name of a part to its function and its timeout in seconds."""


def main(part: Annotated[str | None, typer.Option(help=f"One of {', '.join(PARTS)}.")] = None) -> None:
    """Measure one part or all parts, and write `results/gpu.md` and `results/gpu.json`."""
    if part is not None and part not in PARTS:
        raise typer.BadParameter(f"Unknown part '{part}'. Choose one of {', '.join(PARTS)}.")
    if part != "host" and not torch.cuda.is_available():
        raise typer.BadParameter("This machine has no CUDA device. Only '--part host' runs without one.")
    if part is not None:
        measured, limit = PARTS[part]
        add_section("gpu", _title(measured), measured())
        return
    forget_results("gpu")
    for name, (measured, limit) in PARTS.items():
        command = [sys.executable, "-m", "benchmarks.gpu", "--part", name]
        began = time.perf_counter()
        try:
            code: int | str = subprocess.run(command, timeout=limit, check=False).returncode
        except subprocess.TimeoutExpired:
            code = f"timeout after {limit} s"
        sys.stdout.write(f"{name}: exit code {code}, {time.perf_counter() - began:.0f} s\n")
        if code != 0:
            add_section("gpu", _title(measured), [{"not measured": f"exit code {code}"}])


def _title(measured: Callable[[], Rows]) -> str:
    return (measured.__doc__ or "").strip().rstrip(".")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    typer.run(main)
