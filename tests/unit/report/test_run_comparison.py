"""Tests of the comparison of two runs: changes, worse architectures and exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from synthetic_run import ERRORS, SyntheticRun, diverges
from typer.testing import CliRunner

from harness.compare import app
from harness.console.exit_codes import DONE, INCOMPLETE, WORSE, WRONG
from harness.errors import RunFolderError
from harness.records.trial import Phase
from harness.report.comparison_page import change_text, render_comparison
from harness.report.run_comparison import RunComparison, changes, compare_runs, flatten
from harness.runs.reading import read_run_folder
from harness.statistics.comparison import Scope, Verdict

SMALL = SyntheticRun(architectures=("simple_cnn", "lenet5", "mlp"), samples=4, epochs=4, test_images=2000)
REASON = "out of | memory"


@dataclass(frozen=True)
class OtherLabels(SyntheticRun):
    """A run with the same number of images of the same data set, but with other labels."""

    def labels(self) -> npt.NDArray[np.int64]:
        """Return the usual labels in reverse order."""
        return super().labels()[::-1]


def written(run: SyntheticRun, folder: Path, **errors: float) -> Path:
    """Write the run to a folder, with other errors of some architectures."""
    with pytest.MonkeyPatch.context() as patch:
        for name, error in errors.items():
            patch.setitem(ERRORS, name, error)
        return run.write(folder)


def compared(a: Path, b: Path) -> RunComparison:
    """Compare the runs in two folders."""
    return compare_runs(read_run_folder(a), read_run_folder(b))


def harness_compare(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three architectures. Tests only read it."""
    return written(SMALL, tmp_path_factory.mktemp("compare") / "before")


@pytest.fixture(scope="session")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study on another machine, with a worse LeNet-5 and a better simple CNN."""
    environment = {"slots": 4, "commit": "77aa", "versions": {"python": "3.12.3", "torch": "2.10.0", "numpy": "2.4.6"}}
    run = SMALL.but(environment=environment)
    return written(run, tmp_path_factory.mktemp("compare") / "after", lenet5=0.0155, simple_cnn=0.0025)


def test_a_run_equals_itself(before: Path) -> None:
    """A run compared with itself has no changes and is not worse, even with a margin of 0."""
    found = compared(before, before)
    assert (found.environment, found.study, found.only_a, found.only_b, found.remarks) == ((), (), (), (), ())
    assert [one.name for one in found.architectures] == ["simple_cnn", "lenet5", "mlp"]
    for one in found.architectures:
        assert one.comparison is not None
        assert (one.comparison.difference, one.comparison.p_holm, one.comparison.seeds) == (0.0, 1.0, 5)
        assert (one.hyperparameters, one.remarks) == ((), ())
        assert change_text(one) == "correct on the same images in both"
    done = harness_compare(before, before, "--fail-if-worse", "0")
    assert (done.exit_code, done.stderr) == (DONE, "")


def test_several_seeds_have_no_warning_about_a_single_seed(before: Path, after: Path) -> None:
    """The warning about a single seed is not shown for runs with five seeds."""
    assert "With one seed" not in render_comparison("a", "b", compared(before, after))


def test_an_architecture_that_became_worse_is_found(before: Path, after: Path) -> None:
    """The difference is B - A, so that a gain is positive, and the verdict names B."""
    worse, better = (compared(before, after).architectures[index] for index in (1, 0))
    assert worse.comparison is not None
    assert better.comparison is not None
    assert worse.comparison.difference == pytest.approx((worse.accuracy_b or 0) - (worse.accuracy_a or 0))
    assert worse.comparison.high_corrected < 0 < better.comparison.low_corrected
    assert (worse.comparison.verdict, better.comparison.verdict) == (Verdict.B_BETTER, Verdict.A_BETTER)
    assert (change_text(worse), change_text(better)) == ("B worse", "B better")


def test_intervals_are_corrected_for_the_number_of_architectures(before: Path, after: Path) -> None:
    """The levels of the three intervals are those of Holm's method for three comparisons."""
    pairs = [one.comparison for one in compared(before, after).architectures if one.comparison]
    assert sorted(pair.level for pair in pairs) == pytest.approx([0.95, 0.975, 1 - 0.05 / 3])
    assert all(pair.p_holm >= pair.p for pair in pairs)


def test_a_worse_architecture_has_its_own_exit_code(before: Path, after: Path) -> None:
    """--fail-if-worse exits with 4 and names the architecture.

    With a larger margin, it exits with 0.
    """
    done = harness_compare(before, after, "--fail-if-worse", "0.1")
    assert (done.exit_code, WORSE) == (4, 4)
    assert done.stderr.startswith("worse by more than 0.1 points: LeNet-5, −")
    assert "Simple CNN" not in done.stderr
    assert done.stdout.startswith("# Comparison of two runs")
    assert harness_compare(before, after, "--fail-if-worse", "5").exit_code == DONE
    assert harness_compare(before, after).exit_code == DONE
    assert harness_compare(after, before, "--fail-if-worse", "0.1").stderr.startswith(
        "worse by more than 0.1 points: Simple CNN"
    )


