"""What travels to the machines of a cluster, and what must agree there."""

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


def test_every_package_that_trials_import_travels_under_its_name(monkeypatch, tmp_path) -> None:
    """Folders called as the packages are, with what workers need in their environment; what a user set is kept."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    shipped = pack(ENVIRONMENT, [], tmp_path).runtime_env
    assert [Path(folder).name for folder in shipped["py_modules"]] == list(PACKAGES)
    assert all((Path(folder) / "__init__.py").is_file() for folder in shipped["py_modules"])
    assert shipped["env_vars"] == ENVIRONMENT | {"MALLOC_ARENA_MAX": "4"}


def test_architectures_of_a_users_own_travel_too(tmp_path, monkeypatch) -> None:
    """Files are copied into a package that is sent, packages are sent as they are, libraries are named alone."""
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


def test_versions_that_results_depend_on_must_agree() -> None:
    """Another build of the same torch is the same; another torch, or another Python, is not."""
    assert differing(VERSIONS, VERSIONS | {"torch": "2.14.1+cpu", "pandas": "1"}) == []
    assert differing(VERSIONS, VERSIONS | {"torch": "2.13.0", "python": "3.11.8"}) == [
        "python 3.11.8 instead of 3.11.7",
        "torch 2.13.0 instead of 2.14.1+cu130",
    ]


def test_a_ray_client_is_refused_with_what_to_do() -> None:
    """The journal is written where the command runs."""
    with pytest.raises(EnvironmentMismatchError, match="with the address HOST:6379, or submit it as a job"):
        check_reachable("ray://head:10001")


def test_the_launchers_example_is_what_ray_takes() -> None:
    """It fits the schema that Ray ships for its cluster launcher."""
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8"))
    example = read_yaml((ROOT / "configs" / "cluster" / "launcher.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(example, schema)


def test_the_kubernetes_example_runs_the_published_study_with_a_token() -> None:
    """A RayJob of this Ray, whose command is one that the harness takes."""
    example = read_yaml((ROOT / "configs" / "cluster" / "kuberay.yaml").read_text(encoding="utf-8"))
    assert (example["apiVersion"], example["kind"]) == ("ray.io/v1", "RayJob")
    assert example["spec"]["entrypoint"].startswith("python -m harness.run --all --output /")
    cluster = example["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"].rpartition(".")[0] == ray.__version__.rpartition(".")[0]
