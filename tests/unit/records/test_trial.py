"""Tests of trials and their identity."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.records.trial import TrialRecord, TrialSpec, stream_seed


def test_a_specification_never_changes(make_spec) -> None:
    """Assigning to a specification is an error."""
    with pytest.raises(ValidationError, match="frozen"):
        make_spec().seed = 3


def test_identity_survives_json(make_spec) -> None:
    """A specification that is written as JSON and read again has the same id."""
    spec = make_spec(learning_rate=0.1 + 0.2)
    assert TrialSpec.model_validate_json(spec.model_dump_json()).trial_id == spec.trial_id


def test_identity_does_not_depend_on_the_order_of_hyperparameters(make_spec) -> None:
    """Specifications that differ only in the order of hyperparameters have the same id."""
    spec = make_spec()
    turned = spec.model_dump() | {"hyperparameters": dict(reversed(spec.hyperparameters.items()))}
    assert TrialSpec.model_validate(turned).trial_id == spec.trial_id


def test_different_streams_have_different_seeds() -> None:
    """Different parts give different seeds, even if their digits concatenate to the same text."""
    assert len({stream_seed("order", 1, 23), stream_seed("order", 12, 3), stream_seed("dropout", 1, 23)}) == 3
    assert 0 <= stream_seed("order", 0) < 2**63


def test_invalid_records_are_refused(make_spec, make_record) -> None:
    """An accuracy above 1 and an unknown key are errors."""
    record = make_record(make_spec())
    with pytest.raises(ValidationError):
        TrialRecord.model_validate(record.model_dump() | {"surprise": 1})
    with pytest.raises(ValidationError):
        make_record(make_spec(), accuracies=(1.2,))
