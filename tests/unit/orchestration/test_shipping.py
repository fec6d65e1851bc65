"""Tests of what is sent to the machines of a cluster, and of what must be equal there."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import ray

from harness.errors import EnvironmentMismatchError
from harness.orchestration.cluster import check_reachable
from harness.orchestration.ray_environment import ENVIRONMENT
from harness.orchestration.shipping import PACKAGES, differing, pack
from harness.study.yaml_text import read_yaml

ROOT = Path(__file__).parents[3]
VERSIONS = {"python": "3.11.7", "torch": "2.14.1+cu130", "torchvision": "0.29.1", "ray": "2.60.0", "numpy": "2.4.6",
            "pydantic": "2.14.3"}  # fmt: skip


def test_every_package_that_trials_import_is_sent(monkeypatch, tmp_path) -> None:
    """Packages are sent as folders with their names. Environment variables of the user are kept."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    shipped = pack(ENVIRONMENT, [], tmp_path).runtime_env
    assert [Path(folder).name for folder in shipped["py_modules"]] == list(PACKAGES)
    assert all((Path(folder) / "__init__.py").is_file() for folder in shipped["py_modules"])
    assert shipped["env_vars"] == ENVIRONMENT | {"MALLOC_ARENA_MAX": "4"}


def test_architectures_of_a_user_are_sent(tmp_path, monkeypatch) -> None:
    """Files are copied into a package, packages are sent unchanged, libraries are only named."""
    net = tmp_path / "here" / "my_net.py"
    net.parent.mkdir()
    net.write_text("NET = 1\n", encoding="utf-8")
    package = tmp_path / "there" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    sources = [f"{net}:NET", str(net), "my_package.nets:SMALL", "torchvision:resnet18"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    packed = pack(ENVIRONMENT, sources, scratch)
    assert packed.sources == (
        "own_architectures.own_0:NET",
        "own_architectures.own_1",
        "my_package.nets:SMALL",
        "torchvision:resnet18",
    )
    sent = [Path(folder) for folder in packed.runtime_env["py_modules"]][len(PACKAGES) :]
    assert sent == [package, scratch / "own_architectures"]
    assert (scratch / "own_architectures" / "own_0.py").read_text(encoding="utf-8") == "NET = 1\n"


def test_relevant_versions_must_be_equal() -> None:
    """Builds of the same torch version are equal. Another version of torch or Python is not."""
    assert differing(VERSIONS, VERSIONS | {"torch": "2.14.1+cpu", "pandas": "1"}) == []
    assert differing(VERSIONS, VERSIONS | {"torch": "2.13.0", "python": "3.11.8"}) == [
        "python 3.11.8 instead of 3.11.7",
        "torch 2.13.0 instead of 2.14.1+cu130",
    ]


def test_a_ray_client_address_is_refused() -> None:
    """The error for a ray:// address names the alternatives."""
    with pytest.raises(EnvironmentMismatchError, match="with the address HOST:6379, or submit it as a job"):
        check_reachable("ray://head:10001")


def test_the_launcher_example_is_valid() -> None:
    """The example follows the schema of Ray's cluster launcher."""
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8"))
    example = read_yaml((ROOT / "configs" / "cluster" / "launcher.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(example, schema)


def test_the_kubernetes_example_runs_the_published_study() -> None:
    """The example is a RayJob for the installed version of Ray, with token authentication."""
    example = read_yaml((ROOT / "configs" / "cluster" / "kuberay.yaml").read_text(encoding="utf-8"))
    assert (example["apiVersion"], example["kind"]) == ("ray.io/v1", "RayJob")
    assert example["spec"]["entrypoint"].startswith("python -m harness.run --all --output /")
    cluster = example["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"].rpartition(".")[0] == ray.__version__.rpartition(".")[0]
