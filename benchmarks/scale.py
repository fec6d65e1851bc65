"""Cost and limits of the orchestration, with trials that wait instead of training.

    python -m benchmarks.scale

The benchmark uses the real code from the supply of trials to the journal, with Tune, the scheduler
and Ray's processes. Only the epoch is replaced by a wait. Nodes are simulated: nodes, workers and
driver share the cores of this machine. This is the worst case, because on a real cluster the
workers start and report on other machines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from benchmarks.measurement import write_results

CPUS = 8
_WAIT = "HARNESS_BENCHMARK_WAIT"


def waiting(config: dict[str, Any], placed: Any) -> None:  # noqa: ARG001  # the signature of `trainable`
    """Replace `trainable`: wait and report once for each epoch of the trial."""
    import os
    import platform

    from ray import tune

    from harness.orchestration.trainable import as_result
    from harness.records.messages import Message, Started
    from harness.records.trial import EpochResult, Phase, Placement, TrialSpec

    seconds = float(os.environ[_WAIT])
    spec = TrialSpec.model_validate(config["specs"][0])
    worker = f"{platform.node()}-{os.getpid()}"
    placement = Placement(node=worker, device="cpu", threads=1, precision="fp32", captured=False, together=1)
    started = Started(placement, time.time())
    if spec.phase is Phase.CONFIRM:  # there is no model to evaluate
        tune.report(as_result((Message(spec.trial_id, started, time.time(), failure="it only waits"),)))
    for number in range(1, spec.epochs + 1):
        time.sleep(seconds)
        epoch = EpochResult(
            epoch=number,
            train_loss=1.0,
            validation_loss=1.0,
            validation_accuracy=0.5,
            train_images=1,
            train_seconds=seconds,
            validation_seconds=0.0,
        )
        tune.report(as_result((Message(spec.trial_id, started, time.time(), epoch=epoch),)))


class InJournal:
    """Keeps the records of a run in a journal, without checkpoints and models."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def keep(self, record: Any, outcome: Any) -> None:  # noqa: ARG002  # these trials have no outcome
        """Append a record to the journal."""
        self._journal.append(record)

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None:
        """Ignore the checkpoint."""

    def checkpoint(self, spec: Any) -> None:  # noqa: ARG002
        """Return no checkpoint."""
        return


def measure(nodes: int, trials: int, wait: float, epochs: int = 1) -> dict[str, float]:
    """Run one experiment in this process, on a new simulated cluster.

    Args:
        nodes: Number of nodes.
        trials: Number of trials.
        wait: Seconds to wait for each epoch.
        epochs: Epochs per trial.
    """
    import os

    os.environ[_WAIT] = str(wait)
    import ray
    from ray.cluster_utils import Cluster as Simulated

    from harness.orchestration import Cluster, Shared, experiment
    from harness.orchestration.cluster import Node, Share
    from harness.orchestration.ray_environment import ENVIRONMENT
    from harness.runs.journal import Journal
    from harness.schedule.plan import plan_search
    from harness.schedule.supply import Supply
    from harness.study import parse_study

    os.environ.update(ENVIRONMENT)
    simulated = Simulated()
    for _ in range(nodes):
        simulated.add_node(num_cpus=CPUS, object_store_memory=100 * 2**20, include_dashboard=False)
    ray.init(address=simulated.address, log_to_driver=False, logging_level="CRITICAL", configure_logging=False)
    space = {
        "epochs": epochs,
        "learning_rate": {"loguniform": [1e-4, 1e-1]},
        "weight_decay": {"loguniform": [1e-4, 1e-1]},
        "dropout": {"uniform": [0.0, 0.5]},
    }
    study = parse_study(
        {"name": "scale", "confirm": {"seeds": 1}, "architectures": {"mlp": {"samples": trials - 1, "space": space}}},
        "benchmark",
    )
    supply = Supply(study, plan_search(study, "none"), cost=lambda _: 1.0)
    experiment.trainable = waiting
    cluster = Cluster({"mlp": Share(1, 0.0)}, nodes * CPUS, (Node(CPUS, 0.0),) * nodes)
    driver = psutil.Process()
    most = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            most[0] = max(most[0], driver.memory_info().rss)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    began = time.perf_counter()
    used = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.jsonl") as journal:
        keeper = InJournal(journal)
        experiment.run_experiment(
            study, supply, Shared(None, None), cluster, lambda _: None, keeper, Silent(), Path(folder)
        )
    cpu, seconds = time.process_time() - used, time.perf_counter() - began
    done.set()
    searched = sorted(supply.records, key=lambda record: record.started_at)
    if len(searched) < trials - 1:
        raise RuntimeError(f"{len(searched)} of {trials} trials ended; the first: {searched[:1]}")
    starts = [record.started_at for record in searched]
    first_of: dict[str, float] = {}
    for record in searched:
        first_of.setdefault(record.placement.node if record.placement else "", record.started_at)
    # Ray starts workers until every slot has had a trial. This time is measured separately.
    slots = nodes * CPUS
    full, last_begun = sorted(first_of.values())[:slots][-1], starts[-1]
    in_it = sum(
        max(0.0, min(record.started_at + wait, last_begun) - max(record.started_at, full)) for record in searched
    )
    steady = last_begun - full
    ended_in_it = sum(full < record.ended_at <= last_begun for record in searched)
    ray.shutdown()
    simulated.shutdown()
    return {
        "seconds": seconds,
        "slots_used": min(slots, len(first_of)),
        "trials_per_second": ended_in_it / steady,
        "busy": in_it / (slots * steady),
        "fill_seconds": full - starts[0],
        "cpu_ms_per_trial": 1000 * cpu / trials,
        "driver_gib": most[0] / 2**30,
    }


