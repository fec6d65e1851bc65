"""Tests that every registered architecture keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import architectures
from architectures import BUILT_IN, Architecture, InputShape
from harness.models.contract import CHECKS, check_architecture

MNIST_SHAPE = InputShape(1, 28, 28)
SHAPES = (MNIST_SHAPE, InputShape(3, 32, 32), InputShape(1, 12, 20))
NO_CONTENDERS = {"__init__", "architecture", "average_pooling", "hyperparameters", "own", "registry"}


def build(architecture: Architecture, shape: InputShape = MNIST_SHAPE, classes: int = 10, **changes: object):
    torch.manual_seed(0)
    return architecture.build(architecture.hyperparameters(**changes), shape, classes)


def test_every_module_of_the_package_is_registered() -> None:
    """Every architecture file in architectures/ is in the registry under its own name."""
    files = {path.stem for path in Path(architectures.__file__).parent.glob("*.py")} - NO_CONTENDERS
    assert files == set(BUILT_IN)
    assert all(name == entry.name for name, entry in BUILT_IN.items())


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_architecture_keeps_the_contract(name: str, shape: InputShape) -> None:
    """Every check for architectures of users passes, on images of several shapes."""
    findings = list(check_architecture(BUILT_IN[name], shape))
    assert [found for found in findings if found.breach] == []
    assert len(findings) == len(CHECKS)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_unknown_hyperparameter_is_refused(name: str) -> None:
    """A misspelt hyperparameter is an error that names it."""
    with pytest.raises(ValueError, match="learnig_rate"):
        BUILT_IN[name].hyperparameters(learnig_rate=0.1)


def test_lenet5_has_the_published_layers() -> None:
    """LeNet-5 has 61,706 parameters on MNIST, four tanh layers and two average pooling layers."""
    model = build(BUILT_IN["lenet5"])
    assert sum(parameter.numel() for parameter in model.parameters()) == 61_706
    kinds = [type(module).__name__ for module in model]
    assert kinds.count("Tanh") == 4
    assert kinds.count("AveragePool2x2") == 2
    swapped = build(BUILT_IN["lenet5"], activation="relu", pooling="max")
    assert [type(module).__name__ for module in swapped][1:3] == ["ReLU", "MaxPool2d"]


@pytest.mark.parametrize("hidden_layers", [0, 1, 4])
def test_mlp_has_the_requested_hidden_layers(hidden_layers: int) -> None:
    """Hyperparameters set the depth and the width of the MLP."""
    model = build(BUILT_IN["mlp"], hidden_layers=hidden_layers, units=17, dropout=0.1)
    linear = [module for module in model if isinstance(module, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [17] * hidden_layers + [10]


@pytest.mark.parametrize(("name", "side"), [("lenet5", 11), ("simple_cnn", 3), ("advanced_cnn", 7)])
def test_an_image_that_is_too_small_is_refused(name: str, side: int) -> None:
    """The error of a convolutional network names the smallest possible image size."""
    with pytest.raises(ValueError, match=f"{name} needs images of at least"):
        build(BUILT_IN[name], InputShape(1, side, 40))
