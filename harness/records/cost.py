"""What a model costs when it is used: latency and throughput, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import RunFolderError
from harness.records.trial import Frozen, Placement

LATENCY_BATCH = 1
THROUGHPUT_BATCH = 512


class Quartiles(Frozen):
    """Median of repeated measurements, and the two quartiles around it."""

    low: Annotated[float, Field(ge=0.0)]
    median: Annotated[float, Field(ge=0.0)]
    high: Annotated[float, Field(ge=0.0)]


class Cost(Frozen):
    """Cost of one confirmed model, from uint8 images on the device to logits there.

    Measured after training, when no trial ran: warmed up, synchronised, all models in turns.

    Attributes:
        architecture: name in the registry.
        placement: where and how it was measured; None when it could not be.
        latency: seconds for a batch of 1; None when it could not be measured.
        throughput: images per second in batches of 512; None when it could not be measured.
        reason: why it could not be measured; None when it was.
    """

    architecture: str
    placement: Placement | None = None
    latency: Quartiles | None = None
    throughput: Quartiles | None = None
    reason: str | None = None


_COSTS = TypeAdapter(tuple[Cost, ...])


def costs_json(costs: tuple[Cost, ...]) -> bytes:
    """Costs as JSON that `read_costs` reads back to equal values."""
    return _COSTS.dump_json(costs, indent=2) + b"\n"


def read_costs(path: Path) -> tuple[Cost, ...]:
    """The costs of a run; none when the run was interrupted before they were measured.

    Raises:
        RunFolderError: the file is damaged.
    """
    try:
        return _COSTS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        raise RunFolderError(f"{path}: not a list of costs ({problem['msg']}); restore the file from a copy") from None
