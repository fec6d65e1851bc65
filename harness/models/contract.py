"""What every architecture must do, as checks that say what is wrong and how to mend it.

The registry's own architectures are held to them by the tests, and a user's by `python -m harness.check`.
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
_LEARNING_RATES = (3e-3, 5e-4)  # a deep net without normalisation wants the smaller one
_KINDS = (bool, int, float, str, type(None))


class BreachError(Exception):
    """The contract is not kept; the message says how, and what to do."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: what it looks at.
        breach: what is wrong and how to mend it; None when nothing is.
    """

    check: str
    breach: str | None


def check_architecture(architecture: Architecture, shape: InputShape, classes: int = CLASSES) -> Iterator[Finding]:
    """Every check, one after the other; none after one without which the others have no meaning.

    Args:
        architecture: what is checked.
        shape: of the images that it must take.
        classes: that it must tell apart, besides other numbers of them.
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
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything
            yield Finding(name, f"it raises {describe(error)}")
            if name in _NEEDED_BY_ALL:
                return
        else:
            yield Finding(name, None)


class Contender:
    """An architecture with the images that it is checked with."""

    def __init__(self, architecture: Architecture, shape: InputShape, classes: int = CLASSES) -> None:
        self.architecture = architecture
        self.shape = shape
        self.classes = classes

    def build(self, classes: int | None = None, seed: int = 0, changes: Mapping[str, float] | None = None) -> nn.Module:
        """A model with this seed, and these hyperparameters besides the defaults."""
        torch.manual_seed(seed)
        hyperparameters = self.architecture.hyperparameters.model_validate(changes or {})
        return self.architecture.build(hyperparameters, self.shape, classes or self.classes)

    def images(self, count: int) -> Tensor:
        """Noise, the same every time."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(count, self.shape.channels, self.shape.height, self.shape.width, generator=generator)

    def labels(self, count: int) -> Tensor:
        """Every class in turn."""
        return torch.arange(count) % self.classes


def _hyperparameters(contender: Contender) -> None:
    kind = contender.architecture.hyperparameters
    defaults = kind().model_dump()
    unlike = [name for name, value in defaults.items() if not isinstance(value, _KINDS)]
    if unlike:
        raise BreachError(
            f"hyperparameter {unlike[0]} is a {type(defaults[unlike[0]]).__name__}; studies and tables hold numbers, "
            "texts and booleans only: split it, or name it by a text"
        )
    if kind.model_validate(json.loads(kind().model_dump_json())).model_dump() != defaults:
        raise BreachError("its hyperparameters do not survive being written as JSON; use plain types")
    try:
        kind.model_validate({"no_such_hyperparameter": 1})
    except ValueError:
        return
    raise BreachError(
        "it takes hyperparameters that do not exist, so a misspelt one would go unnoticed; remove extra='allow' from "
        "its model_config"
    )


def _builds(contender: Contender) -> None:
    try:
        model = contender.build()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything
        raise BreachError(
            f"build raises {describe(error)}; it is called as build(hyperparameters, shape, classes)"
        ) from None
    if not isinstance(model, nn.Module):
        raise BreachError(f"build gives a {type(model).__name__}; return an nn.Module")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise BreachError(
            "the model has no parameters to train; assign layers to self, and lists of them as nn.ModuleList"
        )


def _logits(contender: Contender) -> None:
    for classes in dict.fromkeys((contender.classes, *_NUMBERS_OF_CLASSES)):
        try:
            logits = contender.build(classes).eval()(contender.images(5))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything
            raise BreachError(
                f"with images {_words(contender.shape)} and {classes} classes it raises {describe(error)}; compute "
                "sizes from shape and classes instead of writing them down"
            ) from None
        if not isinstance(logits, Tensor):
            raise BreachError(f"it gives a {type(logits).__name__}; return the tensor of logits alone")
        if logits.shape != (5, classes):
            raise BreachError(
                f"of 5 images and {classes} classes it gives the shape {tuple(logits.shape)}, not (5, {classes}); "
                "end with a linear layer of as many outputs as classes"
            )
        if not logits.dtype.is_floating_point or not torch.isfinite(logits).all():
            raise BreachError(
                "its logits are not finite floating-point numbers; look for divisions and logarithms of 0"
            )


def _not_probabilities(contender: Contender) -> None:
    logits = contender.build().eval()(10 * contender.images(16))
    sums = logits.sum(1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        raise BreachError(
            "it gives probabilities, and the loss takes a softmax of them again, which learns badly; return what goes "
            "into the softmax"
        )


def _alone_as_in_a_batch(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(6)
    with torch.no_grad():
        alone, together = model(batch[2:3]), model(batch)[2:3]
    if alone.shape != together.shape or not torch.allclose(alone, together, rtol=1e-3, atol=1e-4):
        raise BreachError(
            "in evaluation mode an image gives another answer in a batch than alone, so accuracy depends on the "
            "neighbours; compute nothing over dimension 0, and keep batch statistics to training mode"
        )


def _repeats(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(6)
    with torch.no_grad():
        first, second = model(batch), model(batch)
    if not torch.equal(first, second):
        raise BreachError(
            "in evaluation mode the same images give other answers the second time; draw random numbers, and change "
            "state, only if self.training (dropout as nn.Dropout, or F.dropout(x, p, self.training))"
        )


def _leaves_its_input(contender: Contender) -> None:
    model, batch = contender.build(), contender.images(6)
    before = batch.clone()
    model(batch)
    if not torch.equal(batch, before):
        raise BreachError(
            "it changes the images that it is given; replace operations in place on the input (x += 1, x.clamp_(), "
            "ReLU(inplace=True) as the first layer) by others"
        )


def _learns_with_all_of_it(contender: Contender) -> None:
    model = contender.build()
    # Some units are silent for some images, and what ends in a branch that begins with zeros, as in residual nets,
    # has its first gradient after the first step: over several, every parameter has its say.
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
        f"{', '.join(sorted(dead)[:5])} never get a gradient; use them in forward, without detach() or no_grad(), or "
        "leave them out"
    )


def _weights_from_the_seed(contender: Contender) -> None:
    first, second, other = (contender.build(seed=seed).state_dict() for seed in (0, 0, 1))
    differing = [name for name in first if not torch.equal(first[name], second[name])]
    if differing:
        raise BreachError(
            f"the same seed gives other weights ({differing[0]}); draw them with torch, not with numpy or random, and "
            "from the global generator"
        )
    if all(torch.equal(first[name], other[name]) for name in first):
        raise BreachError("every seed gives the same weights; do not call torch.manual_seed in build")


def _is_copied(contender: Contender) -> None:
    model, batch = contender.build().eval(), contender.images(3)
    try:
        travelled = pickle.loads(pickle.dumps(model))  # what it was a moment ago, in this very process
        copied = copy.deepcopy(model)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything
        raise BreachError(
            f"it cannot be sent to a worker: {describe(error)}; define layers and functions at the top of the file, "
            "not as lambdas or inside functions"
        ) from None
    with torch.no_grad():
        expected = model(batch)
        if not (torch.equal(travelled(batch), expected) and torch.equal(copied(batch), expected)):
            raise BreachError("a copy of it gives other answers; keep all state in parameters and buffers")


def _is_saved(contender: Contender) -> None:
    model, batch = contender.build(), contender.images(16)
    for _ in range(2):  # statistics that are gathered in training mode
        model.train()(batch)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = contender.build(seed=1)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    with torch.no_grad():
        if not torch.allclose(model.eval()(batch), other.eval()(batch), rtol=1e-4, atol=1e-5):
            raise BreachError(
                "a model with its saved weights gives other answers; keep what it remembers in parameters and in "
                "buffers (self.register_buffer)"
            )


def _overfits(contender: Contender) -> None:
    fields = contender.architecture.hyperparameters.model_fields
    changes = {name: 0.0 for name in fields if name.endswith(("dropout", "drop_rate"))}
    batch, labels = contender.images(_LEARNT_BY_HEART), contender.labels(_LEARNT_BY_HEART)
    best = 0
    for learning_rate in _LEARNING_RATES:
        model = contender.build(changes=changes).train()
        for module in model.modules():  # what hinders learning by heart on purpose
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
        f"it cannot learn {_LEARNT_BY_HEART} images by heart: {best} after {_STEPS} steps; look for a layer that lets "
        "little through, an activation after the last layer, or inputs that are thrown away"
    )


def _is_described(contender: Contender) -> None:
    if not contender.architecture.summary.strip():
        raise BreachError("it has no summary; say in a sentence what it is and why it is here")
    build = contender.architecture.build
    try:
        inspect.signature(build).bind(None, None, None)
    except TypeError:
        raise BreachError(
            "build does not take three arguments; write build(hyperparameters, shape, classes), or a class with "
            "__init__(self, hyperparameters, shape, classes)"
        ) from None


def _words(shape: InputShape) -> str:
    return f"{shape.channels}x{shape.height}x{shape.width}"


CHECKS: Mapping[str, Callable[[Contender], None]] = {
    "is described": _is_described,
    "has hyperparameters of plain types with defaults": _hyperparameters,
    "builds a model": _builds,
    "gives one logit for each class": _logits,
    "gives logits, not probabilities": _not_probabilities,
    "answers alone as in a batch": _alone_as_in_a_batch,
    "answers the same twice": _repeats,
    "leaves its input as it was": _leaves_its_input,
    "learns with every parameter": _learns_with_all_of_it,
    "has its weights from the seed": _weights_from_the_seed,
    "is copied and sent to workers": _is_copied,
    "is saved and loaded": _is_saved,
    f"learns {_LEARNT_BY_HEART} images by heart": _overfits,
}
"""Name of each check to what raises `BreachError`."""

_NEEDED_BY_ALL = (
    "is described",
    "has hyperparameters of plain types with defaults",
    "builds a model",
    "gives one logit for each class",
)
