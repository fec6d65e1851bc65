"""The plan: a study as the trials that it asks for. Every front end calls these enumerators."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.records.trial import Phase, TrialRecord, TrialSpec, stream_seed
from harness.study import Study
from harness.study.space import configurations


def plan_search(study: Study, dataset: str) -> tuple[TrialSpec, ...]:
    """Search trials of every architecture, in the study's order; the first of each is its default configuration.

    All search trials share one seed, so that configurations are compared on the same data order and
    augmentation. A configuration that comes up twice is tried once.

    Args:
        study: what is asked.
        dataset: fingerprint of the data and its split.
    """
    specs: dict[str, TrialSpec] = {}
    for name, search in study.architectures.items():
        generator = np.random.default_rng(stream_seed("samples", study.seed, name))
        for hyperparameters in configurations(study.registry[name], study.space(name), search.samples, generator):
            spec = TrialSpec(
                phase=Phase.SEARCH,
                architecture=name,
                hyperparameters=hyperparameters,
                seed=study.seed,
                dataset=dataset,
            )
            specs.setdefault(spec.trial_id, spec)
    return tuple(specs.values())


def plan_confirm(study: Study, selected: TrialRecord) -> tuple[TrialSpec, ...]:
    """The selected configuration again, once for each confirm seed; none of these seeds was searched with."""
    return tuple(_confirm(selected.spec, seed) for seed in confirm_seeds(study))


def plan_confirm_default(study: Study, default: TrialSpec, selected: TrialRecord) -> tuple[TrialSpec, ...]:
    """The default configuration with the first confirm seeds; nothing when it is the selected one.

    Args:
        study: how many seeds.
        default: the first search trial of the architecture, which has its default configuration.
        selected: what the search selected.
    """
    if default.hyperparameters == selected.spec.hyperparameters:
        return ()
    return tuple(_confirm(default, seed) for seed in confirm_seeds(study)[: study.confirm.default_seeds])


def _confirm(spec: TrialSpec, seed: int) -> TrialSpec:
    return TrialSpec(
        phase=Phase.CONFIRM,
        architecture=spec.architecture,
        hyperparameters=spec.hyperparameters,
        seed=seed,
        dataset=spec.dataset,
    )


def audit_order(study: Study, search: Iterable[TrialSpec]) -> tuple[TrialSpec, ...]:
    """The search trials in the random order in which the audit looks for stopped ones.

    The order comes from the study's seed and the identities alone: which of the stopped trials are
    audited depends neither on when they ended nor on what they reached.
    """
    return tuple(sorted(search, key=lambda spec: stream_seed("audit", study.seed, spec.trial_id)))


def confirm_seeds(study: Study) -> range:
    """Seeds of the confirm phase, the same for every architecture."""
    return range(study.seed + 1, study.seed + 1 + study.confirm.seeds)
