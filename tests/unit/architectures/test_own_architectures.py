"""Tests of the architectures of a user: how they are loaded, and the errors if they cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from architectures import BUILT_IN, InputShape, TrainingHyperparameters
from architectures.own import OwnArchitectureError, description, file_of, is_stand_in, load, stand_in
from harness.errors import StudyError
from harness.models.contract import check_architecture
from harness.new import write_starting_file
from harness.runs.provenance import code_fingerprints
from harness.runs.resume import check_at_hand
from harness.study import know_by_description, parse_study

NET = """
from torch import nn
from architectures import Architecture

class Net(nn.Module):
    def __init__(self, hyperparameters, shape, classes):
        super().__init__()
        self.head = nn.Linear(shape.pixels, classes)
    def forward(self, images):
        return self.head(images.flatten(1))

"""
DECLARED = 'ARCHITECTURE = Architecture(name="own_net", summary="Linear.", build=Net)\n'


@pytest.fixture
def net(tmp_path) -> Path:
    """A file that defines an architecture."""
    path = tmp_path / "own_net.py"
    path.write_text(NET + DECLARED, encoding="utf-8")
    return path


def test_an_architecture_is_loaded_from_a_file(net: Path) -> None:
    """A file declares its architecture as ARCHITECTURE. Everything that it omits has a default."""
    found = load(str(net))
    assert (found.name, found.title, found.convolutional) == ("own_net", "own_net", True)
    assert found.hyperparameters is TrainingHyperparameters
    assert found.build(found.hyperparameters(), InputShape(1, 2, 2), 3)(torch.zeros(5, 1, 2, 2)).shape == (5, 3)


def test_a_source_names_one_of_several_architectures(tmp_path: Path) -> None:
    """`file.py:NAME` selects an architecture. Without a name, the error lists all of them."""
    path = tmp_path / "two.py"
    path.write_text(NET + "A = " + DECLARED.split(" = ", 1)[1] + "B = " + DECLARED.split(" = ", 1)[1], encoding="utf-8")
    assert load(f"{path}:B").name == "own_net"
    with pytest.raises(OwnArchitectureError, match=r"it declares A, B; name one, as in .*two.py:A"):
        load(str(path))
    with pytest.raises(OwnArchitectureError, match="it does not define 'C'"):
        load(f"{path}:C")


def test_an_architecture_is_loaded_from_a_module_or_an_entry_point(tmp_path: Path, monkeypatch) -> None:
    """The source of an installed package is a module, or the name of an entry point."""
    package = tmp_path / "my_nets_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "small.py").write_text(NET + DECLARED.replace("ARCHITECTURE", "SMALL", 1), encoding="utf-8")
    metadata = tmp_path / "my_nets_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-nets-package\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[harness.architectures]\nsmall_net = my_nets_package.small:SMALL\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load("my_nets_package.small:SMALL").name == "own_net"
    assert load("small_net").name == "own_net"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = 1\n", "it declares no architecture; add ARCHITECTURE ="),
        ("ARCHITECTURE = 3\n", "is a int, not an Architecture"),
        ("def broken(:\n", "cannot be imported: SyntaxError"),
        ("import no_such_module_at_all\n", "module 'no_such_module_at_all' cannot be imported"),
        ("\n\n1 / 0\n", r"ZeroDivisionError: division by zero \(line 3 of broken.py\)"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        (NET + DECLARED.replace("own_net", "../own"), "cannot name an architecture"),
        (
            NET + "from architectures import TrainingHyperparameters as T\nclass H(T):\n    width: int\n"
            + DECLARED.replace("build=Net", "build=Net, hyperparameters=H"),
            "every hyperparameter needs a default of its type",
        ),
        (NET + DECLARED.replace("build=Net", "build=Net, hyperparameters=dict"), "must be a subclass of Training"),
    ],
)  # fmt: skip
def test_a_file_without_an_architecture_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """The error is one sentence with the file, the reason and the remedy."""
    path = tmp_path / "broken.py"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(OwnArchitectureError, match=said):
        load(str(path))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("no/such_net.py", "the file does not exist; .* python -m harness.new"),
        ("no_such_package.nets:NET", "module 'no_such_package' cannot be imported"),
        ("not a source", "unknown source; give path/to/file.py"),
        ("torchvision:resnet17", "no such classification model"),
        ("torchvision:fcn_resnet50", "no such classification model"),
    ],
)
def test_a_source_that_does_not_exist_is_refused(source: str, said: str) -> None:
    """The error names the source and what to do."""
    with pytest.raises(OwnArchitectureError, match=said):
        load(source)


def test_a_registry_never_changes(net: Path) -> None:
    """Adding a source creates a new registry. Neither registry can be changed."""
    registry = BUILT_IN.with_sources([str(net)])
    assert list(registry) == [*BUILT_IN, "own_net"]
    assert dict(registry.loaded) == {str(net): "own_net"}
    assert "own_net" not in BUILT_IN
    with pytest.raises(TypeError):
        registry.architectures["own_net"] = BUILT_IN["mlp"]


def test_no_environment_variable_loads_code(tmp_path: Path, monkeypatch) -> None:
    """Only a command can name a source. Environment variables are ignored."""
    monkeypatch.setenv("HARNESS_ARCHITECTURES", "/nope/net.py")
    done = subprocess.run(
        [sys.executable, "-m", "harness.new", "zzz"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "zzz.py").is_file()


def test_a_name_that_is_taken_is_refused(tmp_path: Path, net: Path) -> None:
    """Two architectures cannot have the same name. The same file can be given twice."""
    for name in ("lenet5", "own_net"):
        (tmp_path / f"{name}_other.py").write_text(NET + DECLARED.replace("own_net", name), encoding="utf-8")
    registry = BUILT_IN.with_sources([str(net), str(net)])
    assert list(registry.loaded) == [str(net)]
    for name in ("lenet5", "own_net"):
        with pytest.raises(OwnArchitectureError, match=f"another architecture has the name '{name}'"):
            registry.with_sources([str(tmp_path / f"{name}_other.py")])


def test_a_changed_file_changes_only_its_own_fingerprint(net: Path) -> None:
    """Changing the file of an architecture changes its fingerprint, and no other fingerprint."""
    registry = BUILT_IN.with_sources([str(net)])
    before = code_fingerprints(registry[name] for name in ("own_net", "mlp"))
    net.write_text(net.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    after = code_fingerprints(registry[name] for name in ("own_net", "mlp"))
    assert [name for name in before if before[name] != after[name]] == ["own_net"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_torchvision_model_fits_the_images_of_the_study(channels: int) -> None:
    """The model has one input per channel of the images and one output per class."""
    found = load("torchvision:resnet18")
    model = found.build(found.hyperparameters(), InputShape(channels, 32, 32), 7).eval()
    assert model(torch.zeros(2, channels, 32, 32)).shape == (2, 7)
    assert found.build.func.__module__ == "architectures.own.libraries"


def test_a_starting_file_keeps_the_contract(tmp_path: Path) -> None:
    """The file that `harness.new` writes passes all checks without changes.

    It is never overwritten.
    """
    write_starting_file("my_first_net", tmp_path / "my_first_net.py")
    architecture = load(str(tmp_path / "my_first_net.py"))
    assert [found for found in check_architecture(architecture, InputShape(1, 28, 28)) if found.breach] == []
    with pytest.raises(StudyError, match="already exists and was not changed"):
        write_starting_file("my_first_net", tmp_path / "my_first_net.py")


@pytest.mark.parametrize(("name", "said"), [("my-net", "not a valid name"), ("lenet5", "built-in")])
def test_a_starting_file_needs_a_valid_new_name(name: str, said: str, tmp_path: Path) -> None:
    """A name that Python or the registry cannot use is refused before any file is written."""
    with pytest.raises(StudyError, match=said):
        write_starting_file(name, tmp_path / "file.py")
    assert list(tmp_path.iterdir()) == []


def test_a_report_needs_only_the_description(net: Path) -> None:
    """With only a description of its architecture, a study can be parsed but not run."""
    described = description(load(str(net)))
    written = {"name": "one", "architectures": {"own_net": {"space": {"epochs": 2}}}}
    with pytest.raises(StudyError, match="unknown architecture 'own_net'"):
        parse_study(written, "study.yaml")
    registry = know_by_description([described])
    assert is_stand_in(registry["own_net"])
    assert registry["own_net"].hyperparameters().model_dump() == TrainingHyperparameters().model_dump()
    with pytest.raises(StudyError, match=r"give its source again, for example architecture=path/to/own_net\.py"):
        check_at_hand(parse_study(written, "study.yaml", registry))
    check_at_hand(parse_study(written, "study.yaml", registry.with_sources([str(net)])))


def test_loaded_code_takes_precedence_over_a_description(net: Path) -> None:
    """Loaded code replaces a description, in whatever order the two are added."""
    described = [description(load(str(net)))]
    assert not is_stand_in(BUILT_IN.with_sources([str(net)]).with_descriptions(described)["own_net"])
    assert not is_stand_in(BUILT_IN.with_descriptions(described).with_sources([str(net)])["own_net"])


def test_an_edited_file_is_loaded_again(net: Path) -> None:
    """A file is loaded again if it has changed, as happens in notebooks."""
    assert load(str(net)).build is load(str(net)).build
    net.write_text(net.read_text(encoding="utf-8").replace("Linear.", "Edited."), encoding="utf-8")
    assert load(str(net)).summary == "Edited."


def test_a_change_in_any_file_of_a_package_changes_the_fingerprint(tmp_path: Path, monkeypatch) -> None:
    """The fingerprint covers all files of the package, because the network may use any of them."""
    package = tmp_path / "whole_package"
    (package / "nets").mkdir(parents=True)
    for folder in (package, package / "nets"):
        (folder / "__init__.py").touch()
    (package / "layers.py").write_text("WIDTH = 1\n", encoding="utf-8")
    (package / "nets" / "small.py").write_text(NET + DECLARED, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    small = load("whole_package.nets.small")
    before = code_fingerprints([small])
    (package / "layers.py").write_text("WIDTH = 2\n", encoding="utf-8")
    assert code_fingerprints([small]) != before


def test_an_invalid_description_is_refused() -> None:
    """A damaged description in environment.json is reported as an error of the run folder."""
    with pytest.raises(StudyError, match="own_architectures"):
        know_by_description([{"name": "x"}])
    with pytest.raises(ValueError, match="cannot name"):
        stand_in(description(BUILT_IN["mlp"]) | {"name": "../x"})


def test_descriptions_of_built_in_architectures_are_complete() -> None:
    """A description keeps the order and the defaults of the hyperparameters, and all texts."""
    for name in BUILT_IN:
        real, shown = BUILT_IN[name], stand_in(description(BUILT_IN[name]))
        assert list(shown.hyperparameters().model_dump().items()) == list(real.hyperparameters().model_dump().items())
        assert (shown.title, shown.summary, shown.reference) == (real.title, real.summary, real.reference)


def test_a_file_is_distinguished_from_a_module() -> None:
    """A source is a file if it ends with .py, with or without a name after it."""
    assert file_of("a/b.py:NAME") == file_of("a/b.py") == Path("a/b.py")
    assert file_of("a.b:NAME") is None
