"""Models of one shape as a single one: one program trains the seeds of a configuration together.

A small net leaves most of a GPU idle; ten of them, stacked, take little longer than one.
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

    No model sees anything of another one: outputs and gradients are those that each has alone, to rounding.

    Args:
        models: as they begin; they are copied. Their forward pass may draw no random numbers.
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
        self._skeleton = [skeleton]  # in a list, so that it is no submodule

    def stacked_buffer(self, name: str) -> Tensor:
        """A buffer of all models, (S, ...), by its name in one of them."""
        return self.get_buffer(_key(name))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (S, B, classes) of images (S, B, C, H, W), or of (B, C, H, W) that all models see."""
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
        """Take over parameters and buffers of as many models, in the same memory."""
        states = [model.state_dict() for model in models]
        with torch.no_grad():
            for key, value in self.state_dict().items():
                name = self._names[key]
                if name in states[0]:  # masks are drawn anew, and no part of a model's state
                    value.copy_(torch.stack([state[name] for state in states]))

    def unstack(self, models: Sequence[nn.Module]) -> None:
        """Write parameters and buffers back to the models, in the order in which they were stacked."""
        stacked = {self._names[key]: value for key, value in self.state_dict().items()}
        with torch.no_grad():
            for index, model in enumerate(models):
                for name, value in model.state_dict().items():
                    value.copy_(stacked[name][index])


def _computes_in_fp32(norm: nn.Module) -> None:
    """Have a batch norm take and give values of a lower precision, and compute in fp32, as it does outside of `vmap`.

    Under `vmap` torch passes it a made-up weight of the input's type, and then refuses running statistics of another
    type (pytorch#192617).
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
    # A dot would mean a submodule.
    return name.replace(".", "/")
