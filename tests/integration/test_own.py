"""Tests of an architecture and images of a user, from the run to the exported model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import assert_refused, harness
from PIL import Image

from harness import load_run
from harness.new import write_starting_file

ROOT = Path(__file__).parents[2]
CLASSES = [*"0123456789", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *"abcdefghijklmnopqrstuvwxyz"]
IMAGES_EACH = 20

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process, as a user with an installed harness does in their folder."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def signs() -> tuple[np.ndarray, np.ndarray]:
    """Create noisy images of a bright sign on a dark background, for each of 62 classes."""
    generator = np.random.default_rng(0)
    shapes = np.zeros((len(CLASSES), 16, 16))
    shapes[:, 2:14, 2:14] = np.kron(generator.random((len(CLASSES), 4, 4)) > 0.5, np.ones((3, 3)))
    labels = np.tile(np.arange(len(CLASSES)), IMAGES_EACH)
    noise = generator.normal(0, 20, (len(labels), 16, 16))
    return (shapes[labels] * 200 + 20 + noise).clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the files of a user, and a finished run of `smoke` in `run`."""
    folder = tmp_path_factory.mktemp("own")
    write_starting_file("my_net", folder / "my_net.py")
    images, labels = signs()
    np.savez(folder / "signs.npz", images=images, labels=labels, classes=np.array(CLASSES))
    done = process(
        folder, "run", "--architectures", "mlp", "--architecture", "my_net.py", "--config", "smoke",
        "--data", "signs.npz", "--output", "run", "--set", "architectures.my_net.space.batch_size=16",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_many_classes_stay_readable(place: Path) -> None:
    """Figures and tables show the worst 20 of 62 classes. The CSV files have all classes."""
    report = (place / "run" / "report.md").read_text(encoding="utf-8")
    assert "shows the 20 classes with the lowest F1" in report
    assert "The data set has no test split, so 248 of 1,240 images were set aside for it" in report
    matrix = pd.read_csv(place / "run" / "confusion_matrices" / "my_net.csv", index_col=0, dtype={"true class": str})
    assert (list(matrix.columns), list(matrix.index)) == (CLASSES, CLASSES)
    assert matrix.to_numpy().sum() == 248
    classes = pd.read_csv(place / "run" / "classes.csv", dtype={"class": str})
    assert classes.groupby("architecture")["class"].apply(list).to_dict() == {"mlp": CLASSES, "my_net": CLASSES}
    results = json.loads((place / "run" / "results.json").read_text(encoding="utf-8"))
    assert np.shape(results["architectures"][1]["confusion_matrix"]) == (62, 62)


def test_a_run_is_read_in_python_without_the_users_file(place: Path, tmp_path: Path) -> None:
    """The run folder contains everything that the report needs to know of the architecture."""
    run = load_run(place / "run")
    assert set(run.accuracy.index) == {"mlp", "my_net"}
    assert run.accuracy.loc["my_net", "mean"] > 0.5
    predictions = run.predictions("my_net")
    assert list(predictions.columns) == ["true", "predicted", "confidence", "correct"]
    assert (predictions["true"] == predictions["predicted"]).equals(predictions["correct"])
    assert predictions["correct"].mean() == run.results["architectures"][1]["confirm"]["seeds"][0]["test_accuracy"]
    done = harness("report", str(place / "run"), folder=tmp_path)
    assert done.exit_code == 0, done.stderr


def test_a_run_goes_on_only_with_the_users_file(place: Path) -> None:
    """The run folder never determines which code runs. The error names the missing option."""
    without = harness("run", "--resume", "run", "--dry-run", folder=place)
    assert without.exit_code == 2
    assert "my_net: the code of your own architecture is not loaded" in without.stderr
    again = harness("run", "--resume", "run", "--architecture", "my_net.py", "--dry-run", folder=place)
    assert again.exit_code == 0, again.stderr


@pytest.fixture(scope="module")
def exported(place: Path) -> Path:
    """The user's network in every format."""
    formats = [word for kind in ("exported-program", "onnx", "safetensors") for word in ("--format", kind)]
    done = harness("export", "run", "--architecture", "my_net.py", *formats, folder=place)
    assert done.exit_code == 0, done.stderr
    return place / "run" / "exported" / "my_net"


def test_an_exported_model_has_a_card(exported: Path, place: Path) -> None:
    """The card has data, licence, protocol, accuracy with interval, and limitations."""
    card = (exported / "README.md").read_text(encoding="utf-8")
    for text in ("exported-program", "onnx", "safetensors"):
        assert f"| {text} | same predictions as the original model on all 248 test images |" in card
    mean = load_run(place / "run").accuracy.loc["my_net", "mean"]
    assert f"**{100 * mean:.2f} %** (mean over 2 training\n  seeds; 95 % interval" in card
    for text in (
        "Licence of the data:** unknown",
        "selected on validation images",
        "## Limitations",
        "dark background",
    ):
        assert text in card


def test_an_exported_model_needs_nothing_of_the_harness(exported: Path, place: Path) -> None:
    """With torch or an ONNX runtime alone, the exported model gives equal probabilities."""
    script = f"""
import sys, numpy as np, torch, onnxruntime
images = torch.from_numpy(np.load({str(place / "signs.npz")!r})["images"][:7, None])
program = torch.export.load("my_net.pt2").module()(images).detach().numpy()
[onnx] = onnxruntime.InferenceSession("my_net.onnx").run(None, {{"images": images.numpy()}})
assert program.shape == onnx.shape == (7, 62) and np.allclose(program.sum(1), 1, atol=1e-5)
assert np.allclose(program, onnx, atol=1e-4), abs(program - onnx).max()
assert not [name for name in sys.modules if name.startswith(("harness", "architectures", "ray"))]
"""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=exported, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def best_answer(text: str) -> list[str]:
    """Return the first class for each image in the output of `harness predict --top 1`."""
    return [line.split("│")[2].strip() for line in text.splitlines() if "%" in line]


@pytest.mark.parametrize("model", ["my_net.pt2", "my_net.onnx"])
def test_image_files_get_the_answers_of_their_pixels(model: str, exported: Path, tmp_path: Path) -> None:
    """A sign is recognised in any format, size, colour and background."""
    images, labels = signs()
    chosen = range(124, 132)
    for index in chosen:
        image = Image.fromarray(images[index])
        image.save(tmp_path / f"{index}-plain.png")
        large = image.resize((160, 160), Image.Resampling.NEAREST)
        Image.fromarray(255 - np.asarray(large)).convert("RGB").save(tmp_path / f"{index}-large.jpg", quality=95)
    for kind in ("plain.png", "large.jpg"):
        done = harness(
            "predict", str(exported / model), *(f"{i}-{kind}" for i in chosen), "--top", "1", folder=tmp_path
        )
        assert done.exit_code == 0, done.stderr
        assert ("inverted 8 of 8 images" in done.stdout) is (kind == "large.jpg")
        right = [answer == CLASSES[labels[i]] for answer, i in zip(best_answer(done.stdout), chosen, strict=True)]
        assert sum(right) >= 7, done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "run", "--architecture", "lenet5"), "the run has no model of this architecture; "),
        (("export", "run", "--format", "torchscript"), "unknown format"),
        (("export", "nowhere"), "there is no study.yaml"),
        (("predict", "run/models/my_net.json", "signs.npz"), "signs.npz: it cannot be read as an image"),
        (("predict", "run/models/my_net.json", "nowhere.png"), "nowhere.png: it cannot be read as an image"),
        (("predict", "nowhere.pt2", "x.png"), "no such file"),
        (("predict", "signs.npz", "x.png"), "signs.json is missing in the same folder"),
        (("evaluate", "run/models/my_net.json"), "name its source, as in --architecture path/to/my_net.py"),
        (("check", "nowhere.py"), "nowhere.py: the file does not exist"),
        (("check", "my_net.py", "--shape", "28"), "give channels, height and width"),
        (("run", "--all", "--data", "nowhere"), "no file, folder or data set of this name"),
        (("run", "--architecture", "my_net.py", "--architectures", "my_nut"), "did you mean 'my_net'"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_a_sentence(arguments: tuple[str, ...], said: str, place: Path) -> None:
    """The command exits with 2 and prints one sentence without a traceback."""
    done = harness(*arguments, folder=place)
    assert_refused(done, said)


def test_a_saved_model_is_measured_again_with_the_users_file(place: Path) -> None:
    """The accuracy equals that of the report."""
    done = harness("evaluate", "run/models/my_net.json", "--architecture", "my_net.py", folder=place)
    assert done.exit_code == 0, done.stderr
    accuracy = load_run(place / "run").results["architectures"][1]["confirm"]["seeds"][0]["test_accuracy"]
    assert f"accuracy {accuracy:.2%}" in done.stdout
    assert "confusion matrix" not in done.stdout.lower()  # for 62 classes it would fill several screens


def test_a_network_that_breaks_the_contract_ends_with_its_own_code(place: Path, tmp_path: Path) -> None:
    """The command exits with 5 and prints the failed check."""
    sound = (place / "my_net.py").read_text(encoding="utf-8")
    broken = sound.replace("self.features(images)", "self.features(images - images.mean(0))")
    (tmp_path / "broken.py").write_text(broken.replace('name="my_net"', 'name="broken"'), encoding="utf-8")
    done = harness("check", "broken.py", folder=tmp_path)
    assert done.exit_code == 5, done.stdout + done.stderr
    assert "FAILED  it treats each image of a batch independently" in done.stdout
    good = harness("check", "my_net.py", folder=place)
    assert good.exit_code == 0
    assert "FAILED" not in good.stdout


def test_the_list_includes_architectures_of_users(place: Path) -> None:
    """The list has the number of parameters, if the architecture accepts images like MNIST."""
    done = harness(
        "run", "--list", "--architecture", "my_net.py", "--architecture", "torchvision:alexnet", folder=place
    )
    assert done.exit_code == 0, done.stderr
    [mine] = [line for line in done.stdout.splitlines() if "my_net" in line]
    assert "9,978" in mine  # 144 + 32 + 4,608 + 64 + 5,130
    [too_large] = [line for line in done.stdout.splitlines() if "alexnet" in line and "│" in line][:1]
    assert "?" in too_large


def test_a_model_that_cannot_be_exported_says_so(place: Path, tmp_path: Path) -> None:
    """A model that depends on values of its input is refused, and no file is written."""
    sound = (place / "my_net.py").read_text(encoding="utf-8").replace('name="my_net"', 'name="decides"')
    decides = sound.replace(
        "        return self.head(",
        "        if images.mean() > 100:\n            return self.head.bias\n        return self.head(",
    )
    (tmp_path / "decides.py").write_text(decides, encoding="utf-8")
    run = ["run", "--architecture", "decides.py", "--config", "smoke", "--data", "digits", "--output", "run"]
    done = harness(*run, "--seeds", "1", "--set", "architectures.decides.space.epochs=1", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    done = harness("export", "run", "--architecture", "decides.py", folder=tmp_path)
    assert done.exit_code == 2, done.stderr
    assert "torch cannot export this model as exported-program" in done.stderr
    assert not list((tmp_path / "run" / "exported" / "decides").glob("*.pt2"))
    done = harness("export", "run", "--architecture", "decides.py", "--format", "safetensors", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
