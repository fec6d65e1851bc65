"""Tests of the report of a run folder."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix
from synthetic_run import ERRORS, SyntheticRun, diverges

from harness.errors import RunFolderError
from harness.records.trial import Phase
from harness.report import write_report
from harness.statistics.comparison import Verdict

SECTIONS = [
    "Summary",
    "Accuracy",
    "Verdicts",
    "Cost",
    "Selection",
    "Early stopping",
    "Budget",
    "Grid search",
    "Trials",
    "Confusion matrices",
    "Results per class",
    "Calibration",
    "Errors",
    "Time use",
    "Study",
    "Environment and reproduction",
]
SMALL = SyntheticRun(architectures=("simple_cnn", "lenet5"), samples=2, epochs=3, seeds=2, test_images=400)


def load(folder: Path) -> dict[str, Any]:
    """Return the content of results.json. NaN is an error, as for a strict parser."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in results.json")

    content = (folder / "results.json").read_text(encoding="utf-8")
    return dict(json.loads(content, parse_constant=refuse))


def report_of(run: SyntheticRun, folder: Path) -> str:
    """Write the run and its report, and return the Markdown."""
    return write_report(run.write(folder)).read_text(encoding="utf-8")


def linked_figures(text: str) -> list[str]:
    """Return the paths of the images of a page."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)


def test_sections_come_in_order(reported: Path) -> None:
    """The report has every section, in the documented order."""
    text = (reported / "report.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


def test_every_linked_figure_exists_and_every_figure_is_linked(reported: Path) -> None:
    """Figures and links to figures match one to one, and each figure is a PNG file."""
    links = linked_figures((reported / "report.md").read_text(encoding="utf-8"))
    files = sorted(f"figures/{path.name}" for path in (reported / "figures").iterdir())
    assert sorted(links) == files
    assert {f"figures/confusion_matrix_{name}.png" for name in ERRORS} <= set(files)
    assert all((reported / link).read_bytes().startswith(b"\x89PNG") for link in links)


def test_no_temporary_file_remains(reported: Path) -> None:
    """Files with temporary names have been renamed."""
    assert not [path for path in reported.rglob("*") if path.name.startswith(".")]


def test_results_have_the_documented_keys(reported: Path) -> None:
    """results.json has the documented keys, with architectures in the order of the registry."""
    content = load(reported)
    assert list(content) == [
        "schema_version",
        "dataset",
        "architectures",
        "ranking",
        "rope",
        "verdicts",
        "audit",
        "environment",
    ]
    assert content["schema_version"] == 1
    assert len(content["verdicts"]) == 10
    assert {pair["verdict"] for pair in content["verdicts"]} <= {verdict.value for verdict in Verdict}
    assert content["ranking"] == sorted(ERRORS, key=lambda name: ERRORS[name])
    assert [entry["name"] for entry in content["architectures"]] == list(ERRORS)
    assert content["environment"] == json.loads((reported / "environment.json").read_text(encoding="utf-8"))


def test_confusion_matrix_is_that_of_the_first_seed(reported: Path) -> None:
    """The matrix counts the saved predictions of the lowest seed."""
    for entry in load(reported)["architectures"]:
        first = entry["confirm"]["seeds"][0]
        with np.load(reported / "predictions" / f"{entry['name']}-seed{first['seed']}.npz") as saved:
            expected = confusion_matrix(saved["labels"], saved["probabilities"].argmax(axis=1))
        assert entry["confusion_matrix"] == expected.tolist()
        assert np.trace(expected) / expected.sum() == pytest.approx(first["test_accuracy"])


def test_accuracy_is_the_mean_over_seeds(reported: Path) -> None:
    """The mean in results.json is the mean of the seeds, inside its interval, and in the report."""
    text = (reported / "report.md").read_text(encoding="utf-8")
    for entry in load(reported)["architectures"]:
        confirm = entry["confirm"]
        accuracies = [seed["test_accuracy"] for seed in confirm["seeds"]]
        low, high = confirm["test_accuracy_ci95"]
        assert confirm["test_accuracy_mean"] == pytest.approx(np.mean(accuracies))
        assert low < confirm["test_accuracy_mean"] < high
        assert confirm["ci95_method"] == "student_t"
        assert f"{100 * confirm['test_accuracy_mean']:.2f} ± {100 * confirm['test_accuracy_std']:.2f}" in text


def test_trials_csv_has_a_row_for_every_record(reported: Path) -> None:
    """Trials of all phases and statuses have a row. Whole numbers have no decimal point."""
    trials = pd.read_csv(reported / "trials.csv", dtype=str)
    lines = (reported / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(trials["trial_id"]) == [json.loads(line)["trial_id"] for line in lines]
    assert set(trials["status"]) == {"completed", "stopped_early", "failed"}
    assert set(trials.loc[trials["architecture"] == "mlp", "units"]) == {"64", "256", "512"}
    assert set(trials["hyperparameter_epochs"]) == {"8"}
    assert trials["reason"].notna().sum() == (trials["status"] == "failed").sum() > 0


def test_epochs_csv_adds_up_to_trials_csv(reported: Path) -> None:
    """Epochs and training seconds of each trial equal those in trials.csv."""
    trials = pd.read_csv(reported / "trials.csv").set_index("trial_id")
    epochs = pd.read_csv(reported / "epochs.csv").groupby("trial_id")
    trained = trials[trials["epochs"] > 0]
    assert (epochs.size() == trained["epochs"].reindex(epochs.size().index)).all()
    assert epochs["train_seconds"].sum().sum() == pytest.approx(trained["train_seconds"].sum())


def test_reasons_cannot_inject(reported: Path) -> None:
    """Markup in a reason is shown as text."""
    text = (reported / "report.md").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert r"loss is not finite \| \<b\>in\</b\> epoch \*1\*" in text


def test_a_second_report_is_identical(reported: Path, tmp_path: Path) -> None:
    """Writing the report of the same folder again gives the same bytes."""
    copy = tmp_path / "copy"
    shutil.copytree(reported, copy)
    write_report(copy)
    for path in reported.rglob("*"):
        if path.is_file():
            assert (copy / path.relative_to(reported)).read_bytes() == path.read_bytes(), path.name


def test_one_architecture_with_one_seed(tmp_path: Path) -> None:
    """The interval of a single seed is Wilson's, and there is no second architecture to compare."""
    text = report_of(SMALL.but(architectures=("lenet5",), seeds=1), tmp_path)
    confirm = load(tmp_path)["architectures"][0]["confirm"]
    assert (confirm["ci95_method"], confirm["test_accuracy_std"]) == ("wilson", None)
    assert "Wilson" in text
    assert "Student" not in text
    assert "No other architecture has a result" in text
    assert "## Grid search" not in text
    assert not (tmp_path / "figures" / "verdicts.png").exists()


