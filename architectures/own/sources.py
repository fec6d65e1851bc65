"""Architectures of a user's own: a file, a module, an entry point of an installed package, or torchvision's and timm's.

Such code runs with the rights of whoever names it, so it is only ever loaded from where a command names it, never
from where a run folder says that it came from.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from architectures.architecture import Architecture
from architectures.hyperparameters import TrainingHyperparameters
from architectures.own.errors import OwnArchitectureError
from architectures.own.libraries import LIBRARIES

GROUP = "harness.architectures"
"""Entry points of installed packages: the name in the group, and what it stands for."""

ATTRIBUTE = "ARCHITECTURE"
"""What a file or a module calls its architecture, unless it has only one."""

_DIGEST = "__digest_of_its_source__"

SHIPPED_PACKAGE = "own_architectures"
"""Name under which files travel to the machines of a cluster."""


def absolute(source: str) -> str:
    """The source, its file with the whole path: a process may be started in another folder.

    >>> absolute("torchvision:resnet18")
    'torchvision:resnet18'
    """
    path, name = _file_and_name(source)
    return source if path is None else f"{path.absolute()}:{name}" if name else str(path.absolute())


def file_of(source: str) -> Path | None:
    """The file that a source names; None where it names something else."""
    return _file_and_name(source)[0]


def load(source: str) -> Architecture:
    """The architecture that a source names.

    Args:
        source: `path/to/file.py`, `package.module`, either with `:NAME` where it has several; the name of an entry
            point; `torchvision:MODEL` or `timm:MODEL`.

    Raises:
        OwnArchitectureError: there is none.
    """
    path, name = _file_and_name(source)
    if path is not None:
        return _only(_import_file(path), name, source)
    kind, _, model = source.partition(":")
    if kind in LIBRARIES and model:
        return LIBRARIES[kind](model)
    module, attribute = module_of(source)
    if module is None:
        raise OwnArchitectureError(f"{source}: is neither a file that ends in .py, nor package.module:NAME")
    return _only(_attempt(lambda: _import_module(module), source), attribute, source)


def module_of(source: str) -> tuple[str | None, str]:
    """Module and name that a source stands for, an entry point by what it points to; None where it names no module.

    >>> module_of("my_package.nets:SMALL"), module_of("torchvision:resnet18")
    (('my_package.nets', 'SMALL'), (None, ''))
    """
    for entry_point in metadata.entry_points(group=GROUP, name=source):
        return entry_point.module, entry_point.attr
    module, _, attribute = source.partition(":")
    if file_of(source) is not None or module in LIBRARIES or not all(part.isidentifier() for part in module.split(".")):
        return None, ""
    return module, attribute


def _file_and_name(source: str) -> tuple[Path | None, str]:
    """Path and name of `path/to/file.py:NAME`; None for what names no file."""
    if source.endswith(".py"):
        return Path(source), ""
    path, separator, name = source.rpartition(".py:")
    return (Path(f"{path}.py"), name) if separator else (None, "")


def _import_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # a console script does not look there
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise OwnArchitectureError(
            f"{path}: there is no such file; python -m harness.new NAME writes one to begin with"
        )
    path = path.absolute()
    # Found by its name when a model of it is unpickled; two files of one name are two modules.
    name = f"own_architecture_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    digest = zlib.crc32(path.read_bytes())
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, _DIGEST, None) == digest:
        return loaded  # one that was edited since, as in a notebook, is another one
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OwnArchitectureError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    setattr(module, _DIGEST, digest)
    sys.modules[name] = module
    loader = spec.loader
    try:
        _attempt(lambda: loader.exec_module(module), str(path))
    except OwnArchitectureError:
        del sys.modules[name]
        raise
    return module


def _attempt(import_it: Callable[[], Any], source: str) -> Any:
    """Import what is not ours: whatever it raises is said in a sentence."""
    try:
        return import_it()
    except ModuleNotFoundError as error:
        raise OwnArchitectureError(
            f"{source}: there is no module '{error.name}' that could be imported; install it, or, if it is a file of "
            "yours, put all into one file, or into a package named as package.module:NAME"
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture file may raise anything
        raise OwnArchitectureError(f"{source}: cannot be imported: {_where(error)}") from None


def _where(error: BaseException) -> str:
    """An exception in a line, with the place of its last frame."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if isinstance(error, SyntaxError) or trace is None:
        return text
    return f"{text} (line {trace.tb_lineno} of {Path(trace.tb_frame.f_code.co_filename).name})"


def _only(module: ModuleType, name: str, source: str) -> Architecture:
    """The architecture of that name in a module; without a name, the one that it declares."""
    if name:
        if not hasattr(module, name):
            raise OwnArchitectureError(f"{source}: there is no '{name}' in it")
        return _checked(getattr(module, name), source)
    if hasattr(module, ATTRIBUTE):
        return _checked(getattr(module, ATTRIBUTE), source)
    declared = [key for key, value in vars(module).items() if isinstance(value, Architecture)]
    if len(declared) != 1:
        several = f"it declares {', '.join(declared)}: name one as {source}:{declared[0]}" if declared else (
            "it declares no architecture: end it with ARCHITECTURE = Architecture(name=..., summary=..., build=...)"
        )  # fmt: skip
        raise OwnArchitectureError(f"{source}: {several}")
    return _checked(getattr(module, declared[0]), source)


def _checked(found: object, source: str) -> Architecture:
    if not isinstance(found, Architecture):
        raise OwnArchitectureError(
            f"{source}: is a {type(found).__name__} and no Architecture; declare "
            "ARCHITECTURE = Architecture(name=..., summary=..., build=...)"
        )
    if not (isinstance(found.hyperparameters, type) and issubclass(found.hyperparameters, TrainingHyperparameters)):
        raise OwnArchitectureError(
            f"{source}: its hyperparameters are no subclass of TrainingHyperparameters; write "
            "class Hyperparameters(TrainingHyperparameters) with a type and a default for each"
        )
    try:
        found.hyperparameters()
    except ValueError as error:
        raise OwnArchitectureError(
            f"{source}: its hyperparameters need defaults that fit their types: {' '.join(str(error).split())[:300]}"
        ) from None
    return found
