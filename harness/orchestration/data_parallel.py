"""Confirm trials that several workers train together.

They run one after another, after all other trials have ended. They are not Tune trials: if Tune
stopped one, the workers that Ray Train had started for it would keep running.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.errors import describe
from harness.orchestration.bookkeeper import Bookkeeper
from harness.orchestration.cluster import Cluster
from harness.orchestration.ray_quirks import death
from harness.orchestration.trainable import Placed, ended_after
from harness.records.messages import Message
from harness.records.trial import TrialSpec
from harness.schedule.supply import Supply
from harness.study import Study, load_architectures

_POLL_SECONDS = 0.5
_NOTICE_SECONDS = 10.0  # enough for Ray to notice a dead worker; it checks every two seconds


class _ModelFailedError(Exception):
    """The model failed, or another worker died, which looks the same to this worker."""


def train_data_parallel(
    study: Study, supply: Supply, placed: Placed, cluster: Cluster, bookkeeper: Bookkeeper, scratch: Path
) -> None:
    """Run the confirm trials of a study with several workers for each. Return early if interrupted.

    Args:
        study: The study, for the number of workers.
        supply: Source of the trials.
        placed: The data and settings that all trials share.
        cluster: Resources of each worker. Stopping the cluster ends the workers of an interrupted
            trial.
        bookkeeper: Receives the messages of the trials.
        scratch: Folder that Ray Train may write to. Nothing in it is needed later.
    """
    if not supply.exhausted:  # the search was interrupted
        return
    try:
        while bookkeeper.error is None and (spec := supply.next_data_parallel()) is not None:
            bookkeeper.begin(spec)
            _train_one(study.confirm.workers, spec, placed, cluster, bookkeeper, scratch)
    except KeyboardInterrupt:
        supply.abandon()


def _train_one(
    workers: int, spec: TrialSpec, placed: Placed, cluster: Cluster, bookkeeper: Bookkeeper, scratch: Path
) -> None:
    """Run one attempt at a trial."""
    share = cluster.shares[spec.architecture].whole
    messages = Queue(actor_options={"num_cpus": 0})
    config = {
        "spec": spec.model_dump(mode="json"),
        "placed": placed,
        "messages": messages,
        "device": share.device,
        "threads": share.cpus,
        "gpus": share.gpus,
    }
    # Ray Train runs in a separate process, which an interrupt ends together with all workers. A
    # thread of this process would still call Ray after its shutdown. That would end the process
    # before the report is written.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    fit = ray.remote(_fit).options(num_cpus=0, max_retries=0, scheduling_strategy=here)
    fitting = fit.remote(workers, config, scratch / spec.trial_id)
    failures: list[Message] = []
    while True:
        ended, _ = ray.wait([fitting], timeout=0)
        try:
            message: Message = messages.get(timeout=_POLL_SECONDS)
        except Empty:
            if ended:
                break
            continue
        if message.failure is None:
            bookkeeper.receive(spec, message)
        else:
            failures.append(message)
    messages.shutdown()
    if bookkeeper.has_ended(spec):
        return
    try:
        deaths = ray.get(fitting)
    except RayError as error:
        deaths = describe(error)
    if failures and not deaths:
        bookkeeper.receive(spec, failures[0])
    else:
        bookkeeper.lose(spec, death(deaths or "the workers ended without a result"))


def _fit(workers: int, config: dict[str, Any], folder: Path) -> str:
    """Run the workers with Ray Train until they end. Return Ray's error text about dead workers."""
    from ray import train
    from ray.train.torch import TorchTrainer

    gpus = {"GPU": config["gpus"]} if config["gpus"] > 0 else {}
    trainer = TorchTrainer(
        _train_part,
        train_loop_config=config,
        scaling_config=train.ScalingConfig(
            num_workers=workers,
            use_gpu=config["gpus"] > 0,
            resources_per_worker={"CPU": float(config["threads"])} | gpus,
        ),
        run_config=train.RunConfig(name=folder.name, storage_path=str(folder.parent)),
    )
    try:
        trainer.fit()
    except train.WorkerGroupError as error:
        causes = error.worker_failures.values()
        return " ".join(describe(cause) for cause in causes if not isinstance(cause, _ModelFailedError))
    return ""


def _train_part(config: dict[str, Any]) -> None:
    """Train a trial on one of its workers.

    Only the first worker sends messages, unless a model fails. Only the first worker reads the test
    split.
    """
    from ray import train
    from ray.train.torch import prepare_model

    placed: Placed = config["placed"]
    spec = TrialSpec.model_validate(config["spec"])
    context = train.get_context()
    rank = context.get_world_rank()
    # The first worker has the shortest deadline, so it is killed first. The driver then sees a
    # trial that sent no message for `trial_timeout` seconds.
    with ended_after(placed.trial_timeout + (_NOTICE_SECONDS if rank > 0 else 0.0)) as clock:
        from harness.training import Group, resolve_settings
        from harness.training.execution import run_trial

        wrap = partial(
            prepare_model,
            move_to_device=False,
            parallel_strategy_kwargs={"find_unused_parameters": True},  # a step may skip some parameters
        )
        settings = replace(
            resolve_settings(config["device"], config["threads"], placed.precision, config["gpus"]),
            group=Group(rank, context.get_world_size(), wrap),
        )
        training = ray.get(placed.training)
        registry = load_architectures(placed.sources)
        for message in run_trial(spec, training, lambda: ray.get(placed.test), settings, registry=registry):
            clock.stop()
            if rank == 0 or message.failure is not None:
                config["messages"].put(message)
            if message.failure is not None:
                # If another worker has died, this failure is a consequence. Ray must see the death
                # first.
                time.sleep(_NOTICE_SECONDS)
                raise _ModelFailedError(message.failure)
            if rank > 0 and message.epoch is not None and message.epoch.epoch == spec.epochs:
                return
            clock.start()