def test_architecture_whose_search_failed_is_a_row(tmp_path: Path) -> None:
    """An architecture without a result is in the tables with the reason, but has no figure."""
    text = report_of(SMALL.but(failure=diverges("the loss blew up", "lenet5")), tmp_path)
    assert re.search(r"^\| LeNet-5 +\| +no result \|", text, re.MULTILINE)
    assert "no result: all 3 search trials failed: the loss blew up" in text
    assert not (tmp_path / "figures" / "confusion_matrix_lenet5.png").exists()
    entry = load(tmp_path)["architectures"][1]
    assert entry["confirm"]["test_accuracy_mean"] is None
    assert entry["confusion_matrix"] is None
    assert entry["no_result"].startswith("all 3 search trials failed")


def test_architecture_whose_confirm_failed_is_a_row(tmp_path: Path) -> None:
    """Failed confirm trials are listed by seed, with the reason in place of the result."""
    text = report_of(SMALL.but(failure=diverges("no memory", "simple_cnn", Phase.CONFIRM)), tmp_path)
    assert "no result: all 2 confirm trials failed: no memory; selected: epochs 3, learning_rate" in text
    seeds = load(tmp_path)["architectures"][0]["confirm"]["seeds"]
    assert [seed["status"] for seed in seeds] == ["failed", "failed"]


def test_a_failed_seed_is_left_out_of_the_mean(tmp_path: Path) -> None:
    """The mean is over the other seeds, and the first of these gives the matrix."""
    run = SMALL.but(seeds=3, failure=lambda s: "no" if (s.phase, s.seed) == (Phase.CONFIRM, 1) else None)
    text = report_of(run, tmp_path)
    confirm = load(tmp_path)["architectures"][0]["confirm"]
    completed = [seed["test_accuracy"] for seed in confirm["seeds"] if seed["status"] == "completed"]
    assert len(completed) == 2
    assert confirm["test_accuracy_mean"] == pytest.approx(np.mean(completed))
    assert "(2 seeds; 95 % interval" in text


def test_interrupted_before_confirm(tmp_path: Path) -> None:
    """The report of an interrupted run starts by saying that it is partial, and has no winner."""
    text = report_of(SMALL.but(confirmed=False, environment={"interrupted": True}), tmp_path)
    assert text.startswith("# Partial benchmark report")
    assert re.search(r"6 of 6 search trials and\s+(> )?0 of 4 confirm trials", text)
    assert "No architecture has a test accuracy yet" in text
    assert "no result: the run was interrupted before the confirm phase" in text
    assert "highest mean" not in text


