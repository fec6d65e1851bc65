"""Where pixels come from: sources, checksums, splits. `load_dataset` is the way in.

It may import the study and the records; torchvision only where it downloads.
"""

from harness.data.dataset import Normalisation, SealedTest, Split, TrainingData
from harness.data.loading import LoadedDataset, load_dataset

__all__ = [
    "LoadedDataset",
    "Normalisation",
    "SealedTest",
    "Split",
    "TrainingData",
    "load_dataset",
]
