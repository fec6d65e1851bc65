"""A model on disk: its weights as safetensors, and beside them what rebuilds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from architectures import BUILT_IN, InputShape, Registry
from architectures.own import is_stand_in
from harness.data import load_dataset
from harness.data.dataset import Normalisation, Split
from harness.errors import Argument, HarnessError, RunFolderError
from harness.records.trial import Frozen, Phase, Precision, Scalar
from harness.study import DatasetStudy, former_data

if TYPE_CHECKING:
    from torch import nn


class SavedModel(Frozen):
    """What rebuilds a model around its weights.

    Attributes:
        architecture: name in the registry.
        hyperparameters: every one of them.
        shape: channels, height and width of its input.
        classes: names of the classes, in the order of its outputs.
        mean: of each channel of the training images, on a scale from 0 to 1.
        std: standard deviation, likewise.
        dataset: what it was trained on.
        fingerprint: of those data.
        seed: of the confirm trial.
        precision: that it was tested in.
        threads: that it was tested with.
        test_accuracy: what the report says of it.
        background: `dark` or `light`, where the training images are grey and nearly all have such a border.
    """

    architecture: str
    hyperparameters: Mapping[str, Scalar]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dataset: DatasetStudy
    fingerprint: str
    seed: int
    precision: Precision
    threads: int
    test_accuracy: float
    background: Literal["dark", "light"] | None = None

    @property
    def normalisation(self) -> Normalisation:
        """Of its input."""
        return Normalisation(self.mean, self.std)


def matching_test(path: Path, saved: SavedModel, data_dir: Path | None) -> Split:
    """The test split that a model was tested on.

    Args:
        path: of the description, for the message of an error.
        saved: the description.
        data_dir: where the data files are; None for the user's cache.

    Raises:
        HarnessError: the data cannot be had, or are not those.
    """
    loaded = load_dataset(saved.dataset, data_dir)
    if loaded.provenance.fingerprint != saved.fingerprint:
        raise RunFolderError(
            f"{path}: the model belongs to data {saved.fingerprint}, and these are {loaded.provenance.fingerprint}; ",
            *former_data(saved.dataset),
        )
    return loaded.test.open(Phase.CONFIRM)


def read_saved_model(path: Path) -> SavedModel:
    """Read the JSON of a model.

    Raises:
        RunFolderError: it is not there, or not the description of a model.
    """
    try:
        return SavedModel.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}; give models/<architecture>.json") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise RunFolderError(f"{path}: not the description of a model ({key or 'file'}: {problem['msg']})") from None


def load_model(path: Path, registry: Registry = BUILT_IN) -> tuple[SavedModel, nn.Module]:
    """Rebuild a model from its JSON and the safetensors file of the same name beside it.

    Raises:
        HarnessError: a file is missing or damaged, or the weights do not fit the architecture.
    """
    saved = read_saved_model(path)
    architecture = registry.get(saved.architecture)
    if architecture is None or is_stand_in(architecture):
        raise HarnessError(
            f"{path}: there is no architecture '{saved.architecture}' that could be built; if it is your own, name its "
            "code, as in ",
            Argument("architecture", f"path/to/{saved.architecture}.py"),
        )
    from safetensors import SafetensorError  # torch takes seconds to import, and a description can be read without it
    from safetensors.torch import load_file

    from harness.training.model import in_its_layout

    weights = path.with_suffix(".safetensors")
    try:
        hyperparameters = architecture.hyperparameters.model_validate(saved.hyperparameters)
        model = architecture.build(hyperparameters, InputShape(*saved.shape), len(saved.classes))
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RunFolderError(f"{weights}: these weights cannot be loaded into {architecture.name}: {reason}") from None
    return saved, in_its_layout(model, architecture, InputShape(*saved.shape))
