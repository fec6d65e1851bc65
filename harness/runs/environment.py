"""The contents of `environment.json`: command, versions, hardware, data and timeline of a run."""

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
    """The machine that ran the command, with its memory in GiB and the names of its GPUs."""

    cpu: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()
    system: str


class Timeline(Facts):
    """Times of the main events of a run, in seconds since 1970.

    A time is None if the event did not happen or was not recorded.

    Attributes:
        command_started: The process started.
        first_step: The first trial started its first epoch.
        last_trial_ended: The last trial ended.
        experiment_ended: The scheduler and its workers stopped.
        cost_pass_ended: The measurement of latency and throughput ended.
        cluster_stopped: The local cluster was stopped, or the existing cluster was left.
    """

    command_started: float
    first_step: float | None = None
    last_trial_ended: float | None = None
    experiment_ended: float | None = None
    cost_pass_ended: float | None = None
    cluster_stopped: float | None = None


class Environment(Facts):
    """The contents of `environment.json`.

    Attributes:
        command: The command line.
        started_at: Start of the run, as an ISO 8601 time.
        versions: Versions by package, including Python and the harness.
        commit: Commit of the source; None if the source is not in a repository.
        dirty: Whether the source differed from the commit; None if unknown.
        hardware: Hardware of the machine that ran the command.
        slots: Number of trials that could run at the same time.
        study: The study at the start of the run; None if it was not recorded.
        code: Hashes of the source of the engine and of each architecture.
        resumed_at: Times at which the run was resumed, as ISO 8601.
        changed_code: Code that had changed when the run was resumed: `engine`, or names of
            architectures.
        dataset: The data set.
        own_architectures: Descriptions of the user's architectures.
        devices: Devices on which trials ran: `cpu` or `cuda`.
        threads: Numbers of threads of a trial.
        precision: Precisions of convolutions and matrix products.
        captured: Whether a GPU ran training steps as captured graphs.
        together: Maximum number of seeds that one program trained together.
        timeline: Times of the main events.
        interrupted: Whether the run ended before the study was complete.
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
        """Return the environment of a resumed run.

        Args:
            earlier: Environment of the earlier part of the run.
            changed: Code that has changed since: `engine`, or names of architectures.
        """
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
        """Return the environment with the devices and times of the trials that have ended.

        Args:
            records: Records of all trials.
            stamps: Known times of the timeline.
            complete: Whether every trial of the study has ended.
        """
        began = self.timeline.command_started
        # The timeline covers only this part of the run, so trials of earlier parts are left out.
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
    """Read `environment.json`. Return its JSON and its parsed contents.

    Raises:
        RunFolderError: The file is missing or damaged.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return written, Environment.model_validate(written)
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be read: {error.strerror}; give a folder that a run has written"
        ) from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise RunFolderError(f"{path}: {key or 'file'}: {problem['msg']}; restore the file from a copy") from None
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise RunFolderError(f"{path}: not valid JSON ({error}); restore the file from a copy") from None
