"""Confirm trials that several workers train together, one after the other, when nothing else runs any more.

They are no Tune trials: a trial that Tune stops would leave the workers that Ray Train started for it behind.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import ray
from ray.util.queue import Empty, Queue

from harness.errors import describe
from harness.orchestration.bookkeeper import Bookkeeper
from harness.orchestration.cluster import Cluster
from harness.orchestration.ray_quirks import death
from harness.orchestration.trainable import Placed, ended_after
from harness.records.trial import TrialSpec
from harness.schedule.supply import Supply
from harness.study import Study, load_architectures

_POLL_SECONDS = 0.5


def train_data_parallel(
    study: Study, supply: Supply, placed: Placed, cluster: Cluster, bookkeeper: Bookkeeper, scratch: Path
) -> None:
    """Run the confirm trials of a study that asks for several workers for each; returns early when interrupted.

    Args:
        study: how many workers, and their precision.
        supply: which trial comes next.
        placed: data, and what every trial shares.
        cluster: what each worker is given.
        bookkeeper: hears what the trials say.
        scratch: a folder that Ray Train may write to; nothing in it is needed later.
    """
    if not supply.exhausted:  # the search was interrupted
        return
    while bookkeeper.error is None and (spec := supply.next_data_parallel()) is not None:
        bookkeeper.begin(spec)
        try:
            reason = _train_one(study.confirm.workers, spec, placed, cluster, bookkeeper, scratch)
        except KeyboardInterrupt:
            supply.abandon()
            return
        if not bookkeeper.has_ended(spec):
            bookkeeper.lose(spec, reason)


def _train_one(
    workers: int, spec: TrialSpec, placed: Placed, cluster: Cluster, bookkeeper: Bookkeeper, scratch: Path
) -> str:
    """One attempt; gives why it ended, when it ended without saying so."""
    from ray import train  # it imports torch, which no other command needs here
    from ray.train.torch import TorchTrainer

    share = cluster.shares[spec.architecture].whole
    gpus = {"GPU": share.gpus} if share.gpus > 0 else {}
    said = Queue(actor_options={"num_cpus": 0})
    trainer = TorchTrainer(
        _train_part,
        train_loop_config={
            "spec": spec.model_dump(mode="json"),
            "placed": placed,
            "said": said,
            "device": share.device,
            "threads": share.cpus,
            "gpus": share.gpus,
        },
        scaling_config=train.ScalingConfig(
            num_workers=workers,
            use_gpu=share.gpus > 0,
            resources_per_worker={"CPU": float(share.cpus)} | gpus,
        ),
        run_config=train.RunConfig(name=spec.trial_id, storage_path=str(scratch)),
    )
    failures: list[str] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as error:  # noqa: BLE001  # whatever it was, the trial is tried again or recorded as failed
            failures.append(describe(error))

    fitting = threading.Thread(target=fit, daemon=True)
    fitting.start()
    while fitting.is_alive():
        _listen(said, spec, bookkeeper, seconds=_POLL_SECONDS)
    while _listen(said, spec, bookkeeper, seconds=0.0):
        pass
    said.shutdown()
    return death(failures[0]) if failures else "its workers ended without a result"


def _listen(said: Queue, spec: TrialSpec, bookkeeper: Bookkeeper, seconds: float) -> bool:
    """Pass one message on, if one comes in so many seconds."""
    try:
        message = said.get(block=seconds > 0, timeout=seconds or None)
    except Empty:
        return False
    if not bookkeeper.has_ended(spec):
        bookkeeper.hear(spec, message)
    return True


def _train_part(config: dict[str, Any]) -> None:
    """What each worker runs; the first one speaks for all, and alone opens the test split."""
    placed: Placed = config["placed"]
    spec = TrialSpec.model_validate(config["spec"])
    with ended_after(placed.trial_timeout) as clock:
        from dataclasses import replace

        from ray import train

        from harness.training import Group, resolve_settings
        from harness.training.execution import run_trial

        context = train.get_context()
        group = Group(context.get_world_rank(), context.get_world_size())
        settings = resolve_settings(config["device"], config["threads"], placed.precision, config["gpus"])
        settings = replace(settings, group=group)
        training = ray.get(placed.training)
        registry = load_architectures(placed.sources)
        for message in run_trial(spec, training, lambda: ray.get(placed.test), settings, registry=registry):
            clock.stop()
            if group.rank == 0:
                config["said"].put(message)
            if message.failure is not None:
                raise RuntimeError(message.failure)  # the others would wait for this one
            if group.rank > 0 and message.epoch is not None and message.epoch.epoch == spec.epochs:
                return
            clock.start()
