"""Tests of random invalid inputs: errors are sentences and never tracebacks.

`make test-all` draws 400 examples for each test, and `make test` draws 100.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from architectures import BUILT_IN
from harness.data.sources.idx import format_idx, parse_idx
from harness.errors import HarnessError
from harness.models.saved import read_saved_model
from harness.records.trial import (
    EpochResult,
    ModelSummary,
    Phase,
    Placement,
    Status,
    TestResult,
    TrialRecord,
    TrialSpec,
)
from harness.run import app
from harness.runs.environment import read_environment
from harness.runs.files import trial_of
from harness.runs.journal import read_journal
from harness.schedule.plan import plan_search
from harness.study import Study, load_study, parse_study, study_yaml
from harness.study.yaml_text import read_yaml, write_yaml

any_input = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
KEYS = [*Study.model_fields, "seeds", "cpus", "gpus", "space", "samples", "grid", "choice", "uniform", "epochs"]
names = st.sampled_from([*KEYS, *BUILT_IN, *BUILT_IN["mlp"].hyperparameters.model_fields])
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=8)
)
values = st.recursive(
    scalars | names,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=8) | st.integers(), inner, max_size=5)
    ),
    max_leaves=15,
)
BASE: dict[str, Any] = {"name": "x", "architectures": {"mlp": {"space": {"epochs": 2}}}}


def outcome(path: Path, read: Any) -> str | None:
    """Return the error of a reader, or None if it accepts the file.

    Other exceptions are not caught.
    """
    try:
        read(path)
    except HarnessError as error:
        return str(error)
    return None


@any_input
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_study(content: bytes, tmp_path: Path) -> None:
    """Arbitrary bytes are refused, and the error names the file."""
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    assert str(path) in (outcome(path, lambda p: load_study(str(p))) or "")


@any_input
@given(text=st.text(alphabet=string.printable + "\x85\u2028é\x1b", max_size=120))
def test_arbitrary_yaml_is_no_study(text: str, tmp_path: Path) -> None:
    """Arbitrary text is refused."""
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    assert outcome(path, lambda p: load_study(str(p)))


@any_input
@given(where=st.lists(names, min_size=1, max_size=4), value=values)
def test_a_study_with_anything_anywhere_is_read_or_refused(where: list[str], value: Any, tmp_path: Path) -> None:
    """A study with one arbitrary value is refused, or can be planned and written."""
    changed = json.loads(json.dumps(BASE))
    place = changed
    for name in where[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            return
    place[where[-1]] = value
    path = tmp_path / "study.yaml"
    path.write_text(write_yaml(changed), encoding="utf-8")
    said = outcome(path, lambda p: load_study(str(p)))
    if said is not None:
        assert said.startswith(str(path))
        return
    study = load_study(str(path))
    assert parse_study(read_yaml(study_yaml(study)), "again") == study
    if sum(search.samples for search in study.architectures.values()) < 1000:
        assert plan_search(study, "d")


@any_input
@given(
    arguments=st.lists(
        st.sampled_from(
            [
                "--all",
                "--config",
                "smoke",
                "--set",
                "confirm.seeds=0",
                "--seeds",
                "--resume",
                "mlp",
                "x=",
                "--audit",
                "-1",
                "--architectures",
                "nothing",
                "a.b=[",
                "--retry-failed",
            ]
        )
        | st.text(max_size=10),
        max_size=5,
    )
)
def test_arbitrary_arguments_are_refused_or_planned(arguments: list[str]) -> None:
    """A dry run with arbitrary arguments never raises an exception."""
    result = CliRunner().invoke(app, ["--dry-run", *arguments])
    assert result.exit_code in (0, 2), (arguments, result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)


finite = st.floats(allow_nan=False, allow_infinity=False)
fractions = st.floats(min_value=0, max_value=1)
positive = st.floats(min_value=0, allow_infinity=False)
specs = st.builds(
    TrialSpec,
    phase=st.sampled_from(Phase),
    architecture=st.from_regex(r"[A-Za-z][A-Za-z0-9_.:-]*", fullmatch=True),
    hyperparameters=st.dictionaries(st.text(), st.booleans() | st.integers() | finite | st.text()),
    seed=st.integers(),
    dataset=st.text(),
)
epochs = st.builds(
    EpochResult,
    epoch=st.integers(min_value=1),
    train_loss=finite,
    validation_loss=finite,
    validation_accuracy=fractions,
    train_images=st.integers(min_value=0),
    train_seconds=positive,
    validation_seconds=positive,
)
placements = st.builds(
    Placement,
    node=st.text(),
    device=st.text(),
    threads=st.integers(),
    precision=st.sampled_from(["fp32", "bf16"]),
    captured=st.booleans(),
    together=st.integers(min_value=1),
)


@st.composite
def records(draw: st.DrawFn) -> TrialRecord:
    """Draw any record that the types allow."""
    spec = draw(specs)
    return TrialRecord(
        trial_id=spec.trial_id,
        spec=spec,
        status=draw(st.sampled_from(Status)),
        reason=draw(st.none() | st.text()),
        epochs=tuple(draw(st.lists(epochs, max_size=3))),
        placement=draw(st.none() | placements),
        model=draw(st.none() | st.builds(ModelSummary)),
        test=draw(st.none() | st.builds(TestResult, accuracy=fractions, loss=finite)),
        started_at=draw(finite),
        ended_at=draw(finite),
        attempts=draw(st.integers(min_value=1)),
    )


@any_input
@given(written=st.lists(records(), max_size=4), cut=st.integers(min_value=0, max_value=200))
def test_valid_records_are_read_back_and_only_a_torn_line_is_lost(
    written: list[TrialRecord], cut: int, tmp_path: Path
) -> None:
    """Any record is read as written. If the last line is incomplete, all other lines are read."""
    path = tmp_path / "journal.jsonl"
    content = b"".join(record.model_dump_json().encode() + b"\n" for record in written)
    path.write_bytes(content)
    assert read_journal(path) == tuple(written)
    if written and 0 < cut < len(written[-1].model_dump_json().encode()):
        path.write_bytes(content[:-cut])
        assert read_journal(path) == tuple(written[:-1])


JSON_FILES = {
    "journal.jsonl": read_journal,
    "environment.json": read_environment,
    "model.json": read_saved_model,
}


@pytest.mark.parametrize("name", JSON_FILES)
@any_input
@given(
    content=st.binary(max_size=200)
    | st.text(alphabet='{}[]":,0123456789.eE-+truefalsn\\u \n', max_size=200).map(str.encode)
)
def test_arbitrary_bytes_in_a_run_folder_are_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    """Arbitrary content is refused with the name of the file.

    An incomplete line is a valid journal.
    """
    path = tmp_path / name
    path.write_bytes(content)
    said = outcome(path, JSON_FILES[name])
    if name == "journal.jsonl":
        assert said is None or str(path) in said
    else:
        assert str(path) in (said or "")


@any_input
@given(content=st.binary(max_size=200), cut=st.integers(min_value=0, max_value=700), flip=st.integers(min_value=0))
def test_arbitrary_or_damaged_predictions_raise_no_exception(
    content: bytes, cut: int, flip: int, tmp_path: Path
) -> None:
    """A damaged or arbitrary file of predictions raises no exception."""
    path = tmp_path / "p.npz"
    np.savez_compressed(path, labels=np.arange(5), trial_id=np.array("0123456789ab"))
    good = path.read_bytes()
    damaged = bytearray(good)
    damaged[flip % len(good)] ^= 1 + flip % 255
    for bad in (content, good[:cut], bytes(damaged)):
        path.write_bytes(bad)
        assert trial_of(path) in (None, "", "0123456789ab") or isinstance(trial_of(path), str)


@any_input
@given(content=st.binary(max_size=120), shape=st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=3))
def test_idx_files_are_whole_or_refused(content: bytes, shape: list[int]) -> None:
    """Complete files are read as written. Arbitrary or damaged bytes are refused."""
    array = np.arange(int(np.prod(shape)), dtype=np.uint8).reshape(shape)
    whole = format_idx(array)
    assert np.array_equal(parse_idx(whole, "f"), array)
    for bad in (content, whole + b"x", whole[:-1], b"\x00\x00\x0d" + whole[3:]):
        if bad == whole:
            continue
        said = outcome(Path("file.idx"), lambda path, bad=bad: parse_idx(bad, str(path)))
        assert "file.idx" in (said or "") or bad[:3] == b"\x00\x00\x08"
