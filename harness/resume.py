"""What an earlier part of a run left, and whether it may go on: same study, same code, files that are all there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from harness import provenance
from harness.errors import RunFolderError, StudyError
from harness.recorder import has_predictions
from harness.run_folder import RunFolder
from harness.study import Study, load_study, parse_study
from harness.trial import Status, TrialRecord


def begun_environment(folder: RunFolder) -> dict[str, Any]:
    """`environment.json` of the run so far; empty when it ended before there was one.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not folder.environment.is_file():
        return {}
    try:
        written = json.loads(folder.environment.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{folder.environment}: cannot be read ({error}); restore it from a copy") from None
    if not isinstance(written, dict):
        raise RunFolderError(f"{folder.environment}: not the environment of a run; restore it from a copy")
    return written


def begun_study(folder: RunFolder) -> Study:
    """The study as the run began with it, whatever has become of `study.yaml` since.

    Raises:
        StudyError: it is not a study.
    """
    written = begun_environment(folder).get("study")
    if written is None:
        return load_study(str(folder.study))
    if not isinstance(written, dict):
        raise StudyError(f"{folder.environment}: study: not a study; restore the file from a copy")
    return parse_study(written, str(folder.environment))


def changed_code(folder: RunFolder, finished: Iterable[TrialRecord]) -> list[str]:
    """Whose code is no longer that which finished trials were trained by: `engine`, or names of architectures."""
    before = begun_environment(folder).get("code")
    trained = sorted({record.spec.architecture for record in finished})
    if not isinstance(before, dict) or not trained:
        return []
    now = provenance.code_fingerprints(trained)
    return [name for name, fingerprint in now.items() if before.get(name, fingerprint) != fingerprint]


def check_code(folder: RunFolder, finished: Iterable[TrialRecord]) -> None:
    """A run goes on with the code that it began with.

    Raises:
        RunFolderError: the code differs.
    """
    changed = changed_code(folder, finished)
    if not changed:
        return
    commit = begun_environment(folder).get("commit")
    back = f"check out commit {commit}" if commit else "bring that code back"
    raise RunFolderError(
        f"--resume {folder.path}: the code of {', '.join(changed)} is not the one that its finished trials were "
        f"trained by; {back}, begin a new run, or accept it with --accept-changed-code, which the report will say"
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
