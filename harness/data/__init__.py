"""Loading of image data sets: sources, checksums and splits. The entry point is `load_dataset`.

This package may import the study and the records. It imports torchvision only to download.
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
