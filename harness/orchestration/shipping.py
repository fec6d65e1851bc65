"""What a worker on another machine needs: the code of this one, and the same versions of what it computes with."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from architectures.own import SHIPPED_PACKAGE, file_of, module_of
from harness.errors import Argument, EnvironmentMismatchError, describe
from harness.runs import provenance
from harness.study import load_architectures

PACKAGES = ("harness", "architectures", "configs")
"""Code that travels: a machine of the cluster has Ray and the dependencies, and nothing of ours."""

_MUST_AGREE = ("python", "torch", "torchvision", "ray", "numpy", "pydantic")
_ANSWER_SECONDS = 300.0  # a machine may fetch and unpack the code first, on a slow network


@dataclass(frozen=True)
class Packed:
    """What is sent to a cluster.

    Attributes:
        runtime_env: Ray's, that has every worker find this code, and architectures of a user's own.
        sources: of these architectures, as workers know them.
    """

    runtime_env: Mapping[str, Any]
    sources: tuple[str, ...]


def pack(environment: Mapping[str, str], sources: Sequence[str], scratch: Path) -> Packed:
    """Pack this code and architectures of a user's own.

    Args:
        environment: variables that workers need when they start.
        sources: of the user's own architectures.
        scratch: folder for copies of a user's files; needed until they have been sent.

    Raises:
        EnvironmentMismatchError: an architecture cannot be sent.
    """
    names, folders = pack_own(sources, scratch)
    modules = [str(folder) for folder in (*map(_folder, PACKAGES), *folders)]
    variables = {name: os.environ.get(name, value) for name, value in environment.items()}
    return Packed({"py_modules": modules, "env_vars": variables}, tuple(names))


def pack_own(sources: Sequence[str], scratch: Path) -> tuple[list[str], list[Path]]:
    """What sources of architectures are called on the machines of a cluster, and the packages that must be sent there.

    Raises:
        EnvironmentMismatchError: a source cannot be sent.
    """
    names: list[str] = []
    folders: list[Path] = []
    for number, source in enumerate(sources):
        file = file_of(source)
        if file is not None:
            _, _, attribute = source.removeprefix(str(file)).partition(":")
            names.append(_copied(file, number, attribute, scratch))
            continue
        module, attribute = module_of(source)
        if module is None:
            names.append(source)
            continue
        top = importlib.import_module(module.partition(".")[0])
        if hasattr(top, "__path__"):
            folders.append(Path(next(iter(top.__path__))))
            names.append(f"{module}:{attribute}" if attribute else module)
        elif top.__file__ is not None:
            names.append(_copied(Path(top.__file__), number, attribute, scratch))
        else:
            raise EnvironmentMismatchError(
                Argument("architecture", source), ": has no file that could be sent to other machines"
            )
    if (scratch / SHIPPED_PACKAGE).is_dir():
        folders.append(scratch / SHIPPED_PACKAGE)
    return names, list(dict.fromkeys(folders))


def _copied(file: Path, number: int, attribute: str, scratch: Path) -> str:
    """Copy a file into the package that is sent, and give its name there."""
    package = scratch / SHIPPED_PACKAGE
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    module = f"own_{number}"
    shutil.copy(file, package / f"{module}.py")
    return f"{SHIPPED_PACKAGE}.{module}:{attribute}" if attribute else f"{SHIPPED_PACKAGE}.{module}"


def _folder(package: str) -> Path:
    source = importlib.import_module(package).__file__
    if source is None:
        raise EnvironmentMismatchError(f"the package '{package}' has no folder that could be sent to other machines")
    return Path(source).parent


def check_nodes(nodes: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> None:
    """Have every machine of the cluster import the code that travelled, and name its versions.

    Raises:
        EnvironmentMismatchError: a machine cannot, or has another version of what results depend on.
    """
    here = provenance.versions()
    asked = []
    for node in nodes:
        place = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
        task = ray.remote(_versions_there).options(num_cpus=0, scheduling_strategy=place, max_retries=0)
        asked.append((node["NodeManagerHostname"], task.remote(sources)))  # two machines may have one name
    for name, answer in asked:
        try:
            there = ray.get(answer, timeout=_ANSWER_SECONDS)
        except ray.exceptions.RayError as error:
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


def _versions_there(sources: Sequence[str]) -> dict[str, str]:
    """Runs on each machine."""
    import harness.training.execution  # noqa: F401  # what trials import first: torch, and every module that travelled

    load_architectures(sources)
    return provenance.versions()
