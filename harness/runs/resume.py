"""What an earlier part of a run left, and whether it may go on: same study, same code, files that are all there."""

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
    """The environment of the run so far; None when it ended before there was one.

    Raises:
        RunFolderError: the file is damaged.
    """
    return read_environment(folder.environment)[1] if folder.environment.is_file() else None


def begun_study(folder: RunFolder, registry: Registry = BUILT_IN) -> Study:
    """The study as the run began with it, whatever has become of `study.yaml` since.

    Raises:
        RunFolderError: the environment is damaged.
        StudyError: it is not a study.
    """
    environment = begun_environment(folder)
    if environment is None or environment.study is None:
        return load_study(str(folder.study), registry=registry)
    return parse_study(environment.study, str(folder.environment), registry)


def changed_code(folder: RunFolder, finished: Iterable[TrialRecord], registry: Registry = BUILT_IN) -> list[str]:
    """Whose code is no longer that which finished trials were trained by: `engine`, or names of architectures."""
    environment = begun_environment(folder)
    trained = sorted({record.spec.architecture for record in finished})
    if environment is None or not environment.code or not trained:
        return []
    now = provenance.code_fingerprints(registry[name] for name in trained)
    return [name for name, fingerprint in now.items() if environment.code.get(name, fingerprint) != fingerprint]


def check_code(folder: RunFolder, finished: Iterable[TrialRecord], registry: Registry = BUILT_IN) -> None:
    """A run goes on with the code that it began with.

    Raises:
        RunFolderError: the code differs.
    """
    changed = changed_code(folder, finished, registry)
    if not changed:
        return
    environment = begun_environment(folder)
    commit = environment.commit if environment is not None else None
    back = f"check out commit {commit}" if commit else "bring that code back"
    raise RunFolderError(
        Argument("resume", folder.path),
        f": the code of {', '.join(changed)} is not the one that its finished trials were "
        f"trained by; {back}, begin a new run, or accept it with ",
        Argument("accept_changed_code"),
        ", which the report will say",
    )


def usable(folder: RunFolder, records: Iterable[TrialRecord], retry_failed: bool) -> tuple[TrialRecord, ...]:
    """Records of trials that need not be trained again.

    Args:
        folder: of the run.
        records: of its journal.
        retry_failed: whether trials that failed are tried once more.
    """
    return tuple(
        record
        for record in records
        if not (retry_failed and record.status is Status.FAILED)
        and (record.test is None or has_predictions(folder, record))
    )


def continued(began: Study, asked: Study) -> Study:
    """The study with which a run that began with one study goes on when another one is asked for.

    What would make the finished trials incomparable with those to come cannot change. Search spaces, seeds of
    the confirm phase and the like can, and so can what costs time only; an architecture that the run has keeps
    its place when the other study does not name it.

    Raises:
        StudyError: the two differ in more than that; names every difference.
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
            f"the study is not the one that this run began with: {'; '.join(differences)}; "
            "change it back, or begin a new run"
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
    """Key and both values of everything in which two plain values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a:
            yield from _differences(a[key], b[key], (*path, key))
    elif a != b:
        yield ".".join(path), a, b


def check_at_hand(study: Study) -> None:
    """See that the code of every architecture is there, not only its description.

    Raises:
        StudyError: one is not.
    """
    missing = [name for name in study.architectures if is_stand_in(study.registry[name])]
    if missing:
        raise StudyError(
            f"{', '.join(missing)}: an architecture of your own; name its code again, as in ",
            Argument("architecture", f"path/to/{missing[0]}.py"),
        )
