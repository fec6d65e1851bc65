"""Tests of the environment variables that Ray reads."""

from __future__ import annotations

import os

import pytest

from harness.orchestration.ray_environment import keep_slots_full, ray_environment


def test_variables_of_ray_are_set_for_a_run_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many trials wait as there are slots. Afterwards, the environment is as before."""
    monkeypatch.setenv("RAY_DEDUP_LOGS", "1")
    before = dict(os.environ)
    with ray_environment():
        keep_slots_full(3)
        assert os.environ["TUNE_MAX_PENDING_TRIALS_PG"] == "3"
        assert os.environ["RAY_DEDUP_LOGS"] == "1"  # the user's own value
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert dict(os.environ) == before