def test_interrupted_before_any_trial_ended(tmp_path: Path) -> None:
    """A run without any ended trial has a report and valid tables."""
    run = SMALL.but(confirmed=False, environment={"interrupted": True})
    run.write(tmp_path)
    (tmp_path / "journal.jsonl").write_text("")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "no result: the run was interrupted before a search trial ended" in text
    assert linked_figures(text) == []
    assert len(pd.read_csv(tmp_path / "trials.csv")) == 0


def test_missing_predictions_cost_only_their_figures(tmp_path: Path) -> None:
    """Without the first seed's predictions, there is an accuracy but no confusion matrix."""
    SMALL.write(tmp_path)
    for name in ("lenet5-seed1.npz", "missed.npz"):
        (tmp_path / "predictions" / name).unlink()
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "LeNet-5 has no confusion matrix: the predictions of its first seed are not" in text
    assert load(tmp_path)["architectures"][1]["confirm"]["test_accuracy_mean"] is not None
    assert "figures/confusion_matrix_lenet5.png" not in text


def test_missed_images_are_enough_for_confusion_matrices(tmp_path: Path) -> None:
    """Without the files of probabilities, the confusion matrices stay the same."""
    SMALL.write(tmp_path)
    write_report(tmp_path)
    before = load(tmp_path)["architectures"]
    for path in (tmp_path / "predictions").glob("*-seed*.npz"):
        path.unlink()
    write_report(tmp_path)
    after = load(tmp_path)["architectures"]
    assert [entry["confusion_matrix"] for entry in after] == [entry["confusion_matrix"] for entry in before]


def test_missed_images_that_contradict_the_journal_are_refused(tmp_path: Path) -> None:
    """An answer that was changed is found, even without the file of probabilities."""
    SMALL.write(tmp_path)
    path = tmp_path / "predictions" / "missed.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays["predicted"][:] = arrays["labels"][arrays["indices"]]
    np.savez_compressed(path, **arrays)
    (tmp_path / "predictions" / "lenet5-seed1.npz").unlink()
    with pytest.raises(RunFolderError, match=r"missed\.npz: the test accuracy of trial .* is 100"):
        write_report(tmp_path)


def test_colour_images_and_many_classes(tmp_path: Path) -> None:
    """Three channels and 62 classes give all figures.

    Accuracies of the predecessor are for MNIST only.
    """
    classes = [f"class {number}" for number in range(62)]
    text = report_of(SMALL.but(classes=classes, channels=3, dataset="digits"), tmp_path)
    assert "figures/most_confidently_wrong.png" in text
    assert "Predecessor" not in text
    entry = load(tmp_path)["architectures"][0]
    assert np.shape(entry["confusion_matrix"]) == (62, 62)
    assert entry["baseline_accuracy"] is None


def test_without_images_there_is_no_gallery(tmp_path: Path) -> None:
    """A run without saved images has a sentence instead of the gallery."""
    text = report_of(SMALL.but(missed=False), tmp_path)
    assert "The run folder contains no misclassified images." in text
    assert "most_confidently_wrong" not in text


def test_a_class_without_images_has_null_metrics(tmp_path: Path) -> None:
    """Undefined precision and recall are null in JSON and a dash in the report."""
    run = SMALL.but(test_images=12, classes=[str(number) for number in range(40)])
    text = report_of(run, tmp_path)
    entry = load(tmp_path)["architectures"][0]
    absent = sorted(set(range(40)) - set(run.labels().tolist()))
    assert absent
    assert all(entry["recall"][label] is None for label in absent)
    assert re.search(rf"^\| {absent[0]} +\| .*–", text, re.MULTILINE)


