"""Tests of the contract of an architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ConfigDict
from torch import nn
from torch.nn import functional

from architectures import Architecture, InputShape, TrainingHyperparameters
from harness.models.contract import CHECKS, check_architecture

SHAPE = InputShape(1, 12, 12)


class Sound(nn.Module):
    """A model that keeps the contract. Its subclasses break it in one place."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.hidden = nn.Linear(shape.pixels, 64)
        self.head = nn.Linear(64, classes)

    def forward(self, images):
        return self.head(torch.relu(self.hidden(images.flatten(1))))


class WrongOutputs(Sound):
    def forward(self, images):
        return super().forward(images)[:, :-1]


class IgnoresClasses(Sound):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__(hyperparameters, shape, 10)


class GivesATuple(Sound):
    def forward(self, images):
        return super().forward(images), None


class LeaksAcrossTheBatch(Sound):
    def forward(self, images):
        return super().forward(images - images.mean(0))


class HasNoGradient(Sound):
    def forward(self, images):
        return self.head(torch.relu(self.hidden(images.flatten(1))).detach())


class ChangesItsInput(Sound):
    def forward(self, images):
        return super().forward(images.mul_(0.5))


class IsRandomWhenEvaluated(Sound):
    def forward(self, images):
        return super().forward(functional.dropout(images, 0.2))


class HoldsAClosure(Sound):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__(hyperparameters, shape, classes)
        self.activation = lambda x: x * 2

    def forward(self, images):
        return super().forward(self.activation(images))


class DrawsElsewhere(Sound):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__(hyperparameters, shape, classes)
        with torch.no_grad():
            self.head.weight += torch.from_numpy(np.random.default_rng().normal(size=self.head.weight.shape)).float()


class SetsTheSeed(Sound):
    def __init__(self, hyperparameters, shape, classes):
        torch.manual_seed(0)
        super().__init__(hyperparameters, shape, classes)


class GivesProbabilities(Sound):
    def forward(self, images):
        return super().forward(images).softmax(1)


class ThrowsItsInputAway(Sound):
    def forward(self, images):
        return super().forward(images.mean((1, 2, 3), keepdim=True).expand_as(images))


class RemembersOutsideItsState(Sound):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__(hyperparameters, shape, classes)
        self.seen = 0.0

    def forward(self, images):
        if self.training:
            self.seen += 1.0
        return super().forward(images) + self.seen * self.head.bias.new_tensor(1.0) * images.mean((1, 2, 3))[:, None]


class HasAPlainListOfLayers(nn.Module):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.layers = [nn.Flatten(), nn.Linear(shape.pixels, classes)]

    def forward(self, images):
        return self.layers[1](self.layers[0](images))


class Raises(Sound):
    def __init__(self, hyperparameters, shape, classes):
        raise RuntimeError("no such layer")


def takes_two(shape, classes):
    return Sound(None, shape, classes)


FAULTS = {
    WrongOutputs: ("returns one logit per class", "one output per class"),
    IgnoresClasses: ("returns one logit per class", "one output per class"),
    GivesATuple: ("returns one logit per class", "return only the tensor of logits"),
    LeaksAcrossTheBatch: ("treats each image of a batch independently", "compute nothing over dimension 0"),
    HasNoGradient: ("trains every parameter", "hidden.bias, hidden.weight never get a gradient"),
    ChangesItsInput: ("does not modify its input", "do not use in-place operations"),
    IsRandomWhenEvaluated: ("is deterministic in evaluation mode", "only if self.training"),
    HoldsAClosure: ("can be copied and sent to workers", "not as lambdas or inside functions"),
    DrawsElsewhere: ("takes its initial weights from the seed", "draw them with torch"),
    SetsTheSeed: ("takes its initial weights from the seed", "do not call torch.manual_seed"),
    GivesProbabilities: ("returns logits, not probabilities", "return the input of the softmax"),
    ThrowsItsInputAway: ("can overfit 32 images", "discarded inputs"),
    RemembersOutsideItsState: ("can be saved and loaded", "register_buffer"),
    HasAPlainListOfLayers: ("builds a model", "nn.ModuleList"),
    Raises: ("builds a model", "RuntimeError: no such layer"),
    takes_two: ("has a summary and a build function", "define build(hyperparameters, shape, classes)"),
}


def breaches(architecture: Architecture) -> dict[str, str]:
    """Return the breach of each check that fails."""
    return {found.check: found.breach for found in check_architecture(architecture, SHAPE) if found.breach}


def test_a_correct_architecture_passes_every_check() -> None:
    """Every check runs and none finds a breach."""
    findings = list(check_architecture(Architecture(name="sound", summary="Sound.", build=Sound), SHAPE))
    assert [found.check for found in findings] == list(CHECKS)
    assert [found for found in findings if found.breach] == []


class BeginsABranchWithZeros(Sound):
    """A residual branch whose last layer starts with zeros, so that the branch adds nothing."""

    def __init__(self, hyperparameters, shape, classes):
        super().__init__(hyperparameters, shape, classes)
        self.inner, self.last = nn.Linear(64, 64), nn.Linear(64, 64)
        nn.init.zeros_(self.last.weight)

    def forward(self, images):
        hidden = torch.relu(self.hidden(images.flatten(1)))
        return self.head(hidden + self.last(torch.relu(self.inner(hidden))))


def test_a_branch_that_starts_with_zeros_is_allowed() -> None:
    """Inner layers that get a gradient only after the first step are not a breach."""
    assert breaches(Architecture(name="residual", summary="Residual.", build=BeginsABranchWithZeros)) == {}


@pytest.mark.parametrize("build", FAULTS, ids=lambda build: build.__name__)
def test_each_fault_is_found_with_its_remedy(build) -> None:
    """The check for each fault fails, with the remedy in its message."""
    check, remedy = FAULTS[build]
    found = breaches(Architecture(name="broken", summary="Broken.", build=build))
    assert remedy in found[check]


class TakesAnything(TrainingHyperparameters):
    """Hyperparameters that accept unknown names."""

    model_config = ConfigDict(extra="allow")


class HoldsAList(TrainingHyperparameters):
    """Hyperparameters with a value that does not fit in a table."""

    widths: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    ("kind", "remedy"), [(TakesAnything, "remove extra='allow'"), (HoldsAList, "widths is a tuple")]
)
def test_unsuitable_hyperparameters_are_found(kind, remedy) -> None:
    """Unknown names and values of other types than plain ones are breaches."""
    found = breaches(Architecture(name="broken", summary="Broken.", build=Sound, hyperparameters=kind))
    assert remedy in found["has hyperparameters with plain types and defaults"]


def test_an_architecture_without_a_summary_is_found() -> None:
    """Every architecture needs a summary for the report."""
    found = breaches(Architecture(name="mute", summary=" ", build=Sound))
    assert "it has no summary" in found["has a summary and a build function"]
