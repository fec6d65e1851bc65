"""Fixtures with run folders to report on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.report import write_report


def _load_builder() -> ModuleType:
    # Test folders are not packages, and pytest's importlib mode does not put them on the path.
    name = "synthetic_run"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("synthetic_run.py"))
        if spec is None or spec.loader is None:
            raise ImportError(f"{name}.py is not beside this file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load_builder()

from synthetic_run import SyntheticRun, diverges  # noqa: E402 - it can be found only from here on

REASON = "loss is not finite | <b>in</b> epoch *1*"


@pytest.fixture(scope="session")
def run() -> SyntheticRun:
    """A run of five architectures, 63 search trials and five seeds. Some trials fail."""
    return SyntheticRun(failure=diverges(REASON, "mlp", above=0.01))


@pytest.fixture(scope="session")
def reported(run: SyntheticRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `run` with its report. Tests only read it."""
    folder = run.write(tmp_path_factory.mktemp("run"))
    write_report(folder)
    return folder
