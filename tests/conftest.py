"""Small data sets and trials for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from patience import patience

from architectures import BUILT_IN, InputShape
from harness.data.dataset import Normalisation, SealedTest, Split, TrainingData
from harness.records.trial import EpochResult, Phase, Scalar, Status, TrialRecord, TrialSpec

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("any machine"), max_examples=400)
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Adapt the timeout to the speed of this machine, unless the command line sets one."""
    # On a busy machine, threads of torch that spin while they wait make training 100 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if config.option.timeout is None:
        config.option.timeout = round(patience(float(config.getini("timeout"))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check that every test has a docstring that states the fact it proves."""
    silent = [item.nodeid for item in items if isinstance(item, pytest.Function) and not item.function.__doc__]
    if silent:
        raise pytest.UsageError(f"tests without a docstring: {', '.join(silent)}")


SHAPE = InputShape(channels=1, height=12, width=12)
CLASSES = ("left", "right", "top", "bottom")


def striped_split(images: int, seed: int) -> Split:
    """Create noisy images with a bright stripe at one of four borders.

    One epoch is enough to learn them.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(images, dtype=np.int64) % len(CLASSES)
    generator.shuffle(labels)
    pixels = generator.integers(0, 60, (images, 1, SHAPE.height, SHAPE.width), dtype=np.uint8)
    stripes = (np.s_[:, :4], np.s_[:, -4:], np.s_[:4, :], np.s_[-4:, :])
    for image, label in zip(pixels, labels, strict=True):
        image[0][stripes[label]] += 150
    return Split(pixels, labels)


@pytest.fixture(scope="session")
def toy_data() -> TrainingData:
    """400 training and 200 validation images of four classes."""
    return TrainingData(
        name="stripes",
        classes=CLASSES,
        shape=SHAPE,
        train=striped_split(400, seed=1),
        validation=striped_split(200, seed=2),
        normalisation=Normalisation(mean=(0.3,), std=(0.25,)),
        fingerprint="stripes",
    )


@pytest.fixture(scope="session")
def toy_test() -> SealedTest:
    """300 sealed test images of the same four classes."""
    return SealedTest(striped_split(300, seed=3))


MakeSpec = Callable[..., TrialSpec]


@pytest.fixture(scope="session")
def make_spec() -> MakeSpec:
    """Factory of specifications with the defaults of an architecture and a small budget."""

    def make(architecture: str = "mlp", phase: Phase = Phase.SEARCH, seed: int = 0, **changes: Scalar) -> TrialSpec:
        values = {"epochs": 2, "batch_size": 32} | changes
        hyperparameters = BUILT_IN[architecture].hyperparameters.model_validate(values)
        return TrialSpec(
            phase=phase,
            architecture=architecture,
            hyperparameters=hyperparameters.model_dump(),
            seed=seed,
            dataset="stripes",
        )

    return make


MakeRecord = Callable[..., TrialRecord]


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """Factory of trial records with the given validation accuracies."""

    def make(
        spec: TrialSpec,
        accuracies: tuple[float, ...] = (0.5, 0.9),
        status: Status = Status.COMPLETED,
        loss: float = 0.3,
        **fields: object,
    ) -> TrialRecord:
        epochs = tuple(
            EpochResult(
                epoch=number,
                train_loss=loss,
                validation_loss=loss,
                validation_accuracy=accuracy,
                train_images=400,
                train_seconds=1.0,
                validation_seconds=0.1,
            )
            for number, accuracy in enumerate(accuracies, start=1)
        )
        values = {"started_at": 100.0, "ended_at": 110.0} | fields
        return TrialRecord(trial_id=spec.trial_id, spec=spec, status=status, epochs=epochs, **values)

    return make
