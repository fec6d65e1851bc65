"""Connection to a Ray cluster, existing or local, and its division into slots."""

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
_TOGETHER_ON_GPU = 32  # trials that one program trains on a GPU; on a CPU, more than one is not faster
_AUTO_GPUS = 0.25  # share of a GPU for each trial: a small network leaves most of a GPU idle


@dataclass(frozen=True)
class Node:
    """Resources of one machine of the cluster."""

    cpus: float
    gpus: float


@dataclass(frozen=True)
class Share:
    """Resources for each trial of one architecture.

    Attributes:
        cpus: Threads of the trial.
        gpus: GPUs of the trial: 0, a fraction of one, or several.
        together: Maximum number of seeds of one configuration that one program trains together.
    """

    cpus: int
    gpus: float
    together: int = 1

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Device of the trial, whether or not its machine has a GPU."""
        return "cuda" if self.gpus > 0 else "cpu"

    @property
    def whole(self) -> Share:
        """The same share with whole GPUs: NCCL refuses two workers on one GPU (ray#48012)."""
        return replace(self, gpus=float(math.ceil(self.gpus)))


@dataclass(frozen=True)
class Cluster:
    """A connected cluster.

    Attributes:
        shares: Resources of a trial, by architecture.
        slots: Number of trials that can run at the same time. If architectures need different
            resources, this is the number for the architecture that needs the least.
        nodes: Machines of the cluster.
        sources: Sources of the user's architectures, as workers can import them.
    """

    shares: Mapping[str, Share]
    slots: int
    nodes: tuple[Node, ...]
    sources: tuple[str, ...] = ()


def fit(resources: Mapping[str, Resources], nodes: Sequence[Node], workers: int = 1) -> Cluster:
    """Return the resources of a trial of each architecture, and the number of slots.

    Args:
        resources: Resources of one trial, by architecture.
        nodes: Machines of the cluster.
        workers: Number of workers that train each confirm trial together.

    Raises:
        EnvironmentMismatchError: No machine can run a trial of some architecture, or the machines
            together cannot run `workers` workers of it.
    """
    fitted = {name: _fit_one(name, asked, nodes) for name, asked in resources.items()}
    for name, (share, _) in fitted.items():
        slots = sum(_slots(node, share.cpus, share.whole.gpus) for node in nodes)
        if 1 < workers > slots:
            raise EnvironmentMismatchError(
                f"confirm.workers: a trial of {name} needs {workers} workers, but the cluster can run only {slots} "
                "at the same time; reduce it with ",
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
                f"resources.{what}: a trial of {name} needs {asked:g}, but the largest machine of the cluster has "
                f"{most:g}; reduce it with ",
                changed(f"resources.{what}", f"{most:g}"),
                ", or, if the study sets resources for this architecture, with ",
                changed(f"architectures.{name}.resources.{what}", f"{most:g}"),
            )
    slots = sum(_slots(node, resources.cpus, gpus) for node in nodes)
    if slots == 0:
        raise EnvironmentMismatchError(
            f"resources: a trial of {name} needs {resources.cpus} CPUs and {gpus:g} GPUs, but no machine of the "
            "cluster has both; reduce resources.cpus or resources.gpus"
        )
    return Share(resources.cpus, gpus, together=_TOGETHER_ON_GPU if gpus > 0 else 1), slots


def _slots(node: Node, cpus: int, gpus: float) -> int:
    by_cpus = int(node.cpus // cpus)
    if gpus == 0:
        return by_cpus
    # A fraction of a GPU lies on one device: four trials with 0.25 fit on one GPU, three with 0.4
    # do not.
    by_gpus = int(node.gpus // gpus) if gpus >= 1 else int(node.gpus) * int(1 / gpus + 1e-9)
    return min(by_cpus, by_gpus)


def check_reachable(address: str) -> None:
    """Check that a server accepts connections at HOST:PORT. Ray itself would try for two minutes.

    Any other form of address, such as "auto", is not checked.

    Raises:
        EnvironmentMismatchError: Nothing accepts connections there, or the address is that of a Ray
            Client.
    """
    if address.startswith("ray://"):
        raise EnvironmentMismatchError(
            Argument("address", address),
            ": Ray Client addresses (ray://) are not supported; run the command on a machine of the cluster with "
            "the address HOST:6379, or submit it as a job (docs/cluster.md)",
        )
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentMismatchError(
            Argument("address", address),
            f": no Ray cluster found at this address ({error}); start one with 'ray start --head', or omit ",
            Argument("address"),
            " to run on this machine",
        ) from None


@contextlib.contextmanager
def connect(
    address: str | None,
    resources: Mapping[str, Resources],
    data_bytes: int,
    workers: int = 1,
    sources: Sequence[str] = (),
) -> Iterator[Cluster]:
    """Join the cluster at an address, or start a local one. Leave or stop it when the block ends.

    The code is sent to an existing cluster. Its machines need Ray and the dependencies, but not
    this project. Environment variables, signal handlers and loggers of this process are restored
    afterwards.

    Args:
        address: Address of an existing cluster; None to start a local one.
        resources: Resources of one trial, by architecture.
        data_bytes: Size of the data set in bytes, for the object store of a local cluster.
        workers: Number of workers that train each confirm trial together.
        sources: Sources of the user's architectures.

    Raises:
        EnvironmentMismatchError: There is no cluster at the address, the cluster is too small for a
            trial, or one of its machines cannot run this code.
    """
    if address is not None:
        check_reachable(address)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ray_environment())
        import ray  # reads the environment when it is imported

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
    """Start or join Ray, and return the sources as workers can import them.

    Raises:
        EnvironmentMismatchError: Ray cannot be started or joined.
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
        with tempfile.TemporaryDirectory() as scratch:  # Ray has sent its files when `ray.init` returns
            packed = pack(ENVIRONMENT, sources, Path(scratch))
            ray.init(address=address, runtime_env=packed.runtime_env, **options)
        return packed.sources
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = Argument("address", address) if address else "a local Ray cluster"
        raise EnvironmentMismatchError(
            where,
            f": cannot connect: {' '.join(str(error).split())[:300]}; check that the cluster is running and reachable",
        ) from None
