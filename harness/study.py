"""The study: what to compare, on which data, with which budget; YAML in, frozen and checked types out."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from architectures import ARCHITECTURES, Architecture
from architectures.own import OwnArchitectureError, is_stand_in, register, stand_in
from harness.errors import StudyError, nearest
from harness.space import Parameter, count_configurations, parse_space
from harness.trial import AskedPrecision, Frozen
from harness.yaml_text import MAX_BYTES, YamlTextError, read_yaml

MAX_TRIALS = 100_000
"""Search trials of one architecture."""

SHIPPED = ("default", "smoke", "full", "speedrun")


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
                "own: set dataset.path, or give --data PATH)"
            )
        return self


def former_data(dataset: DatasetStudy) -> str:
    """What to do where the data are not those that a run used."""
    if dataset.path is None:
        return "give --data-dir with the former"
    return f"bring the former back to {dataset.path}"


def own_or_known(data: str) -> dict[str, Any]:
    """The `dataset` of a study that `--data NAME|PATH` stands for: a tenth of the images validates.

    Raises:
        StudyError: there is neither.
    """
    if data in DATASETS:
        return {"name": data, "validation_size": 0.1}
    if not Path(data).exists():
        raise StudyError(
            f"--data {data}: there is no such file or folder, and no data set of that name; {nearest(data, DATASETS)}"
        )
    return {"path": str(Path(data).absolute()), "validation_size": 0.1}


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
    space: Mapping[str, Any] = {}
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

    @classmethod
    def load(cls, config: str = "default", changes: Mapping[str, Any] | None = None, data: str | None = None) -> Study:
        """A shipped study by its name, or one from a file, with some of its values changed.

        >>> Study.load("smoke", {"confirm.seeds": 3, "architectures.mlp.samples": 2}).confirm.seeds
        3

        Args:
            config: name or path.
            changes: `key.path` to value, as `--set` on the command line.
            data: name or path of other images, as `--data` on the command line.

        Raises:
            StudyError: it is no study; the message names file, key, value and remedy.
        """
        overrides = [] if data is None else [Override(("dataset",), own_or_known(data))]
        return load_study(
            config, [*overrides, *(Override(tuple(key.split(".")), v) for key, v in (changes or {}).items())]
        )

    @model_validator(mode="after")
    def _spaces_fit_their_architectures(self) -> Study:
        for name, search in self.architectures.items():
            where = f"architectures.{name}.space"
            space = parse_space(find_architecture(name, "architectures"), search.space, where)
            trials = count_configurations(space, search.samples)
            if trials > MAX_TRIALS:
                raise StudyError(
                    f"{where}: asks for {trials:,} trials, and {MAX_TRIALS:,} are the most; list fewer values"
                )
        return self

    def space(self, architecture: str) -> dict[str, Parameter]:
        """The parsed search space of one architecture."""
        return parse_space(
            find_architecture(architecture, "architectures"),
            self.architectures[architecture].space,
            f"architectures.{architecture}.space",
        )

    def resources_of(self, architecture: str) -> Resources:
        """What one trial of an architecture is given."""
        return self.architectures[architecture].resources or self.resources

    def with_architectures(self, names: Iterable[str]) -> Study:
        """The same study with these architectures besides; one that it does not list runs on its defaults.

        Raises:
            StudyError: there is no such architecture.
        """
        added = {find_architecture(name, "--architectures").name: ArchitectureStudy() for name in names}
        return self.model_copy(update={"architectures": added | dict(self.architectures)})

    def restricted_to(self, names: Sequence[str]) -> Study:
        """The same study with these architectures only; one that the study does not list runs on its defaults.

        Raises:
            StudyError: there is no such architecture.
        """
        chosen = {
            find_architecture(name, "--architectures").name: self.architectures.get(name, ArchitectureStudy())
            for name in names
        }
        return self.model_copy(update={"architectures": chosen})


def continued(began: Study, asked: Study) -> Study:
    """The study with which a run that began with one study goes on when another one is asked for.

    What would make the finished trials incomparable with those to come cannot change. Search spaces, seeds of
    the confirm phase and the like can, and so can what costs time only; an architecture that the run has keeps
    its place when the other study does not name it.

    Raises:
        StudyError: the two differ in more than that; names every difference.
    """
    kept = [name for name in began.architectures if name in asked.architectures]
    before, after = (
        study.model_dump(mode="json", exclude=_CHANGEABLE)
        | {"architectures": {name: {"resources": study.resources_of(name).model_dump(mode="json")} for name in kept}}
        for study in (began, asked)
    )
    differences = [f"{key} was {old} and is {new}" for key, old, new in _differences(before, after, ())]
    if differences:
        raise StudyError(
            f"the study is not the one that this run began with: {'; '.join(differences)}; "
            "change it back, or begin a new run"
        )
    return asked.model_copy(update={"architectures": dict(began.architectures) | dict(asked.architectures)})


_CHANGEABLE = {
    "description",
    "confirm",
    "audit",
    "rope",
    "max_failures",
    "trial_timeout",
    "checkpoint",
    "loggers",
    "architectures",
}


def _differences(a: Any, b: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Key and both values of everything in which two plain values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a:
            yield from _differences(a[key], b[key], (*path, key))
    elif a != b:
        yield ".".join(path), a, b


def find_architecture(name: str, where: str) -> Architecture:
    """The architecture of that name.

    Raises:
        StudyError: there is none; names the nearest.
    """
    if name not in ARCHITECTURES:
        raise StudyError(f"{where}: there is no architecture '{name}'; {nearest(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def add_architectures(sources: Iterable[str]) -> list[str]:
    """Names of the architectures of these sources, known from here on to this process and to those that it starts.

    Raises:
        StudyError: a source gives none.
    """
    try:
        return [register(source, ARCHITECTURES).name for source in sources]
    except OwnArchitectureError as error:
        raise StudyError(f"--architecture {error}") from None


def know_by_description(described: Iterable[Mapping[str, Any]]) -> None:
    """Have studies parse, and reports be written, that name a user's own architectures whose code is not at hand.

    Raises:
        StudyError: something is not the description of an architecture.
    """
    try:
        for one in described:
            architecture = stand_in(one)
            # Of two runs, the stand-in is that of the one that is looked at.
            if architecture.name not in ARCHITECTURES or is_stand_in(ARCHITECTURES[architecture.name]):
                ARCHITECTURES[architecture.name] = architecture
    except ValueError as error:
        raise StudyError(f"own_architectures: {error}; restore environment.json from a copy") from None


def check_at_hand(study: Study) -> None:
    """See that the code of every architecture is there, not only its description.

    Raises:
        StudyError: one is not.
    """
    missing = [name for name in study.architectures if is_stand_in(ARCHITECTURES[name])]
    if missing:
        raise StudyError(
            f"{', '.join(missing)}: an architecture of your own; name its code again, as in "
            f"--architecture path/to/{missing[0]}.py"
        )


@dataclass(frozen=True)
class Override:
    """One `--set key.path=value` of the command line."""

    path: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read `key.path=value`, the value as YAML.

        >>> Override.parse("confirm.seeds=3")
        Override(path=('confirm', 'seeds'), value=3)
        """
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise StudyError(f"--set {text}: expected key.path=value, for instance confirm.seeds=3")
        try:
            return cls(tuple(key.split(".")), read_yaml(value))
        except YamlTextError as error:
            raise StudyError(f"--set {text}: '{value}' is not valid YAML: {error}") from None

    def apply(self, written: dict[str, Any]) -> dict[str, Any]:
        """The study as written, with this value in its place; nothing else changes."""
        head, *rest = self.path
        if not rest:
            return written | {head: self.value}
        inner = written.get(head)
        below = Override(tuple(rest), self.value).apply(dict(inner) if isinstance(inner, Mapping) else {})
        return written | {head: below}


