"""Tests of provenance: versions, hardware and fingerprints of code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from architectures import BUILT_IN
from harness.errors import EnvironmentMismatchError
from harness.runs import provenance

INSTALLED = {"torch": "2.13.0+cpu", "torchvision": "0.29.2"}


def test_a_torchvision_for_another_torch_is_refused() -> None:
    """The error is one sentence with both versions and the remedy."""
    with pytest.raises(EnvironmentMismatchError) as caught:
        provenance.check_torchvision(INSTALLED, ["numpy", "torch==2.15.0", "pillow!=8.3.*,>=5.3.0"])
    assert "torchvision 0.29.2 needs torch==2.15.0, but torch 2.13.0+cpu is installed; run: pip" in str(caught.value)


def test_a_matching_torchvision_of_any_build_is_accepted() -> None:
    """Local build labels and other requirements are ignored."""
    provenance.check_torchvision(INSTALLED, ["torch==2.13.0", "gdown>=4.7.3 ; extra == 'gdown'", "not a requirement!"])
    provenance.check_torchvision(INSTALLED, None)
    provenance.check_environment()


def test_versions_and_hardware_are_recorded() -> None:
    """Versions, processor, cores and memory are recorded."""
    versions, hardware = provenance.versions(), provenance.hardware()
    assert versions["torch"] != "not installed"
    assert hardware["cpu"]
    assert hardware["cores"] >= 1
    assert hardware["memory_gib"] > 0


def test_commands_start_without_torch_and_ray() -> None:
    """Importing the commands imports neither torch nor Ray, which take seconds."""
    code = (
        "import sys, harness.run, harness.evaluate, harness.__main__\n"
        "import harness.pipeline.benchmark, harness.console.display\n"
        "print([name for name in ('torch', 'ray', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fingerprints_cover_the_engine_and_each_architecture_file(tmp_path, monkeypatch) -> None:
    """Changing the file of an architecture changes its fingerprint and no other fingerprint."""
    before = provenance.code_fingerprints([BUILT_IN["mlp"], BUILT_IN["lenet5"]])
    assert set(before) == {provenance.ENGINE, "mlp", "lenet5"}
    assert len(set(before.values())) == 3
    assert provenance.code_fingerprints([BUILT_IN["mlp"]]) == {
        name: before[name] for name in (provenance.ENGINE, "mlp")
    }
    import architectures.mlp

    changed = tmp_path / "mlp.py"
    changed.write_text("# another\n", encoding="utf-8")
    monkeypatch.setattr(architectures.mlp, "__file__", str(changed))
    after = provenance.code_fingerprints([BUILT_IN["mlp"], BUILT_IN["lenet5"]])
    assert {name for name in before if before[name] != after[name]} == {"mlp"}


def test_a_logger_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message contains the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        EnvironmentMismatchError, match=r"mlflow needs the package mlflow, .* pip install '.\[mlflow\]'"
    ):
        provenance.check_loggers(["mlflow"])
