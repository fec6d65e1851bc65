"""Architectures from the models of torchvision and timm."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters
from architectures.own.errors import OwnArchitectureError

if TYPE_CHECKING:
    from torch import nn


def _torchvision(model: str) -> Architecture:
    if importlib.util.find_spec("torchvision.models") is None:
        raise OwnArchitectureError(
            f"torchvision:{model}: torchvision is not installed; run: python -m pip install torchvision"
        )
    from torchvision import models

    known = models.list_models(module=models)
    if model not in known:
        raise OwnArchitectureError(
            f"torchvision:{model}: torchvision has no such classification model; choose one of {', '.join(known)}"
        )
    return Architecture(
        name=model,
        summary=f"torchvision's {model}, without pretrained weights.",
        build=partial(_build_torchvision, model),
        reference=f"torchvision.models.{model}",
    )


_WITHOUT_SECOND_HEAD = ("googlenet", "inception_v3")  # in training they return the logits of several heads


def _build_torchvision(model: str, _: TrainingHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {"weights": None, "num_classes": classes}
    if model in _WITHOUT_SECOND_HEAD:
        options |= {"aux_logits": False, "init_weights": True}
    if model.startswith("vit_"):
        options |= {"image_size": shape.height}
    return _with_channels(models.get_model(model, **options), shape.channels)


def _with_channels(model: nn.Module, channels: int) -> nn.Module:
    """Replace the first convolution if its number of input channels differs from the images."""
    from torch import nn

    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            if layer.in_channels != channels:
                model.set_submodule(name, _convolution_like(layer, channels))
            break
    return model


def _convolution_like(layer: nn.Conv2d, channels: int) -> nn.Conv2d:
    from torch import nn

    replacement = nn.Conv2d(
        channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]  # torch's type is too wide
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        layer.dilation,  # type: ignore[arg-type]
        bias=layer.bias is not None,
        padding_mode=layer.padding_mode,
    )
    nn.init.kaiming_normal_(replacement.weight, mode="fan_out", nonlinearity="relu")
    return replacement


def _timm(model: str) -> Architecture:
    if importlib.util.find_spec("timm") is None:
        raise OwnArchitectureError(f"timm:{model}: timm is not installed; run: python -m pip install '.[timm]'")
    import timm

    if not timm.is_model(model):
        near = ", ".join(timm.list_models(f"*{model[:6]}*")[:8]) or "see timm.list_models()"
        raise OwnArchitectureError(f"timm:{model}: timm has no such model; similar names: {near}")
    return Architecture(
        name=f"timm_{model}",
        title=f"{model} (timm)",
        summary=f"timm's {model}, without pretrained weights.",
        build=partial(_build_timm, model),
        reference=f"timm {model}",
    )


def _build_timm(model: str, _: TrainingHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    import timm

    options: dict[str, Any] = {"pretrained": False, "num_classes": classes, "in_chans": shape.channels}
    try:  # transformers need the image size, and convolutional networks do not accept it
        built: nn.Module = timm.create_model(model, img_size=(shape.height, shape.width), **options)
    except TypeError:
        built = timm.create_model(model, **options)
    return built


LIBRARIES: Mapping[str, Callable[[str], Architecture]] = {"torchvision": _torchvision, "timm": _timm}
