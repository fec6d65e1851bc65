"""Sending the code to the machines of a cluster, and checking the versions installed there."""

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
"""Packages that are sent to the cluster, whose machines have only Ray and the dependencies."""

_MUST_AGREE = ("python", "torch", "torchvision", "ray", "numpy", "pydantic")
_ANSWER_SECONDS = 300.0  # on a slow network, a machine needs time to fetch and unpack the code first


@dataclass(frozen=True)
class Packed:
    """Code that is sent to a cluster.

    Attributes:
        runtime_env: Ray's runtime environment, with the code and the user's architectures.
        sources: Sources of the user's architectures, as workers can import them.
    """

    runtime_env: Mapping[str, Any]
    sources: tuple[str, ...]


def pack(environment: Mapping[str, str], sources: Sequence[str], scratch: Path) -> Packed:
    """Pack the code of the harness and the user's architectures.

    Args:
        environment: Environment variables that workers need when they start.
        sources: Sources of the user's architectures.
        scratch: Folder for copies of the user's files. It is needed until they have been sent.

    Raises:
        EnvironmentMismatchError: An architecture cannot be sent.
    """
    names, folders = pack_own(sources, scratch)
    modules = [str(folder) for folder in (*map(_folder, PACKAGES), *folders)]
    variables = {name: os.environ.get(name, value) for name, value in environment.items()}
    return Packed({"py_modules": modules, "env_vars": variables}, tuple(names))


def pack_own(sources: Sequence[str], scratch: Path) -> tuple[list[str], list[Path]]:
    """Return the sources as workers can import them, and the packages that must be sent for them.

    Raises:
        EnvironmentMismatchError: A source cannot be sent.
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
                Argument("architecture", source),
                ": this module has no source file, so it cannot be sent to the cluster; give a file or a package",
            )
    if (scratch / SHIPPED_PACKAGE).is_dir():
        folders.append(scratch / SHIPPED_PACKAGE)
    return names, list(dict.fromkeys(folders))


def _copied(file: Path, number: int, attribute: str, scratch: Path) -> str:
    """Copy a file into the package that is sent, and return the source to import it from there."""
    package = scratch / SHIPPED_PACKAGE
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    module = f"own_{number}"
    shutil.copy(file, package / f"{module}.py")
    return f"{SHIPPED_PACKAGE}.{module}:{attribute}" if attribute else f"{SHIPPED_PACKAGE}.{module}"


def _folder(package: str) -> Path:
    source = importlib.import_module(package).__file__
    if source is None:
        raise EnvironmentMismatchError(
            f"the package '{package}' has no folder, so it cannot be sent to the cluster; install this project again"
        )
    return Path(source).parent


def check_nodes(nodes: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> None:
    """Import the code on every machine of the cluster, and compare the installed versions.

    Raises:
        EnvironmentMismatchError: A machine cannot import the code, or it has another version of a
            package that results depend on.
    """
    here = provenance.versions()
    asked = []
    for node in nodes:
        place = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
        task = ray.remote(_versions_there).options(num_cpus=0, scheduling_strategy=place, max_retries=0)
        asked.append((node["NodeManagerHostname"], task.remote(sources)))  # a list: host names may repeat
    for name, answer in asked:
        try:
            there = ray.get(answer, timeout=_ANSWER_SECONDS)
        except ray.exceptions.RayError as error:
            raise EnvironmentMismatchError(
                f"machine {name} of the cluster cannot run this code: {describe(error)[:400]}"
            ) from None
        if differences := differing(here, there):
            raise EnvironmentMismatchError(
                f"machine {name} of the cluster has {', '.join(differences)}; install the same versions on all machines"
            )


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return a text for each package with another version on the other machine."""
    return [
        f"{package} {there[package]} instead of {here[package]}"
        for package in _MUST_AGREE
        # Builds for different devices, such as 2.9.0+cu130 and 2.9.0+cpu, are the same version.
        if here[package].partition("+")[0] != there[package].partition("+")[0]
    ]


def _versions_there(sources: Sequence[str]) -> dict[str, str]:
    """Import all code that trials need on another machine, and return the versions there."""
    import harness.training.execution  # noqa: F401  # imports torch and every module that was sent

    load_architectures(sources)
    return provenance.versions()
