"""Tests of the classes of a data set."""

import numpy as np
import pytest

from harness.data.dataset import SealedTest, Split
from harness.errors import TestSplitSealedError
from harness.records.trial import Phase


def test_select_keeps_images_and_labels_together(whole: Split) -> None:
    """A selection has the images and labels of its indices, in their order."""
    chosen = whole.select(np.array([7, 3]))
    assert len(chosen) == 2
    assert np.array_equal(chosen.images, whole.images[[7, 3]])
    assert np.array_equal(chosen.labels, whole.labels[[7, 3]])


def test_the_test_split_is_sealed_in_the_search_phase(whole: Split) -> None:
    """Opening the test split in the search phase is an error."""
    with pytest.raises(TestSplitSealedError, match="search"):
        SealedTest(whole).open(Phase.SEARCH)


def test_the_test_split_opens_in_the_confirm_phase(whole: Split) -> None:
    """Opening the test split in the confirm phase returns it."""
    assert SealedTest(whole).open(Phase.CONFIRM) is whole