def test_predictions_that_contradict_the_journal_are_refused(tmp_path: Path) -> None:
    """Predictions whose accuracy differs from the journal by one image are refused."""
    SMALL.write(tmp_path)
    path = tmp_path / "predictions" / "lenet5-seed2.npz"
    with np.load(path) as saved:
        labels, probabilities = saved["labels"], saved["probabilities"].copy()
    right = int(np.flatnonzero(labels == probabilities.argmax(axis=1))[0])
    probabilities[right] = np.roll(probabilities[right], 1)
    np.savez_compressed(path, labels=labels, probabilities=probabilities)
    with pytest.raises(RunFolderError, match=r"lenet5-seed2\.npz: the test accuracy of trial"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("study.yaml", None, "there is no study.yaml"),
        ("journal.jsonl", None, "the journal cannot be read"),
        ("environment.json", None, "cannot be read"),
        ("environment.json", "{", "not valid JSON"),
        ("environment.json", "{}", "command: Field required"),
        ("predictions/lenet5-seed1.npz", "not an archive", "cannot be read"),
        ("predictions/missed.npz", "not an archive", "cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, file: str, content: str | None, message: str) -> None:
    """A missing or damaged file is an error of one sentence that names the file."""
    SMALL.write(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(RunFolderError, match=message) as caught:
        write_report(tmp_path)
    assert Path(file).name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_trial_of_another_study_is_refused(tmp_path: Path) -> None:
    """A journal with an architecture that the study does not list is refused."""
    SMALL.write(tmp_path / "one")
    SMALL.but(architectures=("mlp",)).write(tmp_path / "two")
    shutil.copy(tmp_path / "two" / "journal.jsonl", tmp_path / "one" / "journal.jsonl")
    with pytest.raises(RunFolderError, match=r"'mlp', which study\.yaml does not list"):
        write_report(tmp_path / "one")


def test_the_later_record_of_a_trial_counts(tmp_path: Path) -> None:
    """A trial that failed and was retried is one row with its second result."""
    SMALL.write(tmp_path)
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines()
    failed = json.loads(lines[0]) | {"status": "failed", "reason": "node lost", "epochs": []}
    journal.write_text("\n".join([json.dumps(failed), *lines]) + "\n", encoding="utf-8")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "node lost" not in text
    assert len(pd.read_csv(tmp_path / "trials.csv")) == len(lines)


def test_the_command_rebuilds_a_report(tmp_path: Path) -> None:
    """`python -m harness.report` prints the path of the report and exits with 0."""
    SMALL.write(tmp_path)
    command = [sys.executable, "-m", "harness.report", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "report.md"))


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    """For a folder that is not a run folder, it prints one line on stderr and exits with 2."""
    command = [sys.executable, "-m", "harness.report", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "there is no study.yaml" in done.stderr


def test_neither_torch_nor_ray_is_imported(tmp_path: Path) -> None:
    """Writing a report imports neither torch nor Ray nor pyplot."""
    SMALL.write(tmp_path)
    program = (
        "import sys; from pathlib import Path; import harness.report; "
        "light = 'matplotlib' not in sys.modules; "
        f"harness.report.write_report(Path({str(tmp_path)!r})); "
        "print(light, sorted({'torch', 'ray', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_numbers_of_the_time_table_add_up(reported: Path) -> None:
    """All activities in the time table add up to all slot-seconds."""
    text = (reported / "report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) +\| +([\d,.]+) +\| +\d+ %", text, re.MULTILINE)
    spent = {name: float(value.replace(",", "")) for name, value in rows}
    assert math.isclose(sum(spent.values()) - spent["All"], spent["All"], abs_tol=0.5)


def test_classes_of_different_sizes_are_reported(tmp_path: Path) -> None:
    """The report has the class sizes, the accuracy of the largest class, and balanced accuracy."""
    folder = replace(SMALL, classes=("cat", "dog")).write(tmp_path)
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    environment["dataset"] |= {"class_sizes": [[30, 10, 300], [10, 5, 100]], "notes": ["Images were resized."]}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    report = write_report(folder).read_text(encoding="utf-8")
    assert re.search(r"different sizes: 100 to 300 test images\. Always predicting cat .* 75\.00 %\.", report)
    assert "Balanced (%)" in report
    assert "  Images were resized.\n" in report
    assert all(0 < entry["balanced_accuracy_mean"] < 1 for entry in load(folder)["architectures"])


def test_classes_of_similar_sizes_are_not_mentioned(tmp_path: Path) -> None:
    """For a balanced test split, the report has neither class sizes nor balanced accuracy."""
    report = report_of(SMALL, tmp_path)
    assert "Balanced (%)" not in report
    assert "different sizes" not in report


def test_every_class_and_matrix_is_in_a_file(tmp_path: Path) -> None:
    """classes.csv and confusion_matrices/ have everything that figures and tables may leave out."""
    folder = SMALL.write(tmp_path)
    write_report(folder)
    classes = pd.read_csv(folder / "classes.csv")
    assert list(classes.columns) == ["architecture", "class", "precision", "recall", "f1", "test_images"]
    for entry in load(folder)["architectures"]:
        matrix = pd.read_csv(folder / "confusion_matrices" / f"{entry['name']}.csv", index_col=0)
        assert matrix.to_numpy().tolist() == entry["confusion_matrix"]
        of_one = classes[classes["architecture"] == entry["name"]]
        assert of_one["test_images"].sum() == 400
        assert of_one["recall"].tolist() == pytest.approx(entry["recall"])
