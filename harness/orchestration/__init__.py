"""The only room with Ray: trials go in as specifications, and come out as records."""

from harness.orchestration.cluster import Cluster, connect
from harness.orchestration.costs import run_cost_pass
from harness.orchestration.experiment import Observer, Shared, run_experiment

__all__ = ["Cluster", "Observer", "Shared", "connect", "run_cost_pass", "run_experiment"]
