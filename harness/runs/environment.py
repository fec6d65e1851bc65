"""`environment.json`, written and read: what ran where, on which data, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import RunFolderError
from harness.records.dataset import Dataset, Facts
from harness.records.trial import TrialRecord


class Hardware(Facts):
    """The machine that the command ran on: processor, cores, memory in GiB, names of its GPUs, system."""

    cpu: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()
    system: str


class Timeline(Facts):
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


class Environment(Facts):
    """`environment.json`: what ran where, on which data.

    Attributes:
        command: the command line.
        started_at: ISO 8601 time.
        versions: package to version, Python and the harness among them.
        commit: of the source; None when it did not come from a repository.
        dirty: whether the source differed from the commit; None when that is not known.
        hardware: of the machine that ran the command.
        slots: how many trials ran at once.
        study: as the run began with it; None where it was not written down.
        code: hashes of the source of the engine and of each architecture.
        resumed_at: ISO 8601 times.
        devices: that trials ran on, cpu or cuda.
        threads: of a trial.
        precision: of convolutions and matrix products.
        captured: whether a GPU ran steps as captured graphs.
        together: how many seeds one program trained at once, at most.
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
    study: Mapping[str, Any] | None = None
    code: Mapping[str, str] = {}
    resumed_at: tuple[str, ...] = ()
    changed_code: tuple[str, ...] = ()
    dataset: Dataset
    own_architectures: tuple[Mapping[str, Any], ...] = ()
    devices: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    precision: tuple[str, ...] = ()
    captured: bool = False
    together: int = 1
    timeline: Timeline
    interrupted: bool = False

    def after(self, earlier: Environment, changed: Iterable[str]) -> Environment:
        """This part of a run after an earlier one: what it takes to do all of it again, and whose code has changed."""
        return self.model_copy(
            update={
                "command": earlier.command,
                "started_at": earlier.started_at,
                "commit": earlier.commit,
                "dirty": earlier.dirty,
                "code": {**self.code, **earlier.code},
                "changed_code": tuple(sorted({*earlier.changed_code, *changed})),
                "resumed_at": (*earlier.resumed_at, self.started_at),
            }
        )

    def with_trials(self, records: Sequence[TrialRecord], stamps: Mapping[str, float], complete: bool) -> Environment:
        """With what the trials that have ended say, and when things happened.

        Args:
            records: of all trials.
            stamps: times of the timeline, as far as they are known.
            complete: whether every trial of the study has ended.
        """
        began = self.timeline.command_started
        # Of what an earlier part of the run did, nothing can be said about the time of this one.
        now = [record for record in records if record.started_at >= began]
        places = [record.placement for record in records if record.placement is not None]
        timeline = {
            "command_started": began,
            "first_step": min((record.started_at for record in now), default=None),
            "last_trial_ended": max((record.ended_at for record in now), default=None),
        }
        return self.model_copy(
            update={
                "devices": tuple(sorted({place.device for place in places})),
                "threads": tuple(sorted({place.threads for place in places})),
                "precision": tuple(sorted({place.precision for place in places})),
                "captured": any(place.captured for place in places),
                "together": max((place.together for place in places), default=1),
                "timeline": Timeline.model_validate(timeline | dict(stamps)),
                "interrupted": not complete or "cost_pass_ended" not in stamps,
            }
        )


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
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise RunFolderError(f"{path}: not valid JSON ({error}); restore the file from a copy") from None
