"""Running trials on Ray: from trial specifications to trial records.

No other part of the harness imports Ray. This package may import runs, models, training, schedule,
data, study and records.
"""

from harness.orchestration.cluster import Cluster, connect
from harness.orchestration.costs import run_cost_pass
from harness.orchestration.experiment import Shared, run_experiment
from harness.orchestration.model_sizes import model_sizes

__all__ = ["Cluster", "Shared", "connect", "model_sizes", "run_cost_pass", "run_experiment"]
