"""Resuming a run: reading its earlier part, and checking that study and code still match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from architectures import BUILT_IN, Registry
from architectures.own import is_stand_in
from harness.errors import Argument, RunFolderError, StudyError
from harness.records.trial import Status, TrialRecord
from harness.runs import provenance
from harness.runs.environment import Environment, read_environment
from harness.runs.paths import RunFolder
from harness.runs.recorder import has_predictions
from harness.study import Study, load_study, parse_study


def begun_environment(folder: RunFolder) -> Environment | None:
    """Return the environment of the earlier part of a run, or None if it was not written.

    Raises:
        RunFolderError: The file is damaged.
    """
    return read_environment(folder.environment)[1] if folder.environment.is_file() else None


def begun_study(folder: RunFolder, registry: Registry = BUILT_IN) -> Study:
    """Return the study at the start of the run, even if `study.yaml` was changed later.

    Raises:
        RunFolderError: `environment.json` is damaged.
        StudyError: The recorded study is not valid.
    """
    environment = begun_environment(folder)
    if environment is None or environment.study is None:
        return load_study(str(folder.study), registry=registry)
    return parse_study(environment.study, str(folder.environment), registry)


def changed_code(folder: RunFolder, finished: Iterable[TrialRecord], registry: Registry = BUILT_IN) -> list[str]:
    """Return which code has changed since the trials ended: `engine` or names of architectures."""
    environment = begun_environment(folder)
    trained = sorted({record.spec.architecture for record in finished})
    if environment is None or not environment.code or not trained:
        return []
    now = provenance.code_fingerprints(registry[name] for name in trained)
    return [name for name, fingerprint in now.items() if environment.code.get(name, fingerprint) != fingerprint]


def check_code(folder: RunFolder, finished: Iterable[TrialRecord], registry: Registry = BUILT_IN) -> None:
    """Check that the code is the same as at the start of the run.

    Raises:
        RunFolderError: The code has changed.
    """
    changed = changed_code(folder, finished, registry)
    if not changed:
        return
    environment = begun_environment(folder)
    commit = environment.commit if environment is not None else None
    back = f"check out commit {commit}" if commit else "restore that code"
    raise RunFolderError(
        Argument("resume", folder.path),
        f": the code of {', '.join(changed)} has changed since the finished trials were trained; {back}, start a "
        "new run, or accept the change with ",
        Argument("accept_changed_code"),
        " (the report will mention it)",
    )


def usable(folder: RunFolder, records: Iterable[TrialRecord], retry_failed: bool) -> tuple[TrialRecord, ...]:
    """Return the records of trials that do not have to be trained again.

    Args:
        folder: The run folder.
        records: Records of its journal.
        retry_failed: Whether to retry failed trials.
    """
    return tuple(
        record
        for record in records
        if not (retry_failed and record.status is Status.FAILED)
        and (record.test is None or has_predictions(folder, record))
    )


def continued(began: Study, asked: Study) -> Study:
    """Return the study for resuming a run, where some settings may have changed.

    Settings that would make new trials incomparable with finished ones must not change. Search
    spaces, the number of confirm seeds and similar settings may change, and so may settings that
    affect only time. Architectures of the run remain even if the new study does not name them.

    Args:
        began: The study at the start of the run.
        asked: The new study.

    Raises:
        StudyError: Another setting differs. The message names all differences.
    """
    kept = [name for name in began.architectures if name in asked.architectures]
    before, after = (
        study.model_dump(mode="json", exclude=_CHANGEABLE)
        | {"architectures": {name: {"resources": study.resources_of(name).model_dump(mode="json")} for name in kept}}
        for study in (began, asked)
    )
    differences = [f"{key} was {old} and is {new}" for key, old, new in _differences(before, after, ())]
    if differences:
        raise StudyError(
            f"the study differs from the one that this run started with: {'; '.join(differences)}; "
            "change it back, or start a new run"
        )
    return asked.model_copy(update={"architectures": dict(began.architectures) | dict(asked.architectures)})


_CHANGEABLE = {
    "description",
    "confirm",
    "audit",
    "rope",
    "max_failures",
    "trial_timeout",
    "checkpoint",
    "loggers",
    "architectures",
}


def _differences(a: Any, b: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the key and both values of every difference between two plain values."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a:
            yield from _differences(a[key], b[key], (*path, key))
    elif a != b:
        yield ".".join(path), a, b


def check_at_hand(study: Study) -> None:
    """Check that the code of every architecture is loaded, not only its description.

    Raises:
        StudyError: The code of an architecture is missing.
    """
    missing = [name for name in study.architectures if is_stand_in(study.registry[name])]
    if missing:
        raise StudyError(
            f"{', '.join(missing)}: the code of your own architecture is not loaded; give its source again, for "
            "example ",
            Argument("architecture", f"path/to/{missing[0]}.py"),
        )
