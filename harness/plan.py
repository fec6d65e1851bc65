"""The plan: a study as the tuple of trials that it asks for. Every front end calls these two enumerators."""

from __future__ import annotations

import numpy as np

from architectures import ARCHITECTURES
from harness.space import configurations
from harness.study import Study
from harness.trial import Phase, TrialRecord, TrialSpec, stream_seed


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
        for hyperparameters in configurations(ARCHITECTURES[name], study.space(name), search.samples, generator):
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
    return tuple(
        TrialSpec(
            phase=Phase.CONFIRM,
            architecture=selected.spec.architecture,
            hyperparameters=selected.spec.hyperparameters,
            seed=seed,
            dataset=selected.spec.dataset,
        )
        for seed in confirm_seeds(study)
    )


def confirm_seeds(study: Study) -> range:
    """Seeds of the confirm phase, the same for every architecture."""
    return range(study.seed + 1, study.seed + 1 + study.confirm.seeds)
