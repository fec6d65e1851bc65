"""Models from specifications, and what they cost."""

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
    """The model of a trial on the CPU, initialised from the trial's identity.

    Args:
        spec: which architecture, with which hyperparameters.
        shape: of the images.
        classes: how many.
        registry: where the architecture is found.

    Raises:
        ValueError: the architecture cannot take images of this shape, or does not give logits for these classes.
    """
    architecture = registry[spec.architecture]
    hyperparameters = architecture.hyperparameters.model_validate(spec.hyperparameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed("initialisation", spec.stream_id))
        model = architecture.build(hyperparameters, shape, classes)
        check_logits(model, shape, classes)
    return in_its_layout(seed_dropouts(model), architecture, shape)


def in_its_layout(model: nn.Module, architecture: Architecture, shape: InputShape) -> nn.Module:
    """The model in the memory layout that it is trained in: channels last, where it convolves and does not mind.

    One that looks at the layout, as `x.view(...)` behind a convolution does, keeps the ordinary one.
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
    """Accept a model that gives one logit for each class: with more of them a loss can be computed, and means nothing.

    Raises:
        ValueError: it gives something else.
    """
    training = model.training
    with torch.no_grad():
        logits = model.eval()(torch.zeros(2, shape.channels, shape.height, shape.width))
    model.train(training)
    if not isinstance(logits, Tensor) or logits.shape != (2, classes) or not logits.is_floating_point():
        given = (
            f"{logits.dtype} of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        )
        raise ValueError(f"the model must give floating-point logits (B, {classes}); of 2 images it gave {given}")


def summarise(model: nn.Module, shape: InputShape) -> ModelSummary:
    """Parameters, multiply-adds of one image's forward pass, and bytes of parameters and buffers."""
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
    """Parameters and buffers as safetensors, in the ordinary memory layout."""
    return safetensors.torch.save(for_safetensors(model.state_dict()))


def for_safetensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, in the ordinary memory layout; none shares memory, which safetensors would refuse."""
    return {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()
    }


def summarise_default(architecture: Architecture, shape: InputShape, classes: int) -> ModelSummary:
    """What the default configuration of an architecture costs."""
    with torch.device("meta"):
        return summarise(architecture.build(architecture.hyperparameters(), shape, classes), shape)
