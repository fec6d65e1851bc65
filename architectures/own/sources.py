"""Loading of the user's architectures from files, modules, entry points, torchvision and timm.

Loading runs the code with the rights of the user. So a source is loaded only if a command names it,
never because a run folder names it.
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
"""Group of the entry points with which installed packages provide architectures."""

ATTRIBUTE = "ARCHITECTURE"
"""Name of the architecture in a file or a module; not needed if there is only one."""

_DIGEST = "__digest_of_its_source__"

SHIPPED_PACKAGE = "own_architectures"
"""Name of the package in which files are sent to the machines of a cluster."""


def absolute(source: str) -> str:
    """Make the path in a source absolute, because a process may start in another folder.

    >>> absolute("torchvision:resnet18")
    'torchvision:resnet18'
    """
    path, name = _file_and_name(source)
    return source if path is None else f"{path.absolute()}:{name}" if name else str(path.absolute())


def file_of(source: str) -> Path | None:
    """Return the file that a source names, or None if it names something else."""
    return _file_and_name(source)[0]


def load(source: str) -> Architecture:
    """Load the architecture that a source names.

    Args:
        source: One of `path/to/file.py`, `package.module`, the name of an entry point,
            `torchvision:MODEL` and `timm:MODEL`. Add `:NAME` to a file or a module that declares
            several architectures.

    Raises:
        OwnArchitectureError: If the source does not provide an architecture.
    """
    path, name = _file_and_name(source)
    if path is not None:
        return _only(_import_file(path), name, source)
    kind, _, model = source.partition(":")
    if kind in LIBRARIES and model:
        return LIBRARIES[kind](model)
    module, attribute = module_of(source)
    if module is None:
        raise OwnArchitectureError(f"{source}: unknown source; give path/to/file.py or package.module:NAME")
    return _only(_attempt(lambda: _import_module(module), source), attribute, source)


def module_of(source: str) -> tuple[str | None, str]:
    """Return the module and the name in it that a source refers to; (None, "") if it is no module.

    An entry point is resolved to its target.

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
    """Split `path/to/file.py:NAME` into path and name; (None, "") if the source is no file."""
    if source.endswith(".py"):
        return Path(source), ""
    path, separator, name = source.rpartition(".py:")
    return (Path(f"{path}.py"), name) if separator else (None, "")


def _import_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # for a console script, Python does not add it
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise OwnArchitectureError(
            f"{path}: the file does not exist; to create one to start from, run: python -m harness.new NAME"
        )
    path = path.absolute()
    # Unpickling a model finds the module by this name, so files of the same name need two names.
    name = f"own_architecture_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    digest = zlib.crc32(path.read_bytes())
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, _DIGEST, None) == digest:
        return loaded  # a file that was edited since, as in a notebook, is loaded again
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OwnArchitectureError(f"{path}: it is not a Python file")
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
    """Import code of the user; every exception becomes an error message in one sentence."""
    try:
        return import_it()
    except ModuleNotFoundError as error:
        raise OwnArchitectureError(
            f"{source}: module '{error.name}' cannot be imported; install it, or, if it is your own file, put all code "
            "into one file or into a package, and name it as package.module:NAME"
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture file may raise anything
        raise OwnArchitectureError(f"{source}: it cannot be imported: {_where(error)}") from None


def _where(error: BaseException) -> str:
    """Format an exception as one line, with the file and line where it was raised."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if isinstance(error, SyntaxError) or trace is None:
        return text
    return f"{text} (line {trace.tb_lineno} of {Path(trace.tb_frame.f_code.co_filename).name})"


def _only(module: ModuleType, name: str, source: str) -> Architecture:
    """Return the architecture with this name in a module; without a name, the only one in it."""
    if name:
        if not hasattr(module, name):
            raise OwnArchitectureError(f"{source}: it does not define '{name}'")
        return _checked(getattr(module, name), source)
    if hasattr(module, ATTRIBUTE):
        return _checked(getattr(module, ATTRIBUTE), source)
    declared = [key for key, value in vars(module).items() if isinstance(value, Architecture)]
    if len(declared) != 1:
        several = f"it declares {', '.join(declared)}; name one, as in {source}:{declared[0]}" if declared else (
            "it declares no architecture; add ARCHITECTURE = Architecture(name=..., summary=..., build=...)"
        )  # fmt: skip
        raise OwnArchitectureError(f"{source}: {several}")
    return _checked(getattr(module, declared[0]), source)


def _checked(found: object, source: str) -> Architecture:
    if not isinstance(found, Architecture):
        raise OwnArchitectureError(
            f"{source}: it is a {type(found).__name__}, not an Architecture; declare "
            "ARCHITECTURE = Architecture(name=..., summary=..., build=...)"
        )
    if not (isinstance(found.hyperparameters, type) and issubclass(found.hyperparameters, TrainingHyperparameters)):
        raise OwnArchitectureError(
            f"{source}: its hyperparameters must be a subclass of TrainingHyperparameters; declare "
            "class Hyperparameters(TrainingHyperparameters) with a type and a default for each field"
        )
    try:
        found.hyperparameters()
    except ValueError as error:
        raise OwnArchitectureError(
            f"{source}: every hyperparameter needs a default of its type: {' '.join(str(error).split())[:300]}"
        ) from None
    return found
