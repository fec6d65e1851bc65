"""Where numbers come from: versions, commit, hardware."""

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
"""What `code_fingerprints` calls the code that every trial runs through."""

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
    """Versions of Python, of the harness and of what it computes with."""
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
    """Check that torchvision was built for this torch; importing the two to find out takes seconds.

    Args:
        installed: versions by package.
        requirements: what torchvision says that it needs.

    Raises:
        EnvironmentMismatchError: they do not match; says what to install.
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
    """Refuse an environment that cannot work, before anything long begins.

    Raises:
        EnvironmentMismatchError: torch and torchvision are missing or do not match.
    """
    installed = versions()
    for package in ("torch", "torchvision", "ray"):
        if installed[package] == "not installed":
            raise EnvironmentMismatchError(f"{package} is not installed; run: pip install -e .")
    check_torchvision(installed, metadata.requires("torchvision"))


def commit() -> tuple[str | None, bool | None]:
    """Commit of the source and whether the source differs from it; None for both outside a repository.

    Source is what a run is made of; a file that git does not know yet counts, what runs write does not.
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
    """What the numbers of a trial come from, as hashes of source: of the engine, and of each architecture's file.

    The registry is not among it: one more architecture changes no number of the others.
    """
    root = Path(__file__).resolve().parents[2]
    files = [path for place in _ENGINE_SOURCE for path in _python_files(root / place)]
    fingerprints = {ENGINE: _hash(files)}
    for architecture in architectures:
        build: Any = architecture.build
        module = sys.modules.get(getattr(build, "func", build).__module__)  # of a partial, its own is functools
        source = getattr(module, "__file__", None)
        fingerprints[architecture.name] = (
            _hash(_files_of(str(getattr(module, "__name__", "")), Path(source))) if source else "unknown"
        )
    return fingerprints


def _files_of(module: str, source: Path) -> list[Path]:
    """The file of an architecture; of one in a package of the user's own, every file of that package."""
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
    """Processor, cores, memory in GiB and GPUs of this machine, and its system."""
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
        pass  # not Linux: the platform knows a name
    return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """Names of the NVIDIA devices, asked of the driver's own tool so that torch need not be imported."""
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
    """The command that was given, as one would type it."""
    return shlex.join(["python", "-m", "harness.run", *(sys.argv[1:] if arguments is None else arguments)])


_LOGGER_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}


def check_loggers(names: Sequence[str]) -> None:
    """See that the packages of these loggers are there, before anything is run.

    Raises:
        EnvironmentMismatchError: one is missing.
    """
    for name in names:
        if importlib.util.find_spec(_LOGGER_PACKAGES[name]) is None:
            raise EnvironmentMismatchError(
                f"loggers: {name} needs the package {_LOGGER_PACKAGES[name]}, which is not installed; install it with "
                f"python -m pip install '.[{name}]'"
            )
