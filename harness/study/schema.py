"""The study: what to compare, on which data, with which budget; YAML in, frozen and checked types out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from architectures import BUILT_IN, Registry
from harness.errors import Argument, StudyError, nearest
from harness.records.trial import AskedPrecision, Frozen
from harness.study.registry import find_architecture
from harness.study.space import Parameter, Space, check_space, count_configurations

MAX_TRIALS = 100_000
"""Search trials of one architecture."""


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
"""Data sets that are known by name; every other one is a path."""


def _size(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it should be a number of images, or a share of them between 0 and 1")
    if (isinstance(value, float) and not 0 < value < 1) or (isinstance(value, int) and value < 1):
        raise ValueError("it should be a whole number of images from 1, or a share of them between 0 and 1")
    return value


Size = Annotated[int | float, BeforeValidator(_size)]
"""A number of images, or, between 0 and 1, a share of those that are cut."""


class DatasetStudy(Frozen):
    """Which images, and how they are cut.

    Attributes:
        name: of the data set: one that is known, or, of a path, what reports call it; "" for what the path is called.
        path: folder of images by class, `.npz`, or folder of IDX files; None for a data set that is known by name.
        image_size: side of the square, in pixels, that images of a folder are resized to; None for their own size,
            or, where they differ, the middle one, at most 64 pixels on the longer side.
        validation_size: images cut from the training images, stratified; a number, or a share.
        train_size: how many of the remaining ones are trained on, stratified; None for all.
        test_size: images cut before everything else, stratified, where the data have no test split of their own.
        split_seed: of all cuts.
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
                f"dataset.name: there is no data set '{self.name}'; {nearest(self.name, DATASETS)} (images of your "
                "own: set dataset.path, or give ",
                Argument("data", "PATH"),
                ")",
            )
        return self


def former_data(dataset: DatasetStudy) -> tuple[str | Argument, ...]:
    """What to do where the data are not those that a run used."""
    if dataset.path is None:
        return "give the former with ", Argument("data_dir")
    return (f"bring the former back to {dataset.path}",)


class EarlyStopping(Frozen):
    """ASHA (Li et al. 2020, arXiv 1810.05934): rungs at `grace_epochs` times powers of `reduction_factor`.

    Attributes:
        grace_epochs: no trial is stopped before so many epochs.
        reduction_factor: one trial in so many passes a rung.
    """

    grace_epochs: Annotated[int, Field(ge=1)] = 1
    reduction_factor: Annotated[float, Field(gt=1.0)] = 3.0


class ConfirmStudy(Frozen):
    """The confirm phase.

    Attributes:
        seeds: fresh seeds that retrain the selected configuration of each architecture.
        default_seeds: how many of these seeds also train its default configuration, when that was not selected.
        workers: processes that train each confirm trial together, each with the resources of a trial and its part
            of every batch; for models that take hours.
    """

    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    default_seeds: Annotated[int, Field(ge=0, le=1000)] = 0
    workers: Annotated[int, Field(ge=1, le=1024)] = 1


class AuditStudy(Frozen):
    """The audit of early stopping.

    Attributes:
        trials: how many of those that ASHA stopped are finished to their last epoch, drawn at random.
    """

    trials: Annotated[int, Field(ge=0, le=100_000)] = 0


class CheckpointStudy(Frozen):
    """How much of a trial can be lost at most.

    Attributes:
        every_seconds: a trial leaves a checkpoint after the first epoch that ends so long after the one before;
            0 for every epoch. Trials that are trained together as one program leave none.
    """

    every_seconds: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 60.0


class Resources(Frozen):
    """What one trial is given.

    Attributes:
        cpus: threads of a trial.
        gpus: fraction of a GPU, or `auto`: a quarter of one where the cluster has any, else none.
    """

    cpus: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[float, Field(ge=0.0)] | Literal["auto"] = "auto"


class ArchitectureStudy(Frozen):
    """How one architecture is searched.

    Attributes:
        samples: draws of what is random in the space, for each grid point, as Tune's `num_samples`.
        space: hyperparameter to a value, or to one of grid, choice, uniform, loguniform, randint.
        resources: of one of its trials; None for those of the study.
    """

    samples: Annotated[int, Field(ge=1, le=100_000)] = 1
    space: Mapping[str, Parameter] = {}
    resources: Resources | None = None


class Study(Frozen):
    """A whole benchmark.

    Attributes:
        name: what the study is called.
        description: what it is for, in a sentence.
        seed: of the search trials and of the random samples; confirm seeds follow it.
        precision: of convolutions and matrix products: fp32, bf16, tf32 (on CPUs, which lack it, fp32), or auto: bf16
            where the device has instructions for it, else fp32.
        dataset: the images.
        early_stopping: ASHA, one of its own for each architecture.
        confirm: the confirm phase.
        audit: the audit of early stopping.
        rope: region of practical equivalence, in percentage points: smaller differences make no difference.
        max_failures: how many times a trial is tried again when its worker dies.
        trial_timeout: seconds after which a trial that says nothing, not even that an epoch has ended, is ended.
        checkpoint: what is kept of a trial while it runs.
        resources: of one trial, where its architecture asks for none of its own.
        loggers: that are told of every epoch besides; each is an extra of the package.
        architectures: which, and the search space of each.
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
        """The architectures that the study can name."""
        return self._registry

    @classmethod
    def load(
        cls,
        config: str = "default",
        changes: Mapping[str, Any] | None = None,
        data: str | None = None,
        registry: Registry = BUILT_IN,
    ) -> Study:
        """A shipped study by its name, or one from a file, with some of its values changed.

        Examples:
            >>> Study.load("smoke", {"confirm.seeds": 3, "architectures.mlp.samples": 2}).confirm.seeds
            3

        Args:
            config: name or path.
            changes: `key.path` to value, as `--set` on the command line.
            data: name or path of other images, as `--data` on the command line.
            registry: the architectures that it can name.

        Raises:
            StudyError: it is no study; the message names file, key, value and remedy.
        """
        from harness.study.reading import Override, load_study, own_or_known  # reading makes studies of this type

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
                    f"{where}: asks for {trials:,} trials, and {MAX_TRIALS:,} are the most; list fewer values"
                )
        return self

    def space(self, architecture: str) -> Space:
        """The search space of one architecture."""
        return self.architectures[architecture].space

    def resources_of(self, architecture: str) -> Resources:
        """What one trial of an architecture is given."""
        return self.architectures[architecture].resources or self.resources

    def with_registry(self, registry: Registry) -> Study:
        """The same study, which can name the architectures of this registry."""
        copy = self.model_copy()
        copy._registry = registry
        return copy

    def with_architectures(self, names: Iterable[str]) -> Study:
        """The same study with these architectures besides; one that it does not list runs on its defaults.

        Raises:
            StudyError: there is no such architecture.
        """
        added = {find_architecture(self.registry, name, "architectures").name: ArchitectureStudy() for name in names}
        return self.model_copy(update={"architectures": added | dict(self.architectures)})

    def restricted_to(self, names: Sequence[str]) -> Study:
        """The same study with these architectures only; one that the study does not list runs on its defaults.

        Raises:
            StudyError: there is no such architecture.
        """
        chosen = {
            find_architecture(self.registry, name, "architectures").name: self.architectures.get(
                name, ArchitectureStudy()
            )
            for name in names
        }
        return self.model_copy(update={"architectures": chosen})
