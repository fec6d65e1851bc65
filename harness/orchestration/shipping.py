"""What a worker on another machine needs: the code of this one, and the same versions of what it computes with."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness import provenance
from harness.errors import EnvironmentMismatchError, describe

PACKAGES = ("harness", "architectures", "configs")
"""Code that travels: a machine of the cluster has Ray and the dependencies, and nothing of ours."""

_MUST_AGREE = ("python", "torch", "torchvision", "ray", "numpy", "pydantic")
_ANSWER_SECONDS = 300.0  # a machine may fetch and unpack the code first, on a slow network


def runtime_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Ray's `runtime_env` that has every worker find this code under its own names.

    Args:
        environment: variables that workers need when they start.
    """
    modules = [str(_folder(name)) for name in PACKAGES]
    return {
        "py_modules": modules,
        "env_vars": {name: os.environ.get(name, value) for name, value in environment.items()},
    }


def _folder(package: str) -> Path:
    source = importlib.import_module(package).__file__
    if source is None:
        raise EnvironmentMismatchError(f"the package '{package}' has no folder that could be sent to other machines")
    return Path(source).parent


def check_nodes(nodes: Sequence[Mapping[str, Any]]) -> None:
    """Have every machine of the cluster import the code that travelled, and name its versions.

    Raises:
        EnvironmentMismatchError: a machine cannot, or has another version of what results depend on.
    """
    here = provenance.versions()
    asked = []
    for node in nodes:
        place = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
        task = ray.remote(_versions_there).options(num_cpus=0, scheduling_strategy=place, max_retries=0)
        asked.append((node["NodeManagerHostname"], task.remote()))  # two machines may have one name
    for name, answer in asked:
        try:
            there = ray.get(answer, timeout=_ANSWER_SECONDS)
        except (ray.exceptions.RayError, ray.exceptions.GetTimeoutError) as error:
            raise EnvironmentMismatchError(
                f"machine {name} of the cluster cannot run this code: {describe(error)[:400]}"
            ) from None
        if differences := differing(here, there):
            raise EnvironmentMismatchError(
                f"machine {name} of the cluster has {', '.join(differences)}; install the same versions everywhere"
            )


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Packages of which a machine has another version, in words."""
    return [
        f"{package} {there[package]} instead of {here[package]}"
        for package in _MUST_AGREE
        # A build for another device, as in 2.9.0+cu130 and 2.9.0+cpu, is the same version.
        if here[package].partition("+")[0] != there[package].partition("+")[0]
    ]


def _versions_there() -> dict[str, str]:
    """Runs on each machine."""
    import harness.execution  # noqa: F401  # what trials import first: torch, and every module that travelled

    return provenance.versions()
