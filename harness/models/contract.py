"""Checks that every architecture must pass, with the error and the remedy for each.

The tests check the built-in architectures. `python -m harness.check` checks a user's architecture.
"""

from __future__ import annotations

import copy
import inspect
import io
import json
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from architectures import Architecture, InputShape
from harness.errors import describe

CLASSES = 10
_NUMBERS_OF_CLASSES = (2, 10, 62)
_LEARNT_BY_HEART = 32
_STEPS = 150
_LEARNING_RATES = (3e-3, 5e-4)  # a deep network without normalisation needs the smaller one
_KINDS = (bool, int, float, str, type(None))


class BreachError(Exception):
    """A check failed; the message contains the reason and the remedy."""


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        check: Name of the check, a key of `CHECKS`.
        breach: What is wrong and how to fix it; None if the check passed.
    """

    check: str
    breach: str | None


def check_architecture(architecture: Architecture, shape: InputShape, classes: int = CLASSES) -> Iterator[Finding]:
    """Run all checks in order; stop if a check fails that the later ones depend on.

    Args:
        architecture: Architecture to check.
        shape: Shape of the test images.
        classes: Number of classes. One check also tries other numbers.

    Yields:
        The result of each check.
    """
    contender = Contender(architecture, shape, classes)
    for name, check in CHECKS.items():
        try:
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(contender)
        except BreachError as error:
            yield Finding(name, str(error))
            if name in _NEEDED_BY_ALL:
                return
        except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
            yield Finding(name, f"it raises {describe(error)}")
            if name in _NEEDED_BY_ALL:
                return
        else:
            yield Finding(name, None)


class Contender:
    """An architecture under test, with the shape and number of classes to test it with."""

    def __init__(self, architecture: Architecture, shape: InputShape, classes: int = CLASSES) -> None:
        self.architecture = architecture
        self.shape = shape
        self.classes = classes

    def build(self, classes: int | None = None, seed: int = 0, changes: Mapping[str, float] | None = None) -> nn.Module:
        """Build a model with a seed; `changes` overrides defaults of the hyperparameters."""
        torch.manual_seed(seed)
        hyperparameters = self.architecture.hyperparameters.model_validate(changes or {})
        return self.architecture.build(hyperparameters, self.shape, classes or self.classes)

    def images(self, count: int) -> Tensor:
        """Return random images, the same for every call."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(count, self.shape.channels, self.shape.height, self.shape.width, generator=generator)

    def labels(self, count: int) -> Tensor:
        """Return labels that cycle through all classes."""
        return torch.arange(count) % self.classes


def _hyperparameters(contender: Contender) -> None:
    kind = contender.architecture.hyperparameters
    defaults = kind().model_dump()
    unlike = [name for name, value in defaults.items() if not isinstance(value, _KINDS)]
    if unlike:
        raise BreachError(
            f"hyperparameter {unlike[0]} is a {type(defaults[unlike[0]]).__name__}, but only numbers, strings and "
            "booleans are supported; split it into several, or select its value by a string"
        )
    if kind.model_validate(json.loads(kind().model_dump_json())).model_dump() != defaults:
        raise BreachError("its hyperparameters change when they are written to JSON and read back; use plain types")
    try:
        kind.model_validate({"no_such_hyperparameter": 1})
    except ValueError:
        return
    raise BreachError(
        "it accepts unknown hyperparameters, so a misspelt name would be ignored; remove extra='allow' from its "
        "model_config"
    )


def _builds(contender: Contender) -> None:
    try:
        model = contender.build()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
        raise BreachError(
            f"build raises {describe(error)}; it must work when called as build(hyperparameters, shape, classes)"
        ) from None
    if not isinstance(model, nn.Module):
        raise BreachError(f"build returns a {type(model).__name__}; return an nn.Module")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise BreachError(
            "the model has no trainable parameters; assign layers to self, and lists of layers as nn.ModuleList"
        )


def _logits(contender: Contender) -> None:
    for classes in dict.fromkeys((contender.classes, *_NUMBERS_OF_CLASSES)):
        try:
            logits = contender.build(classes).eval()(contender.images(5))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
            raise BreachError(
                f"with {_words(contender.shape)} images and {classes} classes it raises {describe(error)}; compute "
                "layer sizes from shape and classes instead of using constants"
            ) from None
        if not isinstance(logits, Tensor):
            raise BreachError(f"it returns a {type(logits).__name__}; return only the tensor of logits")
        if logits.shape != (5, classes):
            raise BreachError(
                f"for 5 images and {classes} classes it returns the shape {tuple(logits.shape)}, not (5, {classes}); "
                "end with a linear layer that has one output per class"
            )
        if not logits.dtype.is_floating_point or not torch.isfinite(logits).all():
            raise BreachError(
                "its logits are not finite floating-point numbers; look for divisions by zero and logarithms of zero"
            )


