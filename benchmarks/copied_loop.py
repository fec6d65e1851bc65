"""The common DataLoader loop: torchvision's MNIST, ToTensor, Normalize, batch size 64.

It follows PyTorch's MNIST example (github.com/pytorch/examples, mnist/main.py), but uses the
optimizer of the harness's architectures.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW, Optimizer
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from harness.data.sources.mnist import CHECKSUMS, mnist_cache

BATCH_SIZE = 64


def torchvision_folder(root: Path) -> Path:
    """Make a folder for torchvision's MNIST, with links to the cached raw files."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in CHECKSUMS:
        if not (raw / name).exists():
            (raw / name).symlink_to(mnist_cache() / name)
    return root


def loader(root: Path, train: bool, indices: range | list[int], batch_size: int = BATCH_SIZE) -> DataLoader:
    """Return a loader for some of the images, which processes one image at a time."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    return DataLoader(
        Subset(datasets.MNIST(str(root), train=train, transform=transform), indices),
        batch_size=batch_size,
        shuffle=train,
    )


def train_epoch(model: nn.Module, batches: DataLoader, optimizer: Optimizer) -> None:
    """Train for one epoch."""
    model.train()
    for images, labels in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()


def accuracy(model: nn.Module, batches: DataLoader) -> float:
    """Compute the fraction of images that the model classifies correctly."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in batches:
            correct += int((model(images).argmax(1) == labels).sum())
            total += len(labels)
    return correct / total


def optimizer_of(model: nn.Module, learning_rate: float) -> Optimizer:
    """Return the optimizer of the harness's architectures, without fused kernels."""
    return AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
