"""The Python API: running a study, and reading a run as data frames."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from architectures import BUILT_IN
from harness.errors import RunFolderError
from harness.report.findings import Findings, find
from harness.report.records import classes_frame, epochs_frame, matrix_frame, trials_frame
from harness.runs.reading import RunData, read_run_folder
from harness.study import Study, load_architectures


def run_study(
    study: Study | str | Path = "default",
    *,
    output: str | Path | None = None,
    architectures: Iterable[str | Path] = (),
    data_dir: str | Path | None = None,
    address: str | None = None,
    quiet: bool = False,
) -> Run:
    """Run a study and write its report, like `python -m harness.run --all`.

    It can be called from any thread. Environment variables, signal handlers and random generators
    are restored afterwards.

    Args:
        study: A `Study`, the name of a shipped study, or the path of a study file.
        output: New run folder; None for `reports/<study>-<time>`.
        architectures: Sources of additional architectures, such as `my_net.py`,
            `package.module:NAME` or `torchvision:resnet18`.
        data_dir: Folder of the data files; None for the user's cache.
        address: Address of a Ray cluster; None to start a local one.
        quiet: Whether to print nothing.

    Raises:
        HarnessError: The study, the data or the environment cannot be used. The message states the
            problem and the remedy.
        KeyboardInterrupt: The run was interrupted. Finished trials are in the run folder, and
            `python -m harness.run --resume` resumes the run.
    """
    from harness.console.display import ConsoleDisplay, print_plan
    from harness.pipeline.benchmark import (  # slow to import, and not needed to read a run
        Job,
        run_benchmark,
    )

    registry = load_architectures(map(str, architectures), study.registry if isinstance(study, Study) else BUILT_IN)
    asked = study.with_registry(registry) if isinstance(study, Study) else Study.load(str(study), registry=registry)
    asked = asked.with_architectures(name for name in registry.loaded.values() if name not in asked.architectures)
    folder = Path(output) if output else Path("reports") / f"{asked.name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    again = ["python", "-m", "harness.run", "--all", "--config", str(folder / "study.yaml")]
    again += [word for source in registry.loaded for word in ("--architecture", source)]
    again += ["--data-dir", str(data_dir)] if data_dir else []
    job = Job(
        study=asked,
        folder=folder,
        finished=None,
        data_dir=Path(data_dir) if data_dir else None,
        address=address,
        command=shlex.join(again),
        began=time.time(),
    )
    console = Console(quiet=quiet, highlight=False, soft_wrap=True)
    print_plan(console, asked, folder, kept=None)
    done = run_benchmark(job, ConsoleDisplay(console))
    if not done.complete:
        raise KeyboardInterrupt(f"the run was interrupted; finished trials are kept and reported in {folder}")
    return Run(folder)


def load_run(folder: str | Path) -> Run:
    """Read an existing run.

    Examples:
        >>> published = load_run("reports/reference")
        >>> published.accuracy["mean"].idxmax()
        'advanced_cnn'

    Raises:
        HarnessError: The folder is not a run folder, or its files are inconsistent.
    """
    found = Run(Path(folder))
    _ = found.study  # reads the folder, so that errors are raised here
    return found


class Run:
    """A run in a run folder.

    The folder is read when a value is first used. Every table is a new data frame.

    Attributes:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _repr_markdown_(self) -> str:
        """Return the accuracy table for notebooks."""
        return f"**{self.study.name}** in `{self.folder}`\n\n{self.accuracy.to_markdown()}"

    @cached_property
    def _read(self) -> RunData:
        return read_run_folder(self.folder)

    @cached_property
    def _findings(self) -> Findings:
        return find(self._read)

    @property
    def study(self) -> Study:
        """Study of the run, with the value of every key."""
        return self._read.study

    @property
    def report(self) -> Path:
        """Path of `report.md`; `report.html` in the same folder has the same content."""
        return self.folder / "report.md"

    @cached_property
    def results(self) -> Mapping[str, Any]:
        """Contents of `results.json`."""
        from harness.report.results import results  # imports the figures too, which takes time
        from harness.report.sections import SECTIONS

        return results(self._findings, SECTIONS)

    @property
    def accuracy(self) -> pd.DataFrame:
        """Test accuracies as fractions, with intervals and letters.

        The frame has one row per architecture. The highest accuracy comes first.

        Examples:
            >>> load_run("reports/reference").accuracy.loc["lenet5", "group"]
            'b'
        """
        rows = {
            entry["name"]: {
                "mean": entry["confirm"]["test_accuracy_mean"],
                "std": entry["confirm"]["test_accuracy_std"],
                "low": (entry["confirm"]["test_accuracy_ci95"] or [None, None])[0],
                "high": (entry["confirm"]["test_accuracy_ci95"] or [None, None])[1],
                "validation": entry["confirm"]["validation_accuracy_mean"],
                "balanced": entry["balanced_accuracy_mean"],
                "seeds": sum(seed["test_accuracy"] is not None for seed in entry["confirm"]["seeds"]),
                "group": entry["group"],
                "parameters": entry["parameters"],
                "no_result": entry["no_result"],
            }
            for entry in self.results["architectures"]
        }
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("architecture")
        return frame.sort_values("mean", ascending=False, na_position="last")

    @property
    def verdicts(self) -> pd.DataFrame:
        """Difference, interval and verdict, with one row per pair of architectures."""
        return pd.DataFrame(list(self.results["verdicts"]))

    @property
    def trials(self) -> pd.DataFrame:
        """Trials of all phases, with one row per trial, as in `trials.csv`.

        Examples:
            >>> sorted(load_run("reports/reference").trials["phase"].unique())
            ['audit', 'confirm', 'search']
        """
        return trials_frame(self._read.records, self.study.registry)

    @property
    def epochs(self) -> pd.DataFrame:
        """Epochs of all trials, with one row per trial and epoch, as in `epochs.csv`."""
        return epochs_frame(self._read.records)

    @property
    def classes(self) -> pd.DataFrame:
        """Precision, recall and F1 of the first seed's models, per architecture and class."""
        found = {s.name: s.classification for s in self._findings.summaries if s.classification is not None}
        return classes_frame(found, self._read.environment.dataset.classes)

    def confusion_matrix(self, architecture: str) -> pd.DataFrame:
        """Return the confusion matrix of the first seed's model, as numbers of test images.

        Rows are true classes, and columns are predicted classes.

        Examples:
            >>> int(load_run("reports/reference").confusion_matrix("lenet5").to_numpy().sum())
            10000

        Raises:
            RunFolderError: The run has no predictions of this architecture.
        """
        for summary in self._findings.summaries:
            if summary.name == architecture and summary.classification is not None:
                return matrix_frame(summary.classification, self._read.environment.dataset.classes)
        raise RunFolderError(f"{self.folder}: there are no predictions of '{architecture}'")

    def predictions(self, architecture: str, seed: int | None = None) -> pd.DataFrame:
        """Return the predictions of one model, with one row per test image.

        A row contains the true class, the predicted class, the probability of the predicted class,
        and whether the prediction is correct.

        Args:
            architecture: Name of the architecture.
            seed: A confirm seed; None for the first.

        Raises:
            RunFolderError: The run has no such predictions.
        """
        read = self._read
        seeds = sorted(number for name, number in read.predictions if name == architecture)
        chosen = seed if seed is not None or not seeds else seeds[0]
        if chosen is None or chosen not in seeds:
            raise RunFolderError(
                f"{self.folder}: no predictions of '{architecture}' with seed {seed}; available seeds: {seeds}"
            )
        found, classes = read.predictions[architecture, chosen], pd.Index(read.environment.dataset.classes)
        return pd.DataFrame(
            {
                "true": classes[found.labels],
                "predicted": classes[found.predicted],
                "confidence": found.confidence if found.confidence is not None else float("nan"),
                "correct": found.correct,
            }
        ).rename_axis("test image")
