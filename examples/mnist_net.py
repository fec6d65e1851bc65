"""The network of PyTorch's MNIST example: two convolutions, dropout, two linear layers."""

import torch
from torch import nn

from architectures import Architecture


class Net(nn.Module):
    def __init__(self, _, shape, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(shape.channels, 32, 3), nn.Conv2d(32, 64, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1 = nn.Linear(64 * ((shape.height - 4) // 2) * ((shape.width - 4) // 2), 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        x = self.dropout1(torch.max_pool2d(x, 2)).flatten(1)
        return self.fc2(self.dropout2(torch.relu(self.fc1(x))))


ARCHITECTURE = Architecture(name="mnist_net", summary="The network of PyTorch's MNIST example.", build=Net)
