"""Machines of a cluster, simulated by network namespaces that cannot see this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
NETWORK = "10.213.7"  # first part of addresses that exist only in these namespaces
RAY = Path(sys.executable).parent / "ray"
HIDDEN = ("harness", "architectures", "configs", "tests", "benchmarks")


def can_pretend() -> bool:
    """Return whether this user may create network and mount namespaces."""
    name = f"t{uuid.uuid4().hex[:8]}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
        if made.returncode:
            return False
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=True)
        return subprocess.run(["unshare", "--mount", "--uts", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)


@dataclass
class Machine:
    """One node: its name, address and the process of `ray start`."""

    name: str
    address: str
    process: subprocess.Popen[bytes]

    def die(self) -> None:
        """Kill all processes at the same time, as in a power failure."""
        family = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        for pid in family:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self.process.wait()


@dataclass
class Machines:
    """A head without CPUs on this machine, and workers in separate namespaces."""

    folder: Path
    address: str
    environment: dict[str, str]
    workers: list[Machine] = field(default_factory=list)
    head: Machine | None = None
    _mark: str = field(default_factory=lambda: uuid.uuid4().hex[:5])

    def add(self, cpus: int) -> Machine:
        """Add a worker: a namespace with an address, in which the checkout is not visible."""
        number = len(self.workers) + 2
        name, own = f"m{self._mark}{number}", f"{NETWORK}.{number}"
        ip("netns", "add", name)
        ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"v{name}", "master", f"b{self._mark}", "up")
        ip("-n", name, "addr", "add", f"{own}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        home = self.folder / name
        home.mkdir()
        hide = " && ".join(f"mount -t tmpfs none {ROOT / folder}" for folder in HIDDEN)
        ray = f"{RAY} start --address={self.address} --node-ip-address={own} --num-cpus={cpus}"
        script = f"hostname {name} && {hide} && cd {home} && exec {ray} --object-store-memory=100000000 --block"
        inside = ["ip", "netns", "exec", name, "unshare", "--mount", "--uts", "sh", "-c", script]
        worker = Machine(name, own, self._start(inside, name))
        self.workers.append(worker)
        return worker

    def begin(self) -> Machine:
        """Create the bridge and start the head on it."""
        bridge = f"b{self._mark}"
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{NETWORK}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        host, port = self.address.split(":")
        options = "--num-cpus=0 --include-dashboard=false --object-store-memory=300000000 --block"
        command = [str(RAY), "start", "--head", f"--node-ip-address={host}", f"--port={port}", *options.split()]
        self.head = Machine("head", host, self._start(command, "head"))
        return self.head

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, cwd=self.folder)

    def wait_until_started(self, machine: Machine) -> None:
        """Wait until a node prints that it has started."""
        while "Ray runtime started" not in (said := (self.folder / f"{machine.name}.log").read_text(encoding="utf-8")):
            assert machine.process.poll() is None, f"{machine.name} did not start: {said}"
            time.sleep(0.1)

    def end(self) -> None:
        """Stop all machines and delete all namespaces."""
        for machine in [*self.workers, *([self.head] if self.head else [])]:
            if machine.process.poll() is None:
                machine.die()
        for worker in self.workers:
            subprocess.run(["ip", "netns", "del", worker.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"b{self._mark}"], capture_output=True, check=False)


@contextmanager
def machines(folder: Path, cpus: tuple[int, ...]) -> Iterator[Machines]:
    """Start a cluster with token authentication: a head, and a worker for each number of CPUs."""
    token = folder / "token"
    token.write_text(uuid.uuid4().hex, encoding="utf-8")
    token.chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    }
    environment.pop("PYTHONPATH", None)
    cluster = Machines(folder, f"{NETWORK}.1:6399", environment)
    try:
        cluster.wait_until_started(cluster.begin())
        for number in cpus:  # one after the other, because Ray gives a starting node thirty seconds
            cluster.wait_until_started(cluster.add(number))
        yield cluster
    finally:
        cluster.end()
