"""Tests of the steps from a study to a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data import load_dataset
from harness.errors import RunFolderError
from harness.pipeline.benchmark import Job, check_same_data
from harness.study import parse_study

STUDY = {"name": "s", "dataset": {"name": "digits", "validation_size": 300}, "architectures": {"mlp": {}}}


def test_a_run_is_resumed_only_with_the_data_that_it_started_with(make_spec, make_record, tmp_path: Path) -> None:
    """Results on other data cannot be compared with those of the finished trials."""
    study = parse_study(STUDY, "s")
    loaded = load_dataset(study.dataset, None)
    record = make_record(make_spec())
    same = record.spec.model_copy(update={"dataset": loaded.provenance.fingerprint})
    for finished in (None, (), (record.model_copy(update={"spec": same, "trial_id": same.trial_id}),)):
        check_same_data(Job(study, tmp_path, finished, None, None, "command"), loaded)
    with pytest.raises(RunFolderError, match="instead of stripes"):
        check_same_data(Job(study, tmp_path, (record,), None, None, "command"), loaded)
