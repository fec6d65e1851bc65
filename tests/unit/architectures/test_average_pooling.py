"""Tests of average pooling as a convolution."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from architectures.average_pooling import AveragePool2x2
from harness.training import build_model


def gradients(layer: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    pooled = layer(images)
    generator = torch.Generator().manual_seed(1)
    pooled.backward(torch.randn(pooled.shape, generator=generator).to(pooled.dtype))
    return pooled.detach(), images.grad


@pytest.mark.parametrize("shape", [(4, 6, 28, 28), (3, 16, 10, 10), (2, 1, 2, 2), (2, 3, 9, 8), (2, 3, 8, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_outputs_and_gradients_equal_those_of_torch(shape, dtype, layout) -> None:
    """Outputs and gradients equal those of `nn.AvgPool2d(2)` for every size, type and layout."""
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype).to(memory_format=layout)
    for ours, theirs in zip(gradients(AveragePool2x2(), images), gradients(nn.AvgPool2d(2), images), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6 if dtype is torch.float32 else 1e-2)


def test_autocast_keeps_fp32() -> None:
    """Under autocast, pooling of fp32 images stays in fp32, as in torch."""
    images = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        pooled = AveragePool2x2()(images)
    assert pooled.dtype is torch.float32
    torch.testing.assert_close(pooled, nn.AvgPool2d(2)(images), rtol=1e-6, atol=1e-6)


def test_vmap_gives_the_gradients_of_each_batch() -> None:
    """Under vmap, the gradients of each batch equal those that it has alone."""
    images = torch.rand(3, 2, 4, 6, 5).permute(0, 1, 4, 2, 3)[..., :4, :6]
    assert images[0].stride(1) == 1

    def loss(batch: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        return layer(batch).square().sum()

    together = torch.func.vmap(torch.func.grad(lambda batch: loss(batch, AveragePool2x2())))(images)
    for one, batch in zip(together, images, strict=True):
        torch.testing.assert_close(one, torch.func.grad(lambda batch: loss(batch, nn.AvgPool2d(2)))(batch))


def test_lenet5_uses_this_pooling(toy_data, make_spec) -> None:
    """Both pooling layers of LeNet-5 use this class, with images in the layout that it needs."""
    model = build_model(make_spec("lenet5"), toy_data.shape, 4)
    layers = [layer for layer in model.modules() if isinstance(layer, AveragePool2x2)]
    strides = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, inputs: strides.append(inputs[0].stride(1)))
    model(torch.zeros(2, *toy_data.train.images.shape[1:]).to(memory_format=torch.channels_last))
    assert strides == [1, 1]
