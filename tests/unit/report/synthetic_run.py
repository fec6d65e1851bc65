"""Synthetic run folders for tests: realistic in shape and size, but without training."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.records.cost import Cost, Quartiles, costs_json
from harness.records.trial import (
    EpochResult,
    ModelSummary,
    Phase,
    Placement,
    Status,
    TestResult,
    TrialRecord,
    TrialSpec,
)
from harness.runs.journal import Journal
from harness.schedule.plan import audit_order, plan_confirm, plan_confirm_default, plan_search
from harness.schedule.selection import select
from harness.study import Study, parse_study, study_yaml

STARTED = 1_760_000_000.0
FINGERPRINT = "0123456789abcdef"
# For each architecture: error of its best configuration as a fraction, and seconds per epoch.
ERRORS = {"simple_cnn": 0.009, "advanced_cnn": 0.004, "lenet5": 0.008, "advanced_mlp": 0.0145, "mlp": 0.0155}
SECONDS = {"simple_cnn": 5.5, "advanced_cnn": 14.0, "lenet5": 5.8, "advanced_mlp": 2.7, "mlp": 2.1}
SIZES = {
    "simple_cnn": ModelSummary(parameters=20_490, macs=1_034_880, bytes=81_960),
    "advanced_cnn": ModelSummary(parameters=157_866, macs=7_120_000, bytes=635_000),
    "lenet5": ModelSummary(parameters=61_706, macs=416_520, bytes=246_824),
    "advanced_mlp": ModelSummary(parameters=568_000, macs=566_784, bytes=2_272_000),
    "mlp": ModelSummary(parameters=269_322, macs=268_800, bytes=1_077_288),
}
GRID = {
    "learning_rate": {"grid": [0.001, 0.003, 0.03]},
    "hidden_layers": {"grid": [1, 2, 3]},
    "units": {"grid": [64, 256, 512]},
}
RANDOM = {
    "learning_rate": {"loguniform": [0.0005, 0.02]},
    "augmentation": {"choice": ["none", "shift", "affine"]},
}

Outcome = Callable[[TrialSpec], str | None]


def nothing_fails(spec: TrialSpec) -> str | None:
    """Outcome in which no trial fails."""
    return None


@dataclass(frozen=True)
class SyntheticRun:
    """Properties of a synthetic run. `write` writes it to a folder.

    Attributes:
        architectures: Architectures of the study.
        seeds: Number of confirm seeds.
        default_seeds: Number of these seeds that also train the default configuration.
        audit: Number of audited trials.
        costs: Whether latency and throughput were measured.
        samples: Number of search trials of architectures with a random search.
        epochs: Budget of a trial.
        classes: Names of the classes.
        test_images: Number of test images.
        channels: Number of channels of an image.
        dataset: Name of the data set.
        failure: Returns the reason why a trial fails, or None.
        confirmed: Whether the confirm phase took place.
        missed: Whether misclassified images are saved.
        environment: Keys of environment.json to replace.
        spaces: Search spaces of architectures that do not have the usual one.
    """

    architectures: Sequence[str] = tuple(ERRORS)
    seeds: int = 5
    default_seeds: int = 0
    audit: int = 0
    costs: bool = False
    samples: int = 8
    epochs: int = 8
    classes: Sequence[str] = tuple("0123456789")
    test_images: int = 10_000
    channels: int = 1
    dataset: str = "mnist"
    failure: Outcome = nothing_fails
    confirmed: bool = True
    missed: bool = True
    environment: Mapping[str, Any] = field(default_factory=dict)
    spaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def but(self, **changes: Any) -> SyntheticRun:
        """Return the same run with other properties."""
        return replace(self, **changes)

    @property
    def study(self) -> Study:
        """The study of the run."""
        architectures = {
            name: {
                "samples": 1 if name == "mlp" else self.samples,
                "space": dict(self.spaces.get(name, GRID if name == "mlp" else RANDOM)) | {"epochs": self.epochs},
            }
            for name in self.architectures
        }
        written = {
            "name": "synthetic",
            "description": "A study that nobody ran.",
            "dataset": {"name": self.dataset},
            "confirm": {"seeds": self.seeds, "default_seeds": self.default_seeds},
            "audit": {"trials": self.audit},
            "architectures": architectures,
        }
        return parse_study(written, "synthetic")

    def search_records(self) -> list[TrialRecord]:
        """Create the records of the search phase.

        The worse two thirds at each rung are stopped there.
        """
        records = []
        for spec in plan_search(self.study, FINGERPRINT):
            reason = self.failure(spec)
            generator = np.random.default_rng(zlib.crc32(spec.trial_id.encode()))
            merit = configuration_error(spec, generator)
            limit = 1 if merit > 0.035 else min(3, spec.epochs) if merit > 0.022 else spec.epochs
            status = Status.COMPLETED if limit >= spec.epochs else Status.STOPPED_EARLY
            if reason is not None:
                limit, status = 0, Status.FAILED
            records.append(make_record(spec, status, limit, merit, reason))
        return records

    def confirm_records(self, search: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Create the records of the confirm phase, with the test results of `predict`."""
        records = []
        winners = [winner for name in self.architectures if (winner := select(search, name)) is not None]
        first = {spec.architecture: spec for spec in reversed(plan_search(self.study, FINGERPRINT))}
        for winner in winners:
            default = plan_confirm_default(self.study, first[winner.spec.architecture], winner)
            for spec in (*plan_confirm(self.study, winner), *default):
                reason = self.failure(spec)
                status = Status.COMPLETED if reason is None else Status.FAILED
                epochs = spec.epochs if reason is None else 0
                record = make_record(spec, status, epochs, ERRORS[spec.architecture], reason)
                if reason is None:
                    labels, probabilities = self.predict(spec)
                    accuracy = float(np.mean(labels == probabilities.argmax(axis=1)))
                    test = TestResult(accuracy=accuracy, loss=3 * (1 - accuracy), images=self.test_images)
                    record = record.model_copy(update={"test": test})
                records.append(record)
        return records

    def audit_records(self, search: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Create the records of the audit. Each repeats its stopped trial and continues it."""
        stopped = {record.trial_id for record in search if record.status is Status.STOPPED_EARLY}
        order = [spec for spec in audit_order(self.study, (r.spec for r in search)) if spec.trial_id in stopped]
        records = []
        for spec in order[: self.audit]:
            merit = configuration_error(spec, np.random.default_rng(zlib.crc32(spec.trial_id.encode())))
            records.append(make_record(spec.in_phase(Phase.AUDIT), Status.COMPLETED, spec.epochs, merit))
        return records

    def is_default(self, spec: TrialSpec) -> bool:
        """Return whether a confirm trial has the default configuration, and it was not selected."""
        winner = select(self.search_records(), spec.architecture)
        return winner is not None and spec.hyperparameters != winner.spec.hyperparameters

    def labels(self) -> npt.NDArray[np.int64]:
        """Return the true classes (N,) of the test images."""
        return np.random.default_rng(7).integers(0, len(self.classes), self.test_images)

    def predict(self, spec: TrialSpec) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return labels (N,) and probabilities (N, classes) of a confirmed model.

        Some images are hard for all models.
        """
        labels, classes = self.labels(), len(self.classes)
        default = self.default_seeds > 0 and self.is_default(spec)
        stream = f"{spec.architecture}{spec.seed}" + ("default" if default else "")
        generator = np.random.default_rng(zlib.crc32(stream.encode()))
        difficulty = np.random.default_rng(11).random(self.test_images)
        error = ERRORS[spec.architecture] * (1.5 if default else 1.0)
        wrong = (difficulty < 0.6 * error) | (generator.random(self.test_images) < 0.4 * error)
        neighbour = (labels + np.where(generator.random(self.test_images) < 0.6, 5, 2)) % classes
        predicted = np.where(wrong, neighbour, labels)
        confidence = np.where(wrong, generator.uniform(0.4, 0.9999, self.test_images), 0.995)
        probabilities = np.repeat(((1 - confidence) / max(1, classes - 1))[:, None], classes, axis=1)
        probabilities[np.arange(self.test_images), predicted] = confidence
        return labels, probabilities.astype(np.float32)

    def write(self, folder: Path) -> Path:
        """Write all files that the report reads, and return the folder."""
        (folder / "predictions").mkdir(parents=True)
        study = self.study
        (folder / "study.yaml").write_text(study_yaml(study), encoding="utf-8")
        search = self.search_records()
        confirm = self.confirm_records(search) if self.confirmed else []
        search = in_slots(search, STARTED + 6)
        confirm = in_slots([*confirm, *self.audit_records(search)], max((r.ended_at for r in search), default=STARTED))
        with Journal(folder / "journal.jsonl") as journal:
            for record in [*search, *confirm]:
                journal.append(record)
        environment = self._environment(max((r.ended_at for r in [*search, *confirm]), default=None))
        (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
        self._write_predictions(folder / "predictions", [r for r in confirm if r.test])
        if self.costs:
            (folder / "costs.json").write_bytes(costs_json(tuple(make_cost(name) for name in self.architectures)))
        return folder

    def _write_predictions(self, folder: Path, records: Sequence[TrialRecord]) -> None:
        answers = []
        for record in records:
            labels, probabilities = self.predict(record.spec)
            answers.append(probabilities.argmax(axis=1))
            default = "-default" if self.default_seeds and self.is_default(record.spec) else ""
            path = folder / f"{record.spec.architecture}{default}-seed{record.spec.seed}.npz"
            np.savez_compressed(path, labels=labels, probabilities=probabilities)
        if self.missed and records:
            labels, predicted = self.labels(), np.stack(answers)
            indices = np.flatnonzero((predicted != labels).any(axis=0))
            np.savez_compressed(
                folder / "missed.npz",
                labels=labels,
                indices=indices,
                images=draw_images(labels[indices], self.channels),
                trials=np.array([record.trial_id for record in records]),
                predicted=predicted[:, indices],
            )

    def _environment(self, last_trial_ended: float | None) -> dict[str, Any]:
        usual = {
            "command": "python -m harness.run --all",
            "started_at": "2025-10-09T08:53:20+00:00",
            "versions": {"python": "3.12.3", "torch": "2.9.0", "ray": "2.60.0", "harness": "0.1.0"},
            "commit": "3f2a9c1d5e",
            "dirty": False,
            "hardware": {
                "cpu": "A processor",
                "cores": 2,
                "memory_gib": 15.6,
                "gpus": [],
                "system": "Linux 6.8",
            },
            "slots": 2,
            "dataset": {
                "name": self.dataset,
                "source": "nowhere",
                "fingerprint": FINGERPRINT,
                "sha256": {"t10k-labels-idx1-ubyte": "ff7bcf" + 58 * "0"},
                "train": 55_000,
                "validation": 5_000,
                "test": self.test_images,
                "classes": list(self.classes),
            },
            "timeline": {
                "command_started": STARTED,
                "first_step": None if last_trial_ended is None else STARTED + 6,
                "last_trial_ended": last_trial_ended,
            },
            "interrupted": False,
        }
        return usual | dict(self.environment)


def configuration_error(spec: TrialSpec, generator: np.random.Generator) -> float:
    """Compute the validation error of a configuration.

    The error increases with the distance of the learning rate from 0.003.
    """
    distance = abs(np.log10(float(spec.hyperparameters["learning_rate"]) / 0.003))
    narrow = 64 / float(spec.hyperparameters.get("units", 512))
    return float(ERRORS[spec.architecture] + 0.02 * distance + 0.01 * narrow + generator.uniform(0, 0.002))


def make_cost(architecture: str) -> Cost:
    """Create a cost that increases with the multiply-adds."""
    seconds = 5e-5 + SIZES[architecture].macs / 1e10
    return Cost(
        architecture=architecture,
        placement=Placement(node="laptop", device="cpu", threads=1, precision="bf16"),
        latency=Quartiles(low=0.9 * seconds, median=seconds, high=1.2 * seconds),
        throughput=Quartiles(low=2 / seconds, median=3 / seconds, high=3.2 / seconds),
    )


def in_slots(records: Sequence[TrialRecord], start: float) -> list[TrialRecord]:
    """Schedule the records one after another on two slots, each with one second to start."""
    free = [start, start]
    placed = []
    for record in records:
        slot = free.index(min(free))
        began = free[slot] + 1
        free[slot] = began + record.ended_at - record.started_at
        placed.append(record.model_copy(update={"started_at": began, "ended_at": free[slot]}))
    return placed


def make_record(spec: TrialSpec, status: Status, epochs: int, error: float, reason: str | None = None) -> TrialRecord:
    """Create a record whose validation error falls to `error` at the end of the budget."""
    seconds = SECONDS[spec.architecture]
    generator = np.random.default_rng(zlib.crc32(spec.stream_id.encode()) + 1)
    results = []
    for epoch in range(1, epochs + 1):
        wrong = min(0.9, error * (spec.epochs / epoch) ** 0.9 * generator.uniform(0.97, 1.03))
        wrong = round(wrong * 5000) / 5000
        results.append(
            EpochResult(
                epoch=epoch,
                train_loss=4 * wrong,
                validation_loss=3.5 * wrong,
                validation_accuracy=1 - wrong,
                train_images=55_000,
                train_seconds=seconds,
                validation_seconds=0.1 * seconds,
            )
        )
    return TrialRecord(
        trial_id=spec.trial_id,
        spec=spec,
        status=status,
        reason=reason,
        epochs=tuple(results),
        placement=Placement(node="node-1", device="cpu", threads=1, precision="bf16"),
        model=SIZES[spec.architecture],
        started_at=STARTED,
        ended_at=STARTED + 1.15 * seconds * epochs + 0.1,
    )


def draw_images(labels: npt.NDArray[np.int64], channels: int) -> npt.NDArray[np.uint8]:
    """Draw images (M, channels, 28, 28) of a ring with a gap.

    The position of the gap is the class.
    """
    rows, columns = np.mgrid[0:28, 0:28] - 13.5
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    images = np.zeros((len(labels), channels, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        gap = np.cos(angle - 0.6 * float(label)) > 0.8
        image[:] = np.where((np.abs(radius - 8) < 2) & ~gap, 230, 0)
        image[0] = np.where(radius > 12, 60 * (channels > 1), image[0])
    return images


def diverges(reason: str, architecture: str, phase: Phase = Phase.SEARCH, above: float = 0.0) -> Outcome:
    """Return an outcome in which some trials fail.

    Trials of this architecture and phase fail if their learning rate exceeds `above`.
    """

    def outcome(spec: TrialSpec) -> str | None:
        fails = (spec.architecture, spec.phase) == (architecture, phase)
        return reason if fails and float(spec.hyperparameters["learning_rate"]) > above else None

    return outcome
