"""`environment.json` as values: what ran where, on which data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import RunFolderError


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
    """The images: where they came from, their checksums, how many are in each split, names of the classes.

    Attributes:
        licence: of the data, as far as it is known.
        notes: sentences on what was done to the data before training.
        class_sizes: number of training, validation and test images of each class; empty where it was not written down.
    """

    name: str
    source: str
    fingerprint: str
    sha256: Mapping[str, str] = {}
    train: int
    validation: int
    test: int
    classes: tuple[str, ...]
    licence: str = "not written down"
    notes: tuple[str, ...] = ()
    class_sizes: tuple[tuple[int, int, int], ...] = ()

    @property
    def unbalanced(self) -> bool:
        """Whether some class has half as many test images again as another one: then accuracy alone misleads."""
        test = [sizes[2] for sizes in self.class_sizes]
        return bool(test) and max(test) > 1.5 * min(test)


class Timeline(_Facts):
    """Seconds since 1970; None for what did not happen, or was not written down.

    Attributes:
        command_started: the process began.
        first_step: a first trial began its first epoch.
        last_trial_ended: no trial ran any more.
        experiment_ended: the scheduler and its workers had stopped.
        cost_pass_ended: the models' latency and throughput were measured.
        cluster_stopped: a local cluster was stopped, or another one left.
    """

    command_started: float
    first_step: float | None = None
    last_trial_ended: float | None = None
    experiment_ended: float | None = None
    cost_pass_ended: float | None = None
    cluster_stopped: float | None = None


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
        changed_code: whose code was no longer the same when the run was resumed: `engine`, or architectures.
        dataset: the images.
        own_architectures: descriptions of the user's own.
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
    changed_code: tuple[str, ...] = ()
    dataset: Dataset
    own_architectures: tuple[Mapping[str, Any], ...] = ()
    timeline: Timeline
    interrupted: bool = False


def read_environment(path: Path) -> tuple[Mapping[str, Any], Environment]:
    """`environment.json` as it was written, and as values.

    Raises:
        RunFolderError: it is missing or damaged.
    """
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
