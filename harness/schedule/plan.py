"""Planning: the trials of each phase of a study."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.records.trial import Phase, TrialRecord, TrialSpec, stream_seed
from harness.study import Study
from harness.study.space import configurations


def plan_search(study: Study, dataset: str) -> tuple[TrialSpec, ...]:
    """Return the search trials of every architecture, in the order of the study.

    The first trial of each architecture has its default configuration. All search trials have the
    same seed, so configurations are compared with the same data order and augmentation. A
    configuration that is drawn twice is tried once.

    Args:
        study: The study.
        dataset: Fingerprint of the data and its splits.
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
    """Return the confirm trials of the selected configuration, one for each confirm seed."""
    return tuple(_confirm(selected.spec, seed) for seed in confirm_seeds(study))


def plan_confirm_default(study: Study, default: TrialSpec, selected: TrialRecord) -> tuple[TrialSpec, ...]:
    """Return the confirm trials of the default configuration; none if it is the selected one.

    Args:
        study: The study, for the number of seeds. The first confirm seeds are used.
        default: First search trial of the architecture, which has the default configuration.
        selected: The selected search trial.
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
    """Return the search trials in the random order in which the audit selects stopped trials.

    The order depends only on the seed of the study and the identities of the trials. The audit
    sample therefore does not depend on when a trial ended or on its accuracy.
    """
    return tuple(sorted(search, key=lambda spec: stream_seed("audit", study.seed, spec.trial_id)))


def confirm_seeds(study: Study) -> range:
    """Return the seeds of the confirm phase. They are the same for every architecture."""
    return range(study.seed + 1, study.seed + 1 + study.confirm.seeds)
