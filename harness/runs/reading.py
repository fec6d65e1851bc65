"""Reading a whole run folder, with checks that its files are consistent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RunFolderError
from harness.records.cost import Cost, read_costs
from harness.records.trial import Phase, Status, TrialRecord
from harness.runs.environment import Environment, read_environment
from harness.runs.journal import latest_records, read_journal
from harness.runs.paths import RunFolder
from harness.runs.predictions import MissedImages, Predictions, check_labels, read_missed, read_predictions
from harness.schedule.selection import has_selected_configuration, select
from harness.study import Study, know_by_description, load_study
from harness.study.space import default_configuration


@dataclass(frozen=True, eq=False)
class RunData:
    """The contents of a run folder.

    Attributes:
        study: The resolved study.
        records: The last record of each trial.
        environment: Contents of `environment.json`.
        environment_json: The same as JSON, including keys that this version does not know.
        predictions: Predictions of the selected configurations, by architecture and seed.
        default_predictions: The same for default configurations that were confirmed but not
            selected.
        missed: Misclassified test images; None if the run has not stored them.
        costs: Costs of the models of the first seed.
    """

    study: Study
    records: tuple[TrialRecord, ...]
    environment: Environment
    environment_json: Mapping[str, Any]
    predictions: Mapping[tuple[str, int], Predictions]
    default_predictions: Mapping[tuple[str, int], Predictions]
    missed: MissedImages | None
    costs: tuple[Cost, ...]


def read_run_folder(run_dir: Path) -> RunData:
    """Read a run folder and check that its files are consistent.

    Raises:
        HarnessError: A file is missing or damaged, or two files contradict each other.
    """
    study_path = run_dir / "study.yaml"
    if not study_path.is_file():
        raise RunFolderError(f"{run_dir}: there is no study.yaml in it; give a folder that a run has written")
    environment_json, environment = read_environment(run_dir / "environment.json")
    study = load_study(str(study_path), registry=know_by_description(environment.own_architectures))
    records = latest_records(read_journal(run_dir / "journal.jsonl"))
    for record in records:
        if record.spec.architecture not in study.architectures:
            raise RunFolderError(
                f"{run_dir}: journal.jsonl contains a trial of '{record.spec.architecture}', which study.yaml does "
                "not list; restore both files from the same run"
            )
    paths = RunFolder(run_dir)
    missed = read_missed(paths.missed)
    selected = {name: select(records, name) for name in study.architectures}
    defaults = {name: default_configuration(study.registry[name], study.space(name)) for name in study.architectures}
    predictions: dict[tuple[str, int], Predictions] = {}
    default_predictions: dict[tuple[str, int], Predictions] = {}
    for record in records:
        if record.spec.phase is not Phase.CONFIRM or record.status is not Status.COMPLETED:
            continue
        of_selected = has_selected_configuration(record, selected[record.spec.architecture])
        if not of_selected and record.spec.hyperparameters != defaults[record.spec.architecture]:
            continue  # after the search was enlarged, another configuration was selected
        place = paths.predictions if of_selected else paths.default_predictions
        path = place(record.spec.architecture, record.spec.seed)
        found = read_predictions(path, record, missed, environment.dataset)
        if found is not None:
            (predictions if of_selected else default_predictions)[record.spec.architecture, record.spec.seed] = found
    check_labels([*predictions.values(), *default_predictions.values()], paths.path)
    costs = read_costs(paths.costs)
    return RunData(study, records, environment, environment_json, predictions, default_predictions, missed, costs)
