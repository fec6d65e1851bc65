"""The only room with Ray: trials go in as specifications, and come out as records."""

from harness.orchestration.cluster import Cluster, connect
from harness.orchestration.experiment import Observer, Shared, run_experiment

__all__ = ["Cluster", "Observer", "Shared", "connect", "run_experiment"]