def test_a_failure_needs_the_whole_interval(before: Path, after: Path) -> None:
    """A margin inside the interval is not exceeded, because the loss may be smaller."""
    found = compared(before, after)
    pair = found.architectures[1].comparison
    assert pair is not None
    just_below, just_above = (-100 * pair.high_corrected + shift for shift in (-1e-6, 1e-6))
    assert [one.name for one in found.worse_by(just_below)] == ["lenet5"]
    assert found.worse_by(just_above) == ()


def test_what_changed_around_the_runs_is_listed(before: Path, after: Path) -> None:
    """Changed versions, commits and slots are listed with both values. Times are not compared."""
    found = {change.what: (change.a, change.b) for change in compared(before, after).environment}
    assert found == {
        "versions.torch": ("2.9.0", "2.10.0"),
        "versions.ray": ("2.60.0", "–"),
        "versions.harness": ("0.1.0", "–"),
        "versions.numpy": ("–", "2.4.6"),
        "commit": ("3f2a9c1d5e", "77aa"),
        "slots": ("2", "4"),
    }


def test_what_changed_in_the_study_is_listed(before: Path, tmp_path: Path) -> None:
    """Changed keys of the study are listed. Architectures of only one run are listed separately."""
    run = SMALL.but(architectures=("lenet5", "mlp", "advanced_mlp"), samples=6, seeds=3)
    found = compared(before, written(run, tmp_path / "b"))
    assert [(change.what, change.a, change.b) for change in found.study] == [
        ("confirm.seeds", "5", "3"),
        ("architectures.lenet5.samples", "4", "6"),
    ]
    assert (found.only_a, found.only_b) == (("Simple CNN",), ("Advanced MLP",))
    assert [one.comparison.seeds for one in found.architectures if one.comparison] == [3, 3]
    page = render_comparison("a", "b", found)
    assert "Only in A: Simple CNN." in page
    assert "Only in B: Advanced MLP." in page


def test_changed_hyperparameters_are_listed(before: Path, tmp_path: Path) -> None:
    """Changed hyperparameters of the selected configurations are listed for each architecture."""
    run = SMALL.but(spaces={"lenet5": {"learning_rate": 0.002}})
    found = compared(before, written(run, tmp_path / "b"))
    changed = {one.name: [(c.what, c.a, c.b) for c in one.hyperparameters] for one in found.architectures}
    assert changed["simple_cnn"] == changed["mlp"] == []
    assert next((what, b) for what, _, b in changed["lenet5"]) == ("learning_rate", "0.002")
    page = render_comparison("a", "b", found)
    assert re.search(r"\| LeNet-5 +\| learning_rate +\| [\d.]+ +\| 0.002 ", page)
    assert re.search(r"\| LeNet-5 .* \| changed +\|", page)
    assert re.search(r"\| MLP .* \| same +\|", page)
    assert "No selected configuration differs" not in page


def test_failed_seeds_are_reported_and_left_out(before: Path, tmp_path: Path) -> None:
    """A seed that failed in one run is missing in both accuracies, and its reason is shown."""

    def third_fails(spec):
        return REASON if (spec.architecture, spec.seed, spec.phase) == ("mlp", 3, Phase.CONFIRM) else None

    found = compared(before, written(SMALL.but(failure=third_fails), tmp_path / "b"))
    mlp = found.architectures[2]
    assert mlp.comparison is not None
    assert (mlp.comparison.seeds, mlp.comparison.difference) == (4, 0.0)
    assert mlp.accuracy_a == mlp.accuracy_b
    assert mlp.remarks == (f"seed 3 failed in B: {REASON}",)
    assert r"- MLP: seed 3 failed in B: out of \| memory." in render_comparison("a", "b", found)


def test_an_architecture_without_a_result_is_not_a_success(before: Path, tmp_path: Path) -> None:
    """If an architecture has no result in B, --fail-if-worse exits with 3.

    The page has the reason.
    """
    lost = written(SMALL.but(failure=diverges(REASON, "mlp")), tmp_path / "b")
    found = compared(before, lost)
    assert [one.name for one in found.lost] == ["mlp"]
    mlp = found.architectures[2]
    assert (mlp.accuracy_b, mlp.comparison, change_text(mlp)) == (None, None, "not comparable")
    assert mlp.remarks[0].startswith("no result in B: all 28 search trials failed")
    assert harness_compare(before, lost).exit_code == DONE
    done = harness_compare(before, lost, "--fail-if-worse", "0")
    assert done.exit_code == INCOMPLETE
    assert "not comparable: MLP" in done.stderr
    assert harness_compare(lost, before, "--fail-if-worse", "0").exit_code == DONE


