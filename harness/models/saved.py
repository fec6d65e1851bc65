"""Saved models: weights in a safetensors file and a description in a JSON file next to it."""

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
    """Description of a saved model, sufficient to rebuild it and load its weights.

    Attributes:
        architecture: Name of the architecture in the registry.
        hyperparameters: All hyperparameters.
        shape: Channels, height and width of the input.
        classes: Names of the classes, in the order of the outputs.
        mean: Mean of each channel of the training images (pixels from 0 to 1).
        std: Standard deviation of each channel of the training images (pixels from 0 to 1).
        dataset: Data set that the model was trained on.
        fingerprint: Fingerprint of that data set.
        seed: Seed of the confirm trial.
        precision: Precision of the evaluation on the test split.
        threads: CPU threads of the evaluation on the test split.
        test_accuracy: Accuracy on the test split, as in the report.
        background: `dark` or `light` if over 95 % of the grey training images have such a border.
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
        """Normalisation of the input."""
        return Normalisation(self.mean, self.std)


def matching_test(path: Path, saved: SavedModel, data_dir: Path | None) -> Split:
    """Load the test split that a model was evaluated on.

    Args:
        path: File of the description, for error messages.
        saved: Description of the model.
        data_dir: Folder of the data files; None for the user's cache.

    Raises:
        HarnessError: If the data cannot be loaded, or its fingerprint differs.
    """
    loaded = load_dataset(saved.dataset, data_dir)
    if loaded.provenance.fingerprint != saved.fingerprint:
        raise RunFolderError(
            f"{path}: the model was trained on data with fingerprint {saved.fingerprint}, but the data has now "
            f"{loaded.provenance.fingerprint}; ",
            *former_data(saved.dataset),
        )
    return loaded.test.open(Phase.CONFIRM)


def read_saved_model(path: Path) -> SavedModel:
    """Read the description of a model from its JSON file.

    Raises:
        RunFolderError: If the file cannot be read or is not the description of a model.
    """
    try:
        return SavedModel.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunFolderError(f"{path}: it cannot be read: {error.strerror}; give models/<architecture>.json") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise RunFolderError(
            f"{path}: it is not the description of a model ({key or 'file'}: {problem['msg']}); give "
            "models/<architecture>.json of a run"
        ) from None


def load_model(path: Path, registry: Registry = BUILT_IN) -> tuple[SavedModel, nn.Module]:
    """Rebuild a model from its JSON file and the safetensors file with the same name.

    Raises:
        HarnessError: If a file is missing or damaged, or the weights do not fit the architecture.
    """
    saved = read_saved_model(path)
    architecture = registry.get(saved.architecture)
    if architecture is None or is_stand_in(architecture):
        raise HarnessError(
            f"{path}: the code of architecture '{saved.architecture}' is not loaded; if it is your own architecture, "
            "name its source, as in ",
            Argument("architecture", f"path/to/{saved.architecture}.py"),
        )
    # Imported here because these import torch, which takes seconds and no description needs.
    from safetensors import SafetensorError
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
