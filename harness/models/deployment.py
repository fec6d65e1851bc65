"""Export of models to files that map pixels to probabilities without the harness."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from architectures import BUILT_IN, Registry
from harness.data.dataset import Normalisation
from harness.errors import Argument, EnvironmentMismatchError, RunFolderError, describe
from harness.models.saved import load_model
from harness.training.resident import Normaliser

Format = Literal["safetensors", "onnx", "exported-program"]
FORMATS: tuple[str, ...] = get_args(Format)
SUFFIXES = {"safetensors": ".safetensors", "onnx": ".onnx", "exported-program": ".pt2"}

Predictor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps images (N, channels, height, width) to probabilities (N, classes)."""

_AT_A_TIME = 250  # images


class Deployable(nn.Module):
    """A model with preprocessing and softmax: uint8 images (B, C, H, W) to probabilities."""

    scale: Tensor
    offset: Tensor

    def __init__(self, model: nn.Module, normalisation: Normalisation) -> None:
        super().__init__()
        self.model = model
        normaliser = Normaliser.of(normalisation, "cpu")
        self.register_buffer("scale", normaliser.scale)
        self.register_buffer("offset", normaliser.offset)

    def forward(self, images: Tensor) -> Tensor:
        """Return probabilities (B, classes)."""
        return torch.softmax(self.model(images.to(torch.float32) * self.scale + self.offset), dim=1)


def deployable(model_json: Path, registry: Registry = BUILT_IN) -> Deployable:
    """Load a saved model, with preprocessing, in evaluation mode.

    Raises:
        HarnessError: If the model cannot be loaded.
    """
    saved, model = load_model(model_json, registry)
    whole = Deployable(model.to(memory_format=torch.contiguous_format), saved.normalisation)
    return whole.eval()


def write_model(module: Deployable, example: NDArray[np.uint8], kind: str, path: Path) -> None:
    """Export a model with its preprocessing; the exported model accepts any batch size.

    Args:
        module: The model, in evaluation mode.
        example: Example images (N, C, H, W); N is at least 2.
        kind: `onnx` or `exported-program`.
        path: File to write.

    Raises:
        EnvironmentMismatchError: If the packages for ONNX are not installed.
        RunFolderError: If torch cannot export this model.
    """
    if kind == "onnx":
        check_onnx()
    try:
        _write(module, torch.from_numpy(example[:2].copy()), kind, path)
    except Exception as error:  # noqa: BLE001  # torch's exceptions have no common base class
        path.unlink(missing_ok=True)
        raise RunFolderError(
            f"{path}: torch cannot export this model as {kind} ({describe(error)[:300]}); an if statement that depends "
            "on pixel values cannot be exported, so replace it by tensor operations, or use ",
            Argument("format", "safetensors"),
        ) from None


def _write(module: Deployable, images: Tensor, kind: str, path: Path) -> None:
    shapes = {"images": {0: torch.export.Dim("batch")}}
    with torch.no_grad():
        if kind == "onnx":
            program = torch.onnx.export(
                module,
                (images,),
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=["images"],
                output_names=["probabilities"],
                verbose=False,
            )
            if program is None:
                raise RuntimeError("torch returned no ONNX program")
            program.save(path)
        else:
            torch.export.save(torch.export.export(module, (images,), dynamic_shapes=shapes), path)


def check_onnx() -> None:
    """Check that the packages for ONNX are installed.

    Raises:
        EnvironmentMismatchError: If a package is missing.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise EnvironmentMismatchError(f"ONNX export needs {', '.join(missing)}; run: python -m pip install '.[onnx]'")


def predictor(path: Path, registry: Registry = BUILT_IN) -> Predictor:
    """Load a model from the `.json` of a saved model, or from an exported `.pt2` or `.onnx` file.

    Raises:
        HarnessError: If the file has another type or cannot be loaded.
    """
    if path.suffix == ".json":
        return _in_torch(deployable(path, registry))
    if not path.is_file():
        raise RunFolderError(f"{path}: the file does not exist")
    if path.suffix == ".pt2":
        try:
            return _in_torch(torch.export.load(path).module())
        except Exception as error:  # noqa: BLE001  # torch may raise anything for damaged files
            raise RunFolderError(f"{path}: it cannot be loaded as an exported program: {error}") from None
    if path.suffix == ".onnx":
        return _in_onnx(path)
    raise RunFolderError(
        f"{path}: it is not a model file; give models/<architecture>.json of a run, or an exported .pt2 or .onnx file"
    )


def _in_torch(module: nn.Module) -> Predictor:
    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            parts = [module(part) for part in torch.split(torch.from_numpy(np.ascontiguousarray(images)), _AT_A_TIME)]
        answers: NDArray[np.float32] = torch.cat(parts).numpy()
        return answers

    return answer


def _in_onnx(path: Path) -> Predictor:
    check_onnx()
    import onnxruntime

    try:
        session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  # its exceptions have no common base class
        raise RunFolderError(f"{path}: it cannot be loaded as ONNX: {error}") from None

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        starts = range(0, len(images), _AT_A_TIME)
        return np.concatenate(
            [session.run(None, {"images": np.ascontiguousarray(images[i : i + _AT_A_TIME])})[0] for i in starts]
        )

    return answer