def test_models_without_predictions_are_missing_seeds(before: Path, tmp_path: Path) -> None:
    """A completed seed without predictions is not compared, and the page names it."""
    folder = written(SMALL.but(missed=False), tmp_path / "b")
    (folder / "predictions" / "lenet5-seed2.npz").unlink()
    (folder / "predictions" / "lenet5-seed4.npz").unlink()
    lenet5 = compared(before, folder).architectures[1]
    assert lenet5.comparison is not None
    assert lenet5.comparison.seeds == 3
    assert lenet5.remarks == ("no predictions in B for seed 2 and 4",)


def test_a_run_before_its_confirm_phase_can_be_read(before: Path, tmp_path: Path) -> None:
    """An interrupted run without any test accuracy can be compared."""
    run = SMALL.but(confirmed=False, environment={"interrupted": True, "dirty": True})
    found = compared(before, written(run, tmp_path / "b"))
    assert [one.comparison for one in found.architectures] == [None, None, None]
    interrupted, dirty = found.remarks
    assert interrupted.endswith("interrupted before the study was complete: B.")
    assert "uncommitted changes: B." in dirty
    assert "not comparable" in render_comparison("a", "b", found)


def test_one_seed_compares_models(tmp_path: Path) -> None:
    """With one seed per run, the page says that only models are compared, not architectures."""
    a = written(SMALL.but(seeds=1), tmp_path / "a")
    b = written(SMALL.but(seeds=1), tmp_path / "b", lenet5=0.018)
    found = compared(a, b)
    pair = found.architectures[1].comparison
    assert pair is not None
    assert (pair.scope, pair.verdict) == (Scope.MODELS, Verdict.UNDECIDED)
    assert "With one seed," in render_comparison("a", "b", found)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (SMALL.but(dataset="digits"), "B on 2,000 images of digits"),
        (SMALL.but(test_images=1000), "B on 1,000 images of mnist"),
        (OtherLabels(architectures=("lenet5",), samples=4, epochs=4, test_images=2000), "labels"),
    ],
    ids=["name", "number", "labels"],
)
def test_different_test_sets_are_refused(before: Path, tmp_path: Path, other: SyntheticRun, said: str) -> None:
    """Runs with different test images are refused: one sentence, exit code 2, no page."""
    folder = written(other, tmp_path / "b")
    with pytest.raises(RunFolderError, match=said):
        compared(before, folder)
    done = harness_compare(before, folder)
    assert done.exit_code == WRONG
    assert done.stdout == ""
    assert done.stderr.startswith("error: cannot compare the runs")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_is_not_a_run_folder_is_refused(before: Path, tmp_path: Path) -> None:
    """A folder without a study and a negative margin exit with 2."""
    assert harness_compare(before, tmp_path).exit_code == WRONG
    assert harness_compare(before, before, "--fail-if-worse", "-1").exit_code == WRONG


def test_the_page_is_written_to_the_output_file(before: Path, after: Path, tmp_path: Path) -> None:
    """--output writes the same page that is otherwise printed."""
    path = tmp_path / "compare.md"
    done = harness_compare(before, after, "--output", path)
    assert (done.exit_code, done.stdout) == (DONE, f"{path}\n")
    assert path.read_text(encoding="utf-8") == harness_compare(before, after).stdout


def test_the_rope_is_that_of_the_second_run(before: Path, tmp_path: Path) -> None:
    """A wider rope in the study of B makes a small difference equivalent."""
    folder = written(SMALL, tmp_path / "b", mlp=0.0158)
    study = folder / "study.yaml"
    study.write_text(study.read_text(encoding="utf-8").replace("rope: 0.1", "rope: 2.0"), encoding="utf-8")
    found = compared(before, folder)
    assert found.rope == pytest.approx(0.02)
    assert found.architectures[2].comparison is not None
    assert found.architectures[2].comparison.verdict is Verdict.EQUIVALENT
    assert compared(folder, before).rope == pytest.approx(0.001)
    assert [change.what for change in found.study] == ["rope"]


def test_neither_torch_nor_ray_is_imported(before: Path) -> None:
    """Comparing runs imports neither torch nor Ray."""
    code = (
        "import sys; from typer.testing import CliRunner; from harness.compare import app; "
        f"assert CliRunner().invoke(app, [{str(before)!r}] * 2).exit_code == 0; "
        "print(sorted({'torch', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_flattening_keeps_every_value() -> None:
    """Nested keys become paths. A key that is missing on one side has a dash there."""
    a, b = flatten({"x": {"y": 1, "z": "text"}, "same": [1, 2]}), flatten({"x": {"y": 1.5}, "same": [1, 2], "new": {}})
    assert a == {"x.y": "1", "x.z": "text", "same": "[1, 2]"}
    assert [(change.what, change.a, change.b) for change in changes(a, b)] == [
        ("x.y", "1", "1.5"),
        ("x.z", "text", "–"),
    ]
