"""Tests of the workarounds for Ray. A failed test means that its workaround is no longer needed."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import ray
from ray import tune
from ray._private import ray_constants, services
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError, RayActorError
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.tune import _setup_signal_catching, run
from ray.tune.utils.callback import _create_default_callbacks

from harness.orchestration.ray_environment import ENVIRONMENT
from harness.orchestration.ray_quirks import (
    SilentProgress,
    Unsaved,
    death,
    lack_of_memory_costs_one_trial,
    on_the_loopback,
    signal_handlers_kept,
)


class Task:
    """A task of an actor, with the attributes that Tune's actor manager uses."""

    def __init__(self) -> None:
        self.heard: list[Exception] = []
        self._on_error = lambda _, error: self.heard.append(error)
        self._tracked_actor = self
        self.actor_id = "actor"


class Manager:
    """The part of Tune's actor manager that handles exceptions."""

    def __init__(self) -> None:
        self._failed_actor_ids: set[str] = set()

    def _cleanup_actor(self, tracked_actor: Task) -> None:
        """Do nothing."""


def test_tune_fails_if_a_worker_runs_out_of_memory() -> None:
    """Tune raises on Ray's OutOfMemoryError. With the workaround, only the worker is lost."""
    with pytest.raises(RuntimeError, match="unexpected exception"):
        RayActorManager._actor_task_failed(Manager(), Task(), OutOfMemoryError("no memory"))
    task = Task()
    with lack_of_memory_costs_one_trial():
        RayActorManager._actor_task_failed(Manager(), task, OutOfMemoryError("no memory"))
    assert all(isinstance(error, RayActorError) for error in task.heard)
    assert len(task.heard) == 2


class Noted(tune.Callback):
    """A callback that records when it is pickled."""

    noted: ClassVar[list[str]] = []

    def __getstate__(self) -> dict[str, object]:
        self.noted.append("pickled")
        return {}


def test_tune_pickles_callbacks(tmp_path: Path) -> None:
    """Tune pickles all callbacks, so those with large or open objects are pickled as nothing."""
    Noted.noted.clear()
    tune.Tuner(lambda _: None, run_config=tune.RunConfig(storage_path=str(tmp_path), callbacks=[Noted()], verbose=0))
    assert Noted.noted

    class Heavy(Unsaved):
        def __init__(self) -> None:
            self.heavy = "journal"

    assert Heavy().__getstate__() == {}


def test_tune_adds_a_callback_that_prints() -> None:
    """Tune adds its callback that prints, unless the silent one is given."""
    added = [c for c in _create_default_callbacks([]) if isinstance(c, TrialProgressCallback)]
    assert [type(callback) for callback in added] == [TrialProgressCallback]
    given = [c for c in _create_default_callbacks([SilentProgress()]) if isinstance(c, TrialProgressCallback)]
    assert [type(callback) for callback in given] == [SilentProgress]


def test_tune_does_not_restore_the_handler_of_sigint() -> None:
    """Tune restores the previous handler only after a signal. The workaround always restores it."""
    assert "signal.signal" not in inspect.getsource(run)
    handler = signal.getsignal(signal.SIGINT)
    with signal_handlers_kept():
        _setup_signal_catching()
        assert signal.getsignal(signal.SIGINT) is not handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_local_node_listens_on_the_network(monkeypatch) -> None:
    """Ray replaces 127.0.0.1 by the address of the machine. With the workaround, it does not."""
    monkeypatch.setattr(services, "node_ip_address_from_perspective", lambda *_: "10.1.2.3")
    assert services.resolve_ip_for_localhost("127.0.0.1") == "10.1.2.3"
    with on_the_loopback():
        assert services.resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1"
    assert ray_constants.ENABLE_RAY_CLUSTER


@pytest.mark.ray
def test_ray_does_not_restore_the_handler_of_sigterm() -> None:
    """`ray.init` does not restore the previous handler of SIGTERM. The workaround does."""
    script = (
        "import signal, ray\n"
        "from harness.orchestration.ray_quirks import signal_handlers_kept\n"
        "options = dict(address='local', include_dashboard=False, log_to_driver=False, configure_logging=False)\n"
        "with signal_handlers_kept():\n"
        "    ray.init(**options); ray.shutdown()\n"
        "    print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
        "print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_messages_of_ray_give_the_right_reason() -> None:
    """The text of Ray's exceptions is recognised and gives the right reason."""
    assert death(f"{OutOfMemoryError.__name__}: Task was killed due to the node running low on memory.").startswith(
        "the machine ran out of memory"
    )
    assert death(str(ActorDiedError())) == "its process was killed or crashed"
    assert death(f"{NodeDiedError.__name__}: its node has died.") == "its machine left the cluster"


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if not name.startswith("MALLOC_")])
def test_ray_reads_every_environment_variable_that_is_set(name, ray_text) -> None:
    """Ray knows each environment variable, so that no setting is without effect."""
    known = name.removeprefix("RAY_") if name.startswith("RAY_") and name[4:5].islower() else name
    assert known.encode() in ray_text


@pytest.fixture(scope="module")
def ray_text() -> bytes:
    """Content of Ray's Python sources and of its node server, which contain names of settings."""
    root = Path(ray.__file__).parent
    sources = [*root.glob("_*/**/*.py"), *root.glob("air/**/*.py"), *root.glob("tune/**/*.py")]
    sources += [*root.glob("train/**/*.py"), *root.glob("*.py"), root / "core" / "src" / "ray" / "raylet" / "raylet"]
    return b"".join(source.read_bytes() for source in sources if source.is_file())
