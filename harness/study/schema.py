"""The schema of a study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, WithJsonSchema, model_validator

from architectures import BUILT_IN, Registry
from harness.errors import Argument, StudyError, nearest
from harness.records.trial import AskedPrecision, Frozen
from harness.study.registry import find_architecture
from harness.study.space import Parameter, Space, check_space, count_configurations

MAX_TRIALS = 100_000
"""Maximum number of search trials of one architecture."""


DATASETS = (
    "mnist",
    "fashion_mnist",
    "kmnist",
    "emnist_letters",
    "emnist_balanced",
    "qmnist",
    "usps",
    "svhn",
    "cifar10",
    "cifar100",
    "digits",
)
"""Names of the data sets that the harness can download. Other data are given by path."""


def _size(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("use a number of images, or a fraction between 0 and 1")
    if (isinstance(value, float) and not 0 < value < 1) or (isinstance(value, int) and value < 1):
        raise ValueError("use a whole number of images from 1, or a fraction between 0 and 1")
    return value


Size = Annotated[int | float, BeforeValidator(_size), WithJsonSchema({"type": "number"})]
"""A number of images, or a fraction of the images between 0 and 1."""


class DatasetStudy(Frozen):
    """The data set and its splits.

    Attributes:
        name: Name of a known data set. If `path` is set, this is the name in reports, and the
            default is the name of the file or folder.
        path: A folder with one subfolder of images for each class, an `.npz` file, or a folder of
            IDX files. Not used for a known data set.
        image_size: Images of a folder are resized to squares with this side, in pixels. By default,
            images keep their size. If their sizes differ, all images are resized to the median
            size, with at most 64 pixels on the longer side.
        validation_size: Size of the validation split: a number of images, or a fraction of the
            training images. The split is stratified by class.
        train_size: Size of the train split: a number of images, or a fraction of the remaining
            training images. The split is stratified by class. By default, all of them are used.
        test_size: Size of the test split if the data have none: a number of images, or a fraction
            of all images. The split is stratified by class.
        split_seed: Seed for all splits.
    """

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")] = ""
    path: str | None = None
    image_size: Annotated[int | None, Field(ge=1, le=1024)] = None
    validation_size: Size = 5000
    train_size: Size | None = None
    test_size: Size = 0.2
    split_seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _called_as_its_path(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written
        name, path = written.get("name", ""), written.get("path")
        if path is None:
            return dict(written) | {"name": name or "mnist"}
        if name in ("", *DATASETS) and isinstance(path, str):
            stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(path).stem).lstrip("_.-") or "images"
            name = f"own-{stem}" if stem in DATASETS else stem
        return dict(written) | {"name": name}

    @model_validator(mode="after")
    def _is_known_or_a_path(self) -> DatasetStudy:
        if self.path is None and self.name not in DATASETS:
            raise StudyError(
                f"dataset.name: unknown data set '{self.name}'; {nearest(self.name, DATASETS)} (for your own "
                "images, set dataset.path or give ",
                Argument("data", "PATH"),
                ")",
            )
        return self


def former_data(dataset: DatasetStudy) -> tuple[str | Argument, ...]:
    """Return the remedy for data that differ from the data of the run."""
    if dataset.path is None:
        return "give the folder with the data of the run with ", Argument("data_dir")
    return (f"restore the data of the run in {dataset.path}",)


class EarlyStopping(Frozen):
    """Settings of ASHA (Li et al. 2020, arXiv 1810.05934). Each architecture has its own ASHA.

    The first rung is the epoch `grace_epochs`. The epoch of each further rung is larger by the
    factor `reduction_factor`.

    Attributes:
        grace_epochs: Epochs before a trial can be stopped. This is the first rung.
        reduction_factor: A trial continues if it is among the best 1 / `reduction_factor` of the
            trials that have reached the rung.
    """

    grace_epochs: Annotated[int, Field(ge=1)] = 1
    reduction_factor: Annotated[float, Field(gt=1.0)] = 3.0


class ConfirmStudy(Frozen):
    """The confirm phase.

    Attributes:
        seeds: Number of new seeds with which the selected configuration of each architecture is
            trained.
        default_seeds: Number of these seeds with which the default configuration is also trained,
            if it was not selected.
        workers: Number of workers that train each confirm trial together. Each worker has the
            resources of a trial and is given a part of every batch. Useful for models whose
            training takes hours.
    """

    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    default_seeds: Annotated[int, Field(ge=0, le=1000)] = 0
    workers: Annotated[int, Field(ge=1, le=1024)] = 1


class AuditStudy(Frozen):
    """The audit of early stopping.

    Attributes:
        trials: Number of stopped trials, drawn at random, that are trained to their last epoch.
    """

    trials: Annotated[int, Field(ge=0, le=100_000)] = 0


class CheckpointStudy(Frozen):
    """Checkpoints of running trials.

    Attributes:
        every_seconds: Minimum time between two checkpoints of a trial, in seconds. Checkpoints are
            written at the end of an epoch; 0 means after every epoch. Trials that are trained
            together write no checkpoints.
    """

    every_seconds: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 60.0


class Resources(Frozen):
    """Resources of one trial.

    Attributes:
        cpus: Number of CPUs and threads of a trial.
        gpus: Number of GPUs of a trial, which may be a fraction. `auto` means a quarter of a GPU if
            the cluster has one, otherwise none.
    """

    cpus: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[float, Field(ge=0.0)] | Literal["auto"] = "auto"


class ArchitectureStudy(Frozen):
    """The search of one architecture.

    Attributes:
        samples: Number of random draws for each grid point, like `num_samples` in Ray Tune.
        space: For each hyperparameter, a single value, or one of grid, choice, uniform, loguniform
            and randint.
        resources: Resources of one of its trials. By default, the resources of the study.
    """

    samples: Annotated[int, Field(ge=1, le=100_000)] = 1
    space: Mapping[str, Parameter] = {}
    resources: Resources | None = None


class Study(Frozen):
    """A study: data set, architectures, search spaces, seeds and budgets of a benchmark.

    Attributes:
        name: Name of the study.
        description: Purpose of the study, in one sentence.
        seed: Seed of all search trials and of the random search. The confirm seeds are the numbers
            that follow it.
        precision: Precision of convolutions and matrix products. `tf32` means fp32 on CPUs. `auto`
            means bf16 if the device has instructions for it, otherwise fp32.
        dataset: The data set and its splits.
        early_stopping: Settings of ASHA.
        confirm: The confirm phase.
        audit: The audit of early stopping.
        rope: Limit of the region of practical equivalence, in percentage points. Smaller
            differences do not matter.
        max_failures: Maximum number of retries of a trial whose worker dies.
        trial_timeout: Seconds without any message before a trial is killed. A trial sends a message
            after each epoch.
        checkpoint: Checkpoints of running trials.
        resources: Resources of one trial, unless its architecture sets its own.
        loggers: Loggers that also receive the metrics of every epoch. Each is an optional
            dependency (extra) of the package.
        architectures: The architectures, with the search space of each.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: AskedPrecision = "auto"
    dataset: DatasetStudy = DatasetStudy()
    early_stopping: EarlyStopping = EarlyStopping()
    confirm: ConfirmStudy = ConfirmStudy()
    audit: AuditStudy = AuditStudy()
    rope: Annotated[float, Field(ge=0.0, le=100.0)] = 0.1
    max_failures: Annotated[int, Field(ge=0, le=100)] = 2
    trial_timeout: Annotated[float, Field(ge=1.0, le=31_536_000.0)] = 3600.0
    checkpoint: CheckpointStudy = CheckpointStudy()
    resources: Resources = Resources()
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ()
    architectures: Annotated[Mapping[str, ArchitectureStudy], Field(min_length=1)]
    _registry: Registry = PrivateAttr(default_factory=lambda: BUILT_IN)

    @property
    def registry(self) -> Registry:
        """Architectures that the study can use."""
        return self._registry

    @classmethod
    def load(
        cls,
        config: str = "default",
        changes: Mapping[str, Any] | None = None,
        data: str | None = None,
        registry: Registry = BUILT_IN,
    ) -> Study:
        """Load a shipped study by its name, or a study file, and change some of its values.

        Examples:
            >>> study = Study.load("smoke", {"confirm.seeds": 3, "architectures.mlp.samples": 2})
            >>> study.confirm.seeds
            3

        Args:
            config: Name of a shipped study, or path of a file.
            changes: New values by `key.path`, like `--set` on the command line.
            data: Name or path of other data, like `--data` on the command line.
            registry: Architectures that the study can use.

        Raises:
            StudyError: The study is not valid. The message names file, key, value and remedy.
        """
        from harness.study.reading import Override, load_study, own_or_known  # this module imports the schema

        overrides = [] if data is None else [Override(("dataset",), own_or_known(data))]
        return load_study(
            config, [*overrides, *(Override(tuple(key.split(".")), v) for key, v in (changes or {}).items())], registry
        )

    @model_validator(mode="after")
    def _spaces_fit_their_architectures(self, validation: ValidationInfo) -> Study:
        self._registry = (validation.context or {}).get("registry", BUILT_IN)
        for name, search in self.architectures.items():
            where = f"architectures.{name}.space"
            check_space(find_architecture(self.registry, name, "architectures"), search.space, where)
            trials = count_configurations(search.space, search.samples)
            if trials > MAX_TRIALS:
                raise StudyError(
                    f"{where}: {trials:,} trials exceed the maximum of {MAX_TRIALS:,}; list fewer values or reduce "
                    "samples"
                )
        return self

    def space(self, architecture: str) -> Space:
        """Return the search space of an architecture."""
        return self.architectures[architecture].space

    def resources_of(self, architecture: str) -> Resources:
        """Return the resources of one trial of an architecture."""
        return self.architectures[architecture].resources or self.resources

    def with_registry(self, registry: Registry) -> Study:
        """Return the same study with another registry of architectures."""
        copy = self.model_copy()
        copy._registry = registry
        return copy

    def with_architectures(self, names: Iterable[str]) -> Study:
        """Return the study with more architectures. New ones have an empty search space.

        Raises:
            StudyError: There is no such architecture.
        """
        added = {find_architecture(self.registry, name, "architectures").name: ArchitectureStudy() for name in names}
        return self.model_copy(update={"architectures": added | dict(self.architectures)})

    def restricted_to(self, names: Sequence[str]) -> Study:
        """Return the study with these architectures only. New ones have an empty search space.

        Raises:
            StudyError: There is no such architecture.
        """
        chosen = {
            find_architecture(self.registry, name, "architectures").name: self.architectures.get(
                name, ArchitectureStudy()
            )
            for name in names
        }
        return self.model_copy(update={"architectures": chosen})