def load_study(config: str, overrides: Sequence[Override] = ()) -> Study:
    """The study of that name among the shipped ones, or of that path.

    Raises:
        StudyError: no such file, not YAML, or not a study; the message names file, key, value and remedy.
    """
    text = read_config(config)
    try:
        written = read_yaml(text)
    except YamlTextError as error:
        raise StudyError(f"{config}: not valid YAML: {error}") from None
    if not isinstance(written, dict) or not all(isinstance(key, str) for key in written):
        raise StudyError(f"{config}: a study is a mapping of keys to values; see configs/default.yaml")
    for override in overrides:
        written = override.apply(written)
    study = parse_study(written, f"{config}, as changed on the command line" if overrides else config)
    if study.dataset.path is None:
        return study
    # The study is read again from other folders: to resume, to report, to export.
    dataset = study.dataset.model_copy(update={"path": str(Path(study.dataset.path).absolute())})
    return study.model_copy(update={"dataset": dataset})


def read_config(config: str) -> str:
    """Text of a shipped study by its name, or of a file by its path."""
    if config in SHIPPED:
        return (resources.files("configs") / f"{config}.yaml").read_text(encoding="utf-8")
    try:
        with Path(config).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise StudyError(
                f"--config {config}: the file has more than {MAX_BYTES:,} bytes; a study has a few thousand"
            )
        return content.decode()
    except FileNotFoundError:
        shipped = f"the shipped studies are {', '.join(SHIPPED)}"
        raise StudyError(f"--config {config}: there is no such study and no such file; {shipped}") from None
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no path at all
        raise StudyError(f"--config {config}: the file cannot be read: {error}") from None


def parse_study(written: Mapping[str, Any], where: str) -> Study:
    """A study from the plain values of its YAML.

    Raises:
        StudyError: one sentence with file, key, value and remedy.
    """
    try:
        return Study.model_validate(written)
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None
    except ValidationError as error:
        raise StudyError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        *parents, name = problem["loc"]
        return f"{key}: unknown key; {nearest(str(name), _keys_at(parents))}"
    if problem["type"] == "missing":
        return f"{key}: the study needs this key, and it is missing"
    message = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{key}: {problem['input']!r} will not do: {message}"


def _keys_at(path: Sequence[int | str]) -> list[str]:
    """Names of the keys that the study knows at this place."""
    model: Any = Study
    for part in path:
        annotation = model.model_fields[part].annotation if _is_model(model) else typing.get_args(model)[1]
        model = annotation
    return list(model.model_fields) if _is_model(model) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def study_yaml(study: Study) -> str:
    """The resolved study, every default written out, as YAML that `load_study` reads back to an equal study."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
