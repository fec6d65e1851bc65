"""A run folder as values: everything that a report is made of, read and checked once."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import RunFolderError
from harness.journal import read_journal
from harness.study import Study, load_study
from harness.trial import Phase, Status, TrialRecord


class _Facts(BaseModel):
    # A later version may record more; what it adds does not make the folder unreadable.
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Hardware(_Facts):
    """The machine that the command ran on: processor, cores, memory in GiB, names of its GPUs, system."""

    cpu: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()
    system: str


class Dataset(_Facts):
    """The images: where they came from, their checksums, how many are in each split, names of the classes."""

    name: str
    source: str
    fingerprint: str
    sha256: Mapping[str, str] = {}
    train: int
    validation: int
    test: int
    classes: tuple[str, ...]


class Timeline(_Facts):
    """Seconds since 1970: the command started, a first training step began, the last trial ended."""

    command_started: float
    first_step: float | None = None
    last_trial_ended: float | None = None


class Environment(_Facts):
    """`environment.json`: what ran where, on which data.

    Attributes:
        command: the command line.
        started_at: ISO 8601 time.
        versions: package to version, Python and the harness among them.
        commit: of the source; None when it did not come from a repository.
        dirty: whether the source differed from the commit; None when that is not known.
        hardware: of the machine that ran the command.
        slots: how many trials ran at once.
        devices: that trials ran on, cpu or cuda.
        threads: of a trial.
        precision: of convolutions and matrix products, fp32 or bf16.
        dataset: the images.
        timeline: when things happened.
        interrupted: whether the run ended before the study did.
    """

    command: str
    started_at: str
    versions: Mapping[str, str]
    commit: str | None = None
    dirty: bool | None = None
    hardware: Hardware
    slots: int
    devices: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    precision: tuple[str, ...] = ()
    dataset: Dataset
    timeline: Timeline
    interrupted: bool = False


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one confirmed model said of the N test images, in the test set's own order.

    Attributes:
        labels: (N,) int64, the true classes.
        predicted: (N,) int64, the classes of highest probability.
        confidence: (N,) float32, the probabilities of those.
    """

    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32]

    @classmethod
    def of(cls, labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Predictions:
        """From labels (N,) and probabilities (N, classes)."""
        return cls(
            labels=labels.astype(np.int64),
            predicted=probabilities.argmax(axis=1).astype(np.int64),
            confidence=probabilities.max(axis=1).astype(np.float32),
        )

    @property
    def accuracy(self) -> float:
        """Fraction of the test images."""
        return float(np.mean(self.labels == self.predicted))


@dataclass(frozen=True, eq=False)
class MissedImages:
    """Test images that some confirmed model got wrong: `indices` (M,), `images` (M, channels, H, W) uint8."""

    indices: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RunFolder:
    """Everything that a report is made of.

    Attributes:
        study: as it was resolved.
        records: one for each trial; where a trial was run twice, the later.
        environment: what ran where.
        environment_json: the same as it was written, keys that this version does not know included.
        predictions: (architecture, seed) to predictions, for the confirm trials that have them.
        missed: images for the gallery; None when the run kept none.
    """

    study: Study
    records: tuple[TrialRecord, ...]
    environment: Environment
    environment_json: Mapping[str, Any]
    predictions: Mapping[tuple[str, int], Predictions]
    missed: MissedImages | None


def read_run_folder(run_dir: Path) -> RunFolder:
    """Read a run folder and check that its parts agree.

    Raises:
        HarnessError: a file is missing or damaged, or two files contradict each other.
    """
    study_path = run_dir / "study.yaml"
    if not study_path.is_file():
        raise RunFolderError(f"{run_dir}: there is no study.yaml; give the folder that a run has written")
    study = load_study(str(study_path))
    records = latest_records(read_journal(run_dir / "journal.jsonl"))
    for record in records:
        if record.spec.architecture not in study.architectures:
            raise RunFolderError(
                f"{run_dir}: journal.jsonl holds a trial of '{record.spec.architecture}', which study.yaml "
                "does not list; restore both files from one run"
            )
    environment_json, environment = _read_environment(run_dir / "environment.json")
    predictions = _read_all_predictions(run_dir / "predictions", records, environment.dataset)
    missed = _read_missed(run_dir / "predictions" / "missed.npz")
    return RunFolder(study, records, environment, environment_json, predictions, missed)


def latest_records(records: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    """The last record of each trial: one that failed and was run again counts as what it gave then."""
    return tuple({record.trial_id: record for record in records}.values())


def _read_environment(path: Path) -> tuple[Mapping[str, Any], Environment]:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return written, Environment.model_validate(written)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}; is this a run folder?") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise RunFolderError(f"{path}: {key or 'file'}: {problem['msg']}; restore the file from a copy") from None
    except ValueError as error:  # not JSON, or not UTF-8
        raise RunFolderError(f"{path}: not valid JSON ({error}); restore the file from a copy") from None


def _read_all_predictions(
    folder: Path, records: Iterable[TrialRecord], dataset: Dataset
) -> dict[tuple[str, int], Predictions]:
    predictions: dict[tuple[str, int], Predictions] = {}
    labels: npt.NDArray[np.int64] | None = None
    for record in records:
        path = folder / f"{record.spec.architecture}-seed{record.spec.seed}.npz"
        confirmed = record.spec.phase is Phase.CONFIRM and record.status is Status.COMPLETED
        if not confirmed or not path.is_file():
            continue
        found = _read_predictions(path, dataset)
        check_agreement(record, found, path)
        if labels is not None and not np.array_equal(labels, found.labels):
            raise RunFolderError(f"{path}: its labels are not those of the other predictions; run the study again")
        labels = found.labels
        predictions[record.spec.architecture, record.spec.seed] = found
    return predictions


def check_agreement(record: TrialRecord, predictions: Predictions, path: Path) -> None:
    """Make sure that journal and predictions tell one story.

    Raises:
        RunFolderError: the test accuracies differ, by as little as one image.
    """
    journal = record.test.accuracy if record.test else float("nan")
    if not abs(journal - predictions.accuracy) < 0.5 / len(predictions.labels):
        raise RunFolderError(
            f"{path}: the predictions give a test accuracy of {predictions.accuracy:.4%}, and the journal "
            f"says {journal:.4%} for trial {record.trial_id}; restore both files from one run"
        )


def _read_predictions(path: Path, dataset: Dataset) -> Predictions:
    arrays = _read_arrays(path, ("labels", "probabilities"))
    labels, probabilities = arrays["labels"], arrays["probabilities"]
    expected = (dataset.test, len(dataset.classes))
    if probabilities.shape != expected or labels.shape != expected[:1]:
        raise RunFolderError(
            f"{path}: labels {labels.shape} and probabilities {probabilities.shape} do not fit "
            f"{expected[0]} test images of {expected[1]} classes; restore the file from a copy"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= expected[1]:
        raise RunFolderError(f"{path}: some labels are not among the {expected[1]} classes; restore it from a copy")
    return Predictions.of(labels, probabilities)


def _read_missed(path: Path) -> MissedImages | None:
    if not path.is_file():
        return None
    arrays = _read_arrays(path, ("indices", "images"))
    indices, images = arrays["indices"], arrays["images"]
    if images.ndim != 4 or indices.shape != images.shape[:1]:
        raise RunFolderError(
            f"{path}: indices {indices.shape} and images {images.shape} do not fit each other; "
            "restore the file from a copy, or delete it to do without the gallery"
        )
    return MissedImages(indices=indices.astype(np.int64), images=images.astype(np.uint8))


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunFolderError(f"{path}: cannot be read ({error}); restore the file from a copy") from None
