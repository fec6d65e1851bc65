"""Trials as values."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.records.trial import TrialRecord, TrialSpec, stream_seed


def test_a_specification_never_changes(make_spec) -> None:
    """Nothing can be assigned to a specification."""
    with pytest.raises(ValidationError, match="frozen"):
        make_spec().seed = 3


def test_identity_survives_json(make_spec) -> None:
    """A specification that was written and read is the same trial, to the last digit of its numbers."""
    spec = make_spec(learning_rate=0.1 + 0.2)
    assert TrialSpec.model_validate_json(spec.model_dump_json()).trial_id == spec.trial_id


def test_identity_does_not_depend_on_the_order_of_hyperparameters(make_spec) -> None:
    """Two ways to write one configuration are one trial."""
    spec = make_spec()
    turned = spec.model_dump() | {"hyperparameters": dict(reversed(spec.hyperparameters.items()))}
    assert TrialSpec.model_validate(turned).trial_id == spec.trial_id


def test_streams_are_told_apart_by_what_they_are_for() -> None:
    """Different parts give different seeds, and parts do not run into each other."""
    assert len({stream_seed("order", 1, 23), stream_seed("order", 12, 3), stream_seed("dropout", 1, 23)}) == 3
    assert 0 <= stream_seed("order", 0) < 2**63


def test_records_refuse_what_is_impossible(make_spec, make_record) -> None:
    """An accuracy above 1 or an unknown key is not a record."""
    record = make_record(make_spec())
    with pytest.raises(ValidationError):
        TrialRecord.model_validate(record.model_dump() | {"surprise": 1})
    with pytest.raises(ValidationError):
        make_record(make_spec(), accuracies=(1.2,))
