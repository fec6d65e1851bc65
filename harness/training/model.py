"""Construction of models from specifications, and their size."""

from __future__ import annotations

from collections.abc import Mapping

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from architectures import BUILT_IN, Architecture, InputShape, Registry
from harness.records.trial import ModelSummary, TrialSpec, stream_seed
from harness.training.dropout import seed_dropouts


def build_model(spec: TrialSpec, shape: InputShape, classes: int, registry: Registry = BUILT_IN) -> nn.Module:
    """Build the model of a trial on the CPU, with initial weights seeded by the trial's identity.

    Args:
        spec: Specification of the trial.
        shape: Shape of the images.
        classes: Number of classes.
        registry: Registry with the architecture.

    Raises:
        ValueError: If the architecture does not support images of this shape, or does not return
            one logit per class.
    """
    architecture = registry[spec.architecture]
    hyperparameters = architecture.hyperparameters.model_validate(spec.hyperparameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed("initialisation", spec.stream_id))
        model = architecture.build(hyperparameters, shape, classes)
        check_logits(model, shape, classes)
    return in_its_layout(seed_dropouts(model), architecture, shape)


def in_its_layout(model: nn.Module, architecture: Architecture, shape: InputShape) -> nn.Module:
    """Convert a model to the memory layout for training: channels last if it is convolutional.

    A model that fails in this layout, for example with `x.view(...)` after a convolution, stays in
    the contiguous layout.
    """
    if not architecture.convolutional:
        return model.to(memory_format=torch.contiguous_format)
    training = model.training
    images = torch.zeros(2, shape.channels, shape.height, shape.width)
    model = model.to(memory_format=torch.channels_last).eval()
    try:
        with torch.no_grad():
            model(images.contiguous(memory_format=torch.channels_last))
    except RuntimeError:
        model = model.to(memory_format=torch.contiguous_format)
    return model.train(training)


def check_logits(model: nn.Module, shape: InputShape, classes: int) -> None:
    """Check that a model returns one logit per class.

    With more logits, the loss could be computed but would be meaningless.

    Raises:
        ValueError: If the model returns anything else.
    """
    training = model.training
    with torch.no_grad():
        logits = model.eval()(torch.zeros(2, shape.channels, shape.height, shape.width))
    model.train(training)
    if not isinstance(logits, Tensor) or logits.shape != (2, classes) or not logits.is_floating_point():
        given = (
            f"{logits.dtype} of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        )
        raise ValueError(
            f"the model must return floating-point logits (B, {classes}); for 2 images it returned {given}"
        )


def summarise(model: nn.Module, shape: InputShape) -> ModelSummary:
    """Compute the size of a model and the multiply-adds of the forward pass of one image."""
    device = next(model.parameters()).device
    image = torch.zeros(1, shape.channels, shape.height, shape.width, device=device)
    training = model.training
    model.eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(image)
    model.train(training)
    tensors = [*model.parameters(), *model.buffers()]
    return ModelSummary(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=counter.get_total_flops() // 2,
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    )


def weights(model: nn.Module) -> bytes:
    """Return parameters and buffers as safetensors, in the contiguous memory layout."""
    return safetensors.torch.save(for_safetensors(model.state_dict()))


def for_safetensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU in the contiguous layout; safetensors rejects shared memory."""
    return {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()
    }


def summarise_default(architecture: Architecture, shape: InputShape, classes: int) -> ModelSummary:
    """Compute the size of the default configuration of an architecture."""
    with torch.device("meta"):
        return summarise(architecture.build(architecture.hyperparameters(), shape, classes), shape)
