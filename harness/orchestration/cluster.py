"""A Ray cluster: an existing one joined, or a local one started and stopped."""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import Argument, EnvironmentMismatchError, changed
from harness.orchestration.ray_environment import ENVIRONMENT, keep_slots_full, ray_environment
from harness.study import Resources

_ANSWER_SECONDS = 5.0
_TOGETHER_ON_GPU = 32  # trials that one program trains on a GPU; on CPUs nothing is gained by more than one
_AUTO_GPUS = 0.25  # of a GPU for each trial: small nets leave most of one idle


@dataclass(frozen=True)
class Node:
    """What one machine of the cluster has."""

    cpus: float
    gpus: float


@dataclass(frozen=True)
class Share:
    """What a trial of one architecture is given.

    Attributes:
        cpus: threads of the trial.
        gpus: a fraction of one, or several.
        together: how many seeds of a configuration one program trains at once, at most.
    """

    cpus: int
    gpus: float
    together: int = 1

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """What the trial computes on, whatever else its machine has."""
        return "cuda" if self.gpus > 0 else "cpu"

    @property
    def whole(self) -> Share:
        """The same with whole GPUs: NCCL refuses two workers on one GPU (ray#48012)."""
        return replace(self, gpus=float(math.ceil(self.gpus)))


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, as far as trials are concerned.

    Attributes:
        shares: what a trial of each architecture is given.
        slots: how many trials run at once; of those that ask for least, where they ask for unlike resources.
        nodes: machines of the cluster.
        sources: of the user's own architectures, as workers know them.
    """

    shares: Mapping[str, Share]
    slots: int
    nodes: tuple[Node, ...]
    sources: tuple[str, ...] = ()


def fit(resources: Mapping[str, Resources], nodes: Sequence[Node], workers: int = 1) -> Cluster:
    """What the machines can give to trials of each architecture, and how many they take at once.

    Raises:
        EnvironmentMismatchError: no machine can ever take a trial of some architecture, or all together not so
            many `workers` of one.
    """
    fitted = {name: _fit_one(name, asked, nodes) for name, asked in resources.items()}
    for name, (share, _) in fitted.items():
        slots = sum(_slots(node, share.cpus, share.whole.gpus) for node in nodes)
        if 1 < workers > slots:
            raise EnvironmentMismatchError(
                f"confirm.workers: asks for {workers} workers for a trial of {name}, and the cluster takes {slots} at "
                "once; ask for less with ",
                changed("confirm.workers", slots),
            )
    return Cluster(
        {name: share for name, (share, _) in fitted.items()}, max(s for _, s in fitted.values()), tuple(nodes)
    )


def _fit_one(name: str, resources: Resources, nodes: Sequence[Node]) -> tuple[Share, int]:
    most_cpus = max((node.cpus for node in nodes), default=0)
    most_gpus = max((node.gpus for node in nodes), default=0)
    gpus = resources.gpus if resources.gpus != "auto" else (_AUTO_GPUS if most_gpus >= 1 else 0.0)
    for what, asked, most in (("cpus", resources.cpus, most_cpus), ("gpus", gpus, most_gpus)):
        if asked > most:
            raise EnvironmentMismatchError(
                f"resources.{what}: a trial of {name} asks for {asked:g}, but the best machine of the cluster has "
                f"{most:g}; ask for less with ",
                changed(f"resources.{what}", f"{most:g}"),
                ", or, where the architecture has resources of its own, ",
                changed(f"architectures.{name}.resources.{what}", f"{most:g}"),
            )
    slots = sum(_slots(node, resources.cpus, gpus) for node in nodes)
    if slots == 0:
        raise EnvironmentMismatchError(
            f"resources: no machine of the cluster has both {resources.cpus} CPUs and {gpus:g} GPUs for a trial of "
            f"{name}"
        )
    return Share(resources.cpus, gpus, together=_TOGETHER_ON_GPU if gpus > 0 else 1), slots


def _slots(node: Node, cpus: int, gpus: float) -> int:
    by_cpus = int(node.cpus // cpus)
    if gpus == 0:
        return by_cpus
    # A trial never spans devices by a fraction: four quarters fit on one GPU, three times 0.4 do not.
    by_gpus = int(node.gpus // gpus) if gpus >= 1 else int(node.gpus) * int(1 / gpus + 1e-9)
    return min(by_cpus, by_gpus)


def check_reachable(address: str) -> None:
    """Ask whether anybody answers at HOST:PORT; Ray itself would try for two minutes.

    Another form of address (auto) is left to Ray.

    Raises:
        EnvironmentMismatchError: nobody answers there, or it is the address of a Ray Client.
    """
    if address.startswith("ray://"):
        raise EnvironmentMismatchError(
            Argument("address", address),
            ": through a Ray Client the journal would not be kept here; give HOST:6379 on a "
            "machine of the cluster, or submit the command as a job (docs/cluster.md)",
        )
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentMismatchError(
            Argument("address", address),
            f": no Ray cluster answers there ({error}); start one with 'ray start --head', or leave ",
            Argument("address"),
            " out to run on this machine",
        ) from None


@contextlib.contextmanager
def connect(
    address: str | None,
    resources: Mapping[str, Resources],
    data_bytes: int,
    workers: int = 1,
    sources: Sequence[str] = (),
) -> Iterator[Cluster]:
    """Join the cluster at the address, or start one on this machine; leave or stop it at the end.

    A cluster that exists is sent the code: its machines need Ray and the dependencies, and nothing of this project.
    Environment, signal handlers and loggers of this process are as they were afterwards.

    Args:
        address: of an existing cluster; None to start one.
        resources: of one trial of each architecture.
        data_bytes: size of the data set, for the object store of a local cluster.
        workers: that train a confirm trial together.
        sources: of the user's own architectures.

    Raises:
        EnvironmentMismatchError: no cluster answers there, it can never run such a trial, or a machine of it
            cannot run this code.
    """
    if address is not None:
        check_reachable(address)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ray_environment())
        import ray  # after the environment, which it reads

        from harness.orchestration.ray_quirks import random_state_kept, signal_handlers_kept, silent_loggers

        stack.enter_context(silent_loggers())
        stack.enter_context(random_state_kept())
        stack.callback(ray.shutdown)
        with signal_handlers_kept():
            sources = _init(address, data_bytes, sources)
        alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]  # Ray leaves it untyped
        if address is not None:
            from harness.orchestration.shipping import check_nodes

            fewest = min(asked.cpus for asked in resources.values())
            check_nodes([node for node in alive if node["Resources"].get("CPU", 0.0) >= fewest], sources)
        nodes = tuple(
            Node(cpus=node["Resources"].get("CPU", 0.0), gpus=node["Resources"].get("GPU", 0.0)) for node in alive
        )
        cluster = replace(fit(resources, nodes, workers), sources=tuple(sources))
        keep_slots_full(cluster.slots)
        yield cluster


def _init(address: str | None, data_bytes: int, sources: Sequence[str]) -> Sequence[str]:
    """Start Ray, or join it; gives the sources as workers know them.

    Raises:
        EnvironmentMismatchError: it cannot be started or joined.
    """
    import ray

    from harness.orchestration.ray_quirks import on_the_loopback
    from harness.orchestration.shipping import pack

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": False}
    try:
        if address is None:
            memory = max(256 * 2**20, 4 * data_bytes)
            with on_the_loopback():
                ray.init(address="local", include_dashboard=False, object_store_memory=memory, **options)
            return sources
        with tempfile.TemporaryDirectory() as scratch:  # what is in it has been sent when Ray is connected
            packed = pack(ENVIRONMENT, sources, Path(scratch))
            ray.init(address=address, runtime_env=packed.runtime_env, **options)
        return packed.sources
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = Argument("address", address) if address else "a local Ray cluster"
        raise EnvironmentMismatchError(
            where, f": cannot connect: {' '.join(str(error).split())[:300]}; is it running and reachable?"
        ) from None