class Silent:
    """An observer that does nothing."""

    def started(self, spec: Any) -> None:
        """Ignore the start of a trial."""

    def epoch(self, spec: Any, result: Any) -> None:
        """Ignore the end of an epoch."""

    def again(self, spec: Any, reason: str) -> None:
        """Ignore the retry of a trial."""

    def ended(self, record: Any) -> None:
        """Ignore the end of a trial."""


def measured(one: str) -> dict[str, float]:
    """Run one experiment in a new process."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", one]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def measure_results() -> None:
    """Measure trials of 1 and of 11 epochs in turn; the difference is the cost of ten results."""
    trials, epochs = 300, 11
    pairs = [(measured(f"1,{trials},0.0,1"), measured(f"1,{trials},0.0,{epochs}")) for _ in range(3)]
    further = [(many["cpu_ms_per_trial"] - one["cpu_ms_per_trial"]) / (epochs - 1) for one, many in pairs]
    rows = [
        {
            "driver CPU per trial of 1 epoch": f"{one['cpu_ms_per_trial']:.1f} ms",
            f"driver CPU per trial of {epochs} epochs": f"{many['cpu_ms_per_trial']:.1f} ms",
            "driver CPU per further result": f"{each:.1f} ms",
            "results per second": f"{trials * epochs / many['seconds']:.0f}",
        }
        for (one, many), each in zip(pairs, further, strict=True)
    ]
    write_results("scale_results", {"CPU time of the driver per result": rows}, {"pairs": pairs})


def main(
    one: Annotated[str, typer.Option(help="Run one experiment, NODES,TRIALS,SECONDS; print JSON.")] = "",
    most: Annotated[int, typer.Option(help="Largest number of trials.")] = 10_000,
    results: Annotated[bool, typer.Option(help="Measure only the cost of each further result of a trial.")] = False,
) -> None:
    """Run all experiments, and write `results/scale.md` and `.json`."""
    if one:
        nodes, trials, wait, *epochs = one.split(",")
        print(json.dumps(measure(int(nodes), int(trials), float(wait), *map(int, epochs))))  # noqa: T201
        return
    if results:
        measure_results()
        return
    experiments = [(1, 1000, 0.0), (2, 1000, 0.0), (4, 500, 0.0), (8, 500, 0.0), (8, 100, 0.0), (1, most, 0.0)]
    experiments += [(1, 160, 2.0), (8, 640, 2.0), (4, 400, 5.0), (8, 1000, 10.0)]
    rows, raw = [], []
    for nodes, trials, wait in experiments:
        got = measured(f"{nodes},{trials},{wait}")
        raw.append({"nodes": nodes, "trials": trials, "wait": wait} | got)
        rows.append(
            {
                "nodes": nodes,
                "slots": nodes * CPUS,
                "slots used": got["slots_used"],
                "trials": trials,
                "duration of a trial": f"{wait:g} s",
                "trials per second": f"{got['trials_per_second']:.1f}",
                "busy slots": f"{got['busy']:.0%}" if wait else "",
                "time until every used slot has a worker": f"{got['fill_seconds']:.1f} s",
                "driver CPU per trial": f"{got['cpu_ms_per_trial']:.1f} ms",
                "driver memory": f"{got['driver_gib']:.2f} GiB",
            }
        )
        print(rows[-1], flush=True)  # noqa: T201
    write_results("scale", {"Trials that wait, on simulated nodes": rows}, {"experiments": raw})


if __name__ == "__main__":
    typer.run(main)
