"""Provenance of a run: versions, commit, hashes of the code, hardware and command."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from packaging.requirements import InvalidRequirement, Requirement

from architectures import Architecture
from harness.errors import EnvironmentMismatchError
from harness.version import __version__

_SOURCE = (":(top)harness", ":(top)architectures", ":(top)configs", ":(top)pyproject.toml")
ENGINE = "engine"
"""Key in `code_fingerprints` for the code that every trial uses."""

_ENGINE_SOURCE = (
    "architectures/architecture.py",
    "architectures/hyperparameters.py",
    "harness/data",
    "harness/records/trial.py",
    "harness/training",
)
_OPTIONAL = ("timm",)
_PACKAGES = ("torch", "torchvision", "ray", "numpy", "pandas", "scikit-learn", "scipy", "matplotlib", "pydantic")


def versions() -> dict[str, str]:
    """Return the versions of Python, the harness and the packages that results depend on."""
    found = {"python": platform.python_version(), "harness": __version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    for package in _OPTIONAL:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def check_torchvision(installed: Mapping[str, str], requirements: list[str] | None) -> None:
    """Check that torchvision was built for the installed torch, without importing them.

    Importing them would take seconds.

    Args:
        installed: Versions by package.
        requirements: Requirements of the installed torchvision.

    Raises:
        EnvironmentMismatchError: They do not match.
    """
    for text in requirements or []:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name == "torch" and not requirement.specifier.contains(
            installed["torch"].partition("+")[0], prereleases=True
        ):
            raise EnvironmentMismatchError(
                f"torchvision {installed['torchvision']} needs torch{requirement.specifier}, but torch "
                f"{installed['torch']} is installed; run: pip install --upgrade torch torchvision"
            )


def check_environment() -> None:
    """Check that the required packages are installed and match.

    Raises:
        EnvironmentMismatchError: A package is missing, or torch and torchvision do not match.
    """
    installed = versions()
    for package in ("torch", "torchvision", "ray"):
        if installed[package] == "not installed":
            raise EnvironmentMismatchError(f"{package} is not installed; run: pip install -e .")
    check_torchvision(installed, metadata.requires("torchvision"))


def commit() -> tuple[str | None, bool | None]:
    """Return the commit of the source, and whether the source differs from the commit.

    Both are None if the source is not in a repository. Untracked source files count as a
    difference. Files that runs write, such as reports, do not.
    """
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=here, capture_output=True, text=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "--short=12", "HEAD")
    tracked = git("ls-files", "--error-unmatch", Path(__file__).name)
    if head is None or tracked is None:
        return None, None
    return head, bool(git("status", "--porcelain", "--", *_SOURCE))


def code_fingerprints(architectures: Iterable[Architecture]) -> dict[str, str]:
    """Return hashes of the code that results depend on: the engine, and each architecture.

    The registry of architectures is not included, because adding an architecture does not change
    the results of the others.
    """
    root = Path(__file__).resolve().parents[2]
    files = [path for place in _ENGINE_SOURCE for path in _python_files(root / place)]
    fingerprints = {ENGINE: _hash(files)}
    for architecture in architectures:
        build: Any = architecture.build
        module = sys.modules.get(getattr(build, "func", build).__module__)  # a partial's own module is functools
        source = getattr(module, "__file__", None)
        fingerprints[architecture.name] = (
            _hash(_files_of(str(getattr(module, "__name__", "")), Path(source))) if source else "unknown"
        )
    return fingerprints


def _files_of(module: str, source: Path) -> list[Path]:
    """Return the source file of an architecture, or all files if it is in the user's package."""
    top, _, below = module.partition(".")
    if not below or top == "architectures":
        return [source]
    return _python_files(source.parents[below.count(".")])


def _python_files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def hardware() -> dict[str, Any]:
    """Return processor, cores, memory in GiB, GPUs and operating system of this machine."""
    return {
        "cpu": _processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else _cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": _gpus(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _cores() -> int:
    return psutil.cpu_count() or 1


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module is used instead
    return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """Return the names of NVIDIA GPUs from nvidia-smi, so that torch is not imported."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def command_line(arguments: list[str] | None = None) -> str:
    """Return the command line of this process, quoted for a shell."""
    return shlex.join(["python", "-m", "harness.run", *(sys.argv[1:] if arguments is None else arguments)])


_LOGGER_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}


def check_loggers(names: Sequence[str]) -> None:
    """Check that the packages of these loggers are installed.

    Raises:
        EnvironmentMismatchError: A package is missing.
    """
    for name in names:
        if importlib.util.find_spec(_LOGGER_PACKAGES[name]) is None:
            raise EnvironmentMismatchError(
                f"loggers: {name} needs the package {_LOGGER_PACKAGES[name]}, which is not installed; run: "
                f"python -m pip install '.[{name}]'"
            )
