"""Workarounds for Ray, each with the fact that makes it necessary: when a test fails, its workaround can go."""

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
    """A task of an actor, as Tune's actor manager knows it."""

    def __init__(self) -> None:
        self.heard: list[Exception] = []
        self._on_error = lambda _, error: self.heard.append(error)
        self._tracked_actor = self
        self.actor_id = "actor"


class Manager:
    """As much of Tune's actor manager as sorting exceptions needs."""

    def __init__(self) -> None:
        self._failed_actor_ids: set[str] = set()

    def _cleanup_actor(self, tracked_actor: Task) -> None:
        """Nothing is kept here."""


def test_tune_gives_up_over_a_worker_that_ran_out_of_memory() -> None:
    """As it comes, Tune raises over Ray's exception for it; with the workaround the worker counts as lost."""
    with pytest.raises(RuntimeError, match="unexpected exception"):
        RayActorManager._actor_task_failed(Manager(), Task(), OutOfMemoryError("no memory"))
    task = Task()
    with lack_of_memory_costs_one_trial():
        RayActorManager._actor_task_failed(Manager(), task, OutOfMemoryError("no memory"))
    assert all(isinstance(error, RayActorError) for error in task.heard)
    assert len(task.heard) == 2


class Noted(tune.Callback):
    """Notes that it is pickled."""

    noted: ClassVar[list[str]] = []

    def __getstate__(self) -> dict[str, object]:
        self.noted.append("pickled")
        return {}


def test_tune_pickles_callbacks_for_a_restore_that_nobody_asks_for(tmp_path: Path) -> None:
    """So what holds the journal and the supply must pickle as nothing."""
    Noted.noted.clear()
    tune.Tuner(lambda _: None, run_config=tune.RunConfig(storage_path=str(tmp_path), callbacks=[Noted()], verbose=0))
    assert Noted.noted

    class Heavy(Unsaved):
        def __init__(self) -> None:
            self.heavy = "journal"

    assert Heavy().__getstate__() == {}


def test_tune_adds_a_callback_that_prints_unless_it_is_given_one() -> None:
    """The silent one takes its place."""
    added = [c for c in _create_default_callbacks([]) if isinstance(c, TrialProgressCallback)]
    assert [type(callback) for callback in added] == [TrialProgressCallback]
    given = [c for c in _create_default_callbacks([SilentProgress()]) if isinstance(c, TrialProgressCallback)]
    assert [type(callback) for callback in given] == [SilentProgress]


def test_tune_leaves_its_handler_of_ctrl_c_in_place() -> None:
    """It puts the one before it back when it has handled a signal, and nowhere else."""
    assert "signal.signal" not in inspect.getsource(run)
    handler = signal.getsignal(signal.SIGINT)
    with signal_handlers_kept():
        _setup_signal_catching()
        assert signal.getsignal(signal.SIGINT) is not handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_local_node_takes_the_address_of_this_machine_in_the_network(monkeypatch) -> None:
    """Ray does so whatever address it is asked to take, but where it takes clusters for impossible."""
    monkeypatch.setattr(services, "node_ip_address_from_perspective", lambda *_: "10.1.2.3")
    assert services.resolve_ip_for_localhost("127.0.0.1") == "10.1.2.3"
    with on_the_loopback():
        assert services.resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1"
    assert ray_constants.ENABLE_RAY_CLUSTER


@pytest.mark.ray
def test_ray_keeps_the_handler_of_sigterm_that_it_sets() -> None:
    """As it comes, `ray.init` leaves its own behind; with the workaround the process has the one that it had."""
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


def test_ray_says_of_a_death_what_is_looked_for() -> None:
    """The wording of Ray's own exceptions leads to the right reason."""
    assert death(f"{OutOfMemoryError.__name__}: Task was killed due to the node running low on memory.").startswith(
        "the machine ran out of memory"
    )
    assert death(str(ActorDiedError())) == "its process was killed or crashed"
    assert death(f"{NodeDiedError.__name__}: its node has died.") == "its machine left the cluster"


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if not name.startswith("MALLOC_")])
def test_ray_still_reads_every_variable_that_is_set(name, ray_text) -> None:
    """A variable that Ray no longer knows would be a setting without effect."""
    known = name.removeprefix("RAY_") if name.startswith("RAY_") and name[4:5].islower() else name
    assert known.encode() in ray_text


@pytest.fixture(scope="module")
def ray_text() -> bytes:
    """Ray's Python sources, and its node server, in which names of settings are texts."""
    root = Path(ray.__file__).parent
    sources = [*root.glob("_*/**/*.py"), *root.glob("air/**/*.py"), *root.glob("tune/**/*.py")]
    sources += [*root.glob("train/**/*.py"), *root.glob("*.py"), root / "core" / "src" / "ray" / "raylet" / "raylet"]
    return b"".join(source.read_bytes() for source in sources if source.is_file())
