"""What every registered architecture must do."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

import architectures
from architectures import ARCHITECTURES, Architecture, InputShape

MNIST_SHAPE = InputShape(1, 28, 28)
SHAPES = (MNIST_SHAPE, InputShape(3, 32, 32), InputShape(1, 12, 20))

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda entry: entry.name)


def build(architecture: Architecture, shape: InputShape = MNIST_SHAPE, classes: int = 10, **changes: object):
    torch.manual_seed(0)
    return architecture.build(architecture.hyperparameters(**changes), shape, classes)


def images(shape: InputShape, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, shape.channels, shape.height, shape.width, generator=generator)


def test_every_module_of_the_package_is_registered() -> None:
    """A file in architectures/ that defines a contender is in the registry under its own name."""
    folder = Path(architectures.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "architecture", "hyperparameters"}
    assert files == set(ARCHITECTURES)
    assert all(name == entry.name for name, entry in ARCHITECTURES.items())


@every_architecture
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("classes", [2, 10, 62])
def test_logits_have_one_finite_number_for_each_class(
    architecture: Architecture, shape: InputShape, classes: int
) -> None:
    """Any input shape and number of classes gives finite logits (B, classes)."""
    logits = build(architecture, shape, classes)(images(shape, 5))
    assert logits.shape == (5, classes)
    assert torch.isfinite(logits).all()


@every_architecture
def test_an_image_alone_gives_what_it_gives_in_a_batch(architecture: Architecture) -> None:
    """In evaluation mode no image depends on its neighbours."""
    model = build(architecture).eval()
    batch = images(MNIST_SHAPE, 6)
    with torch.inference_mode():
        torch.testing.assert_close(model(batch[2:3]), model(batch)[2:3], rtol=1e-4, atol=1e-5)


@every_architecture
def test_every_parameter_gets_a_gradient(architecture: Architecture) -> None:
    """Nothing in a model is left out of its training."""
    model = build(architecture)
    cross_entropy(model(images(MNIST_SHAPE, 8)), torch.arange(8)).backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@every_architecture
def test_it_overfits_32_images(architecture: Architecture) -> None:
    """A model that cannot learn 32 images by heart cannot learn."""
    changes = {"dropout": 0.0} if "dropout" in architecture.hyperparameters.model_fields else {}
    model = build(architecture, **changes).train()
    batch, labels = images(MNIST_SHAPE, 32), torch.arange(32) % 10
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(model(batch), labels).backward()
        optimizer.step()
    assert (model(batch).argmax(1) == labels).all()


@every_architecture
def test_the_same_seed_gives_the_same_weights(architecture: Architecture) -> None:
    """Initialisation draws from the seeded generator and from nothing else."""
    first, second = build(architecture).state_dict(), build(architecture).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.manual_seed(1)
    other = architecture.build(architecture.hyperparameters(), MNIST_SHAPE, 10).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


@every_architecture
def test_the_input_is_not_changed(architecture: Architecture) -> None:
    """A model leaves the batch that it is given as it was."""
    batch = images(MNIST_SHAPE, 4)
    before = batch.clone()
    build(architecture)(batch)
    assert torch.equal(batch, before)


@every_architecture
def test_it_travels_to_workers(architecture: Architecture) -> None:
    """Models pickle, copy and come back the same."""
    model = build(architecture).eval()
    batch = images(MNIST_SHAPE, 3)
    assert torch.equal(pickle.loads(pickle.dumps(model))(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


@every_architecture
def test_hyperparameters_refuse_what_they_do_not_know(architecture: Architecture) -> None:
    """A misspelt hyperparameter is an error, and defaults are valid."""
    with pytest.raises(ValueError, match="learnig_rate"):
        architecture.hyperparameters(learnig_rate=0.1)
    defaults = architecture.hyperparameters().model_dump()
    assert architecture.hyperparameters.model_validate(defaults).model_dump() == defaults


def test_lenet5_is_the_classic_one() -> None:
    """C1 6, C3 16, C5 120, F6 84 with tanh and average pooling, 61,706 parameters on MNIST."""
    model = build(ARCHITECTURES["lenet5"])
    assert sum(parameter.numel() for parameter in model.parameters()) == 61_706
    kinds = [type(module).__name__ for module in model]
    assert kinds.count("Tanh") == 4
    assert kinds.count("AvgPool2d") == 2
    swapped = build(ARCHITECTURES["lenet5"], activation="relu", pooling="max")
    assert [type(module).__name__ for module in swapped][1:3] == ["ReLU", "MaxPool2d"]


@pytest.mark.parametrize("hidden_layers", [0, 1, 4])
def test_mlp_has_the_hidden_layers_that_were_asked_for(hidden_layers: int) -> None:
    """Depth and width of the tunable perceptron are its hyperparameters."""
    model = build(ARCHITECTURES["mlp"], hidden_layers=hidden_layers, units=17, dropout=0.1)
    linear = [module for module in model if isinstance(module, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [17] * hidden_layers + [10]


@pytest.mark.parametrize(("name", "side"), [("lenet5", 11), ("simple_cnn", 3), ("advanced_cnn", 7)])
def test_an_image_that_is_too_small_is_refused_in_words(name: str, side: int) -> None:
    """Convolutional nets say which size they need."""
    with pytest.raises(ValueError, match=f"{name} needs images of at least"):
        build(ARCHITECTURES[name], InputShape(1, side, 40))
