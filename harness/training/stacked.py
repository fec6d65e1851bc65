"""Models of one architecture stacked into one, to train the seeds of a configuration together.

A small network leaves most of a GPU idle. Ten stacked networks take little longer than one.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.modules.batchnorm import _BatchNorm


class Stacked(nn.Module):
    """S models with the same layers; parameters and buffers have a leading dimension S.

    The models are independent. Except for rounding, each has the same outputs and gradients as if
    it were trained alone.

    Args:
        models: Models with their initial weights, which are copied. Their forward pass must not
            draw random numbers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        parameters, buffers = stack_module_state(list(models))
        self._names = {_key(name): name for name in [*parameters, *buffers]}
        for name, value in parameters.items():
            self.register_parameter(_key(name), nn.Parameter(value.detach()))
        for name, value in buffers.items():
            self.register_buffer(_key(name), value)
        self.dimensions = {_key(name): value.ndim - 1 for name, value in parameters.items()}
        skeleton = copy.deepcopy(models[0]).to("meta")
        for layer in skeleton.modules():
            if isinstance(layer, _BatchNorm):
                _computes_in_fp32(layer)
        self._skeleton = [skeleton]  # in a list, so that it is not registered as a submodule

    def stacked_buffer(self, name: str) -> Tensor:
        """Return a buffer of all models, (S, ...), by its name in a single model."""
        return self.get_buffer(_key(name))

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute logits (S, B, classes).

        The images are (S, B, C, H, W), or (B, C, H, W) if all models use the same images.
        """
        [skeleton] = self._skeleton
        skeleton.train(self.training)
        state = {self._names[key]: value for key, value in [*self.named_parameters(), *self.named_buffers()]}

        def forward_one(state_of_one: dict[str, Tensor], images: Tensor) -> Tensor:
            logits: Tensor = functional_call(skeleton, state_of_one, (images,))
            return logits

        over_images = 0 if inputs.ndim == 5 else None
        logits: Tensor = vmap(forward_one, in_dims=(0, over_images), randomness="error")(state, inputs)
        return logits

    def load(self, models: Sequence[nn.Module]) -> None:
        """Copy parameters and buffers from S models, in place."""
        states = [model.state_dict() for model in models]
        with torch.no_grad():
            for key, value in self.state_dict().items():
                name = self._names[key]
                if name in states[0]:  # dropout masks are not part of a model's state
                    value.copy_(torch.stack([state[name] for state in states]))

    def unstack(self, models: Sequence[nn.Module]) -> None:
        """Copy parameters and buffers to S models, in the order in which they were stacked."""
        stacked = {self._names[key]: value for key, value in self.state_dict().items()}
        with torch.no_grad():
            for index, model in enumerate(models):
                for name, value in model.state_dict().items():
                    value.copy_(stacked[name][index])


def _computes_in_fp32(norm: nn.Module) -> None:
    """Make a batch norm compute in fp32 for inputs and outputs of lower precision.

    Batch norm does this by itself outside `vmap`. Under `vmap`, torch passes it a substitute weight
    of the input's type, and then rejects running statistics of another type (pytorch#192617).
    """
    given: list[torch.dtype] = []

    def widen(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        given.append(inputs[0].dtype)
        return (inputs[0].float(),)

    def narrow(_: nn.Module, __: tuple[Tensor], output: Tensor) -> Tensor:
        return output.to(given.pop())

    norm.register_forward_pre_hook(widen)
    norm.register_forward_hook(narrow)


def _key(name: str) -> str:
    # Names of parameters must not contain a dot.
    return name.replace(".", "/")