def _not_probabilities(contender: Contender) -> None:
    logits = contender.build().eval()(10 * contender.images(16))
    sums = logits.sum(1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        raise BreachError(
            "it returns probabilities, but the loss applies a softmax too, which slows learning down; return the input "
            "of the softmax"
        )


def _alone_as_in_a_batch(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(6)
    with torch.no_grad():
        alone, together = model(batch[2:3]), model(batch)[2:3]
    if alone.shape != together.shape or not torch.allclose(alone, together, rtol=1e-3, atol=1e-4):
        raise BreachError(
            "in evaluation mode the logits of an image depend on the other images in the batch; compute nothing over "
            "dimension 0, and use batch statistics in training mode only"
        )


def _repeats(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(6)
    with torch.no_grad():
        first, second = model(batch), model(batch)
    if not torch.equal(first, second):
        raise BreachError(
            "in evaluation mode a second pass over the same images gives different logits; draw random numbers and "
            "change state only if self.training (for dropout use nn.Dropout or F.dropout(x, p, self.training))"
        )


def _leaves_its_input(contender: Contender) -> None:
    model, batch = contender.build(), contender.images(6)
    before = batch.clone()
    model(batch)
    if not torch.equal(batch, before):
        raise BreachError(
            "it modifies its input images; do not use in-place operations on the input (x += 1, x.clamp_(), or "
            "ReLU(inplace=True) as the first layer)"
        )


def _learns_with_all_of_it(contender: Contender) -> None:
    model = contender.build()
    # Several steps are needed: a ReLU unit can be inactive for a whole batch. If the last layer of
    # a residual branch starts at zero, the layers before it have no gradient in the first step.
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    dead = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    for batch in torch.split(contender.images(64), 16):
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(model(batch), contender.labels(16)))
        dead -= {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        if not dead:
            return
        optimizer.step()
    raise BreachError(
        f"{', '.join(sorted(dead)[:5])} never get a gradient; use them in forward without detach() or no_grad(), or "
        "remove them"
    )


def _weights_from_the_seed(contender: Contender) -> None:
    first, second, other = (contender.build(seed=seed).state_dict() for seed in (0, 0, 1))
    differing = [name for name in first if not torch.equal(first[name], second[name])]
    if differing:
        raise BreachError(
            f"the same seed gives different weights ({differing[0]}); draw them with torch's global generator, not "
            "with numpy or random"
        )
    if all(torch.equal(first[name], other[name]) for name in first):
        raise BreachError("all seeds give the same weights; do not call torch.manual_seed in build")


def _is_copied(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(3)
    try:
        travelled = pickle.loads(pickle.dumps(model))  # safe: the bytes come from this process
        copied = copy.deepcopy(model)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
        raise BreachError(
            f"it cannot be sent to a worker: {describe(error)}; define layers and functions at module level, not as "
            "lambdas or inside functions"
        ) from None
    with torch.no_grad():
        expected = model(batch)
        if not (torch.equal(travelled(batch), expected) and torch.equal(copied(batch), expected)):
            raise BreachError("a copy of it gives different logits; keep all state in parameters and buffers")


def _is_saved(contender: Contender) -> None:
    model, batch = contender.build(), contender.images(16)
    for _ in range(2):  # update running statistics, such as those of batch norm
        model.train()(batch)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = contender.build(seed=1)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    with torch.no_grad():
        if not torch.allclose(model.eval()(batch), other.eval()(batch), rtol=1e-4, atol=1e-5):
            raise BreachError(
                "a model loaded from its saved weights gives different logits; keep all state in parameters and "
                "buffers (self.register_buffer)"
            )


def _overfits(contender: Contender) -> None:
    fields = contender.architecture.hyperparameters.model_fields
    changes = {name: 0.0 for name in fields if name.endswith(("dropout", "drop_rate"))}
    batch, labels = contender.images(_LEARNT_BY_HEART), contender.labels(_LEARNT_BY_HEART)
    best = 0
    for learning_rate in _LEARNING_RATES:
        model = contender.build(changes=changes).train()
        for module in model.modules():  # dropout prevents overfitting, so it is switched off
            if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
                module.p = 0.0
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            logits = model(batch)
            best = max(best, int((logits.argmax(1) == labels).sum()))
            if best == _LEARNT_BY_HEART:
                return
            torch.autograd.backward(cross_entropy(logits, labels))
            optimizer.step()
    raise BreachError(
        f"it cannot overfit {_LEARNT_BY_HEART} images: only {best} are correct after {_STEPS} steps; look for a layer "
        "that is too narrow, an activation after the last layer, or discarded inputs"
    )


def _is_described(contender: Contender) -> None:
    if not contender.architecture.summary.strip():
        raise BreachError("it has no summary; describe in one sentence what it is and why it is compared")
    build = contender.architecture.build
    try:
        inspect.signature(build).bind(None, None, None)
    except TypeError:
        raise BreachError(
            "build does not accept three arguments; define build(hyperparameters, shape, classes), or a class with "
            "__init__(self, hyperparameters, shape, classes)"
        ) from None


def _words(shape: InputShape) -> str:
    return f"{shape.channels}x{shape.height}x{shape.width}"


CHECKS: Mapping[str, Callable[[Contender], None]] = {
    "has a summary and a build function": _is_described,
    "has hyperparameters with plain types and defaults": _hyperparameters,
    "builds a model": _builds,
    "returns one logit per class": _logits,
    "returns logits, not probabilities": _not_probabilities,
    "treats each image of a batch independently": _alone_as_in_a_batch,
    "is deterministic in evaluation mode": _repeats,
    "does not modify its input": _leaves_its_input,
    "trains every parameter": _learns_with_all_of_it,
    "takes its initial weights from the seed": _weights_from_the_seed,
    "can be copied and sent to workers": _is_copied,
    "can be saved and loaded": _is_saved,
    f"can overfit {_LEARNT_BY_HEART} images": _overfits,
}
"""Name of each check, a predicate of "it", to a function that raises `BreachError`."""

_NEEDED_BY_ALL = (
    "has a summary and a build function",
    "has hyperparameters with plain types and defaults",
    "builds a model",
    "returns one logit per class",
)
