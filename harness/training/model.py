"""Models from specifications, and what they cost."""

from __future__ import annotations

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from architectures import ARCHITECTURES, Architecture, InputShape
from harness.training.dropout import seeded_dropout
from harness.training.pooling import quick_pooling
from harness.training.replacement import replace_layers
from harness.trial import ModelSummary, TrialSpec, stream_seed


def build_model(spec: TrialSpec, shape: InputShape, classes: int) -> nn.Module:
    """The model of a trial on the CPU, initialised from the trial's identity.

    Raises:
        ValueError: the architecture cannot take images of this shape, or does not give logits for these classes.
    """
    architecture = ARCHITECTURES[spec.architecture]
    hyperparameters = architecture.hyperparameters.model_validate(spec.hyperparameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed("initialisation", spec.stream_id))
        model = architecture.build(hyperparameters, shape, classes)
        check_logits(model, shape, classes)
    for replacement in (seeded_dropout, quick_pooling):
        model = replace_layers(model, replacement)
    layout = torch.channels_last if architecture.convolutional else torch.contiguous_format
    return model.to(memory_format=layout)


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
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    return safetensors.torch.save(tensors)


def summarise_default(architecture: Architecture, shape: InputShape, classes: int) -> ModelSummary:
    """What the default configuration of an architecture costs."""
    with torch.device("meta"):
        return summarise(architecture.build(architecture.hyperparameters(), shape, classes), shape)
