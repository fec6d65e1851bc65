"""Types for the inference cost of a model: latency and throughput."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import RunFolderError
from harness.records.trial import Frozen, Placement

LATENCY_BATCH = 1
THROUGHPUT_BATCH = 512


class Quartiles(Frozen):
    """Median and quartiles of repeated measurements."""

    low: Annotated[float, Field(ge=0.0)]
    median: Annotated[float, Field(ge=0.0)]
    high: Annotated[float, Field(ge=0.0)]


class Cost(Frozen):
    """Inference cost of one confirmed model, from uint8 images on the device to logits.

    It is measured after training, while no trial runs. Each model is warmed up, the device is
    synchronised, and the models take turns.

    Attributes:
        architecture: Name of the architecture in the registry.
        placement: Where and how the cost was measured; None if the measurement failed.
        latency: Seconds for a batch of 1; None if the measurement failed.
        throughput: Images per second in batches of 512; None if the measurement failed.
        reason: Why the measurement failed; None if it did not.
    """

    architecture: str
    placement: Placement | None = None
    latency: Quartiles | None = None
    throughput: Quartiles | None = None
    reason: str | None = None


_COSTS = TypeAdapter(tuple[Cost, ...])


def costs_json(costs: tuple[Cost, ...]) -> bytes:
    """Format costs as JSON for `read_costs`."""
    return _COSTS.dump_json(costs, indent=2) + b"\n"


def read_costs(path: Path) -> tuple[Cost, ...]:
    """Read the costs of a run; empty if the run was interrupted before they were measured.

    Raises:
        RunFolderError: If the file cannot be read or is damaged.
    """
    try:
        return _COSTS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunFolderError(f"{path}: it cannot be read: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        raise RunFolderError(
            f"{path}: it is not a list of costs ({problem['msg']}); restore the file from a backup"
        ) from None
