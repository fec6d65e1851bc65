"""Tests of data sets of a user: folders, archives, IDX files, and data sets of torchvision."""

from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from architectures import InputShape
from harness.data import load_dataset
from harness.data.dataset import Split
from harness.data.loading import LoadedDataset
from harness.data.sources import decoded
from harness.data.sources.decoded import decoded as decode
from harness.data.sources.idx import format_idx
from harness.data.sources.image_folder import load_image_folder
from harness.data.sources.images import background, read_image
from harness.data.sources.npz import load_npz
from harness.data.sources.torchvision_sets import TORCHVISION_SETS, as_split
from harness.errors import DataError, StudyError
from harness.records.trial import Phase
from harness.study import DATASETS, DatasetStudy, Study, own_or_known


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """A separate cache for each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(decoded, "_folder", lambda: folder)
    return folder


def load(path: Path, **changes: object) -> LoadedDataset:
    """Load the data set of a study with this path."""
    return load_dataset(DatasetStudy(path=str(path), **({"validation_size": 0.2} | changes)), None)


def paint(path: Path, value: int, size: tuple[int, int] = (8, 6), mode: str = "L") -> None:
    """Write an image of one colour. The size is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), value, dtype=np.uint8)).convert(mode).save(path)


def cut_off(path: Path) -> None:
    """Write an image of which the second half is missing."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:70])


def as_unknown_splits(root: Path) -> None:
    """Create splits with unknown names."""
    for part in ("seg_train", "seg_test"):
        folder_of(root / part, {"a": 5, "b": 5})
    for name in ("a", "b"):
        shutil.rmtree(root / name)


def folder_of(root: Path, classes: dict[str, int], size: tuple[int, int] = (8, 6), mode: str = "L") -> Path:
    """Create a folder with images of each class. The colour identifies class and image."""
    for number, (name, images) in enumerate(classes.items()):
        for index in range(images):
            paint(root / name / f"{index:03}.png", 60 * number + index, size, mode)
    return root


def test_a_folder_for_each_class_is_a_data_set(tmp_path: Path) -> None:
    """Each subfolder is a class. The test split is set aside before all other splits."""
    loaded = load(folder_of(tmp_path / "fruit", {"pear": 20, "apple": 10}))
    assert loaded.training.classes == ("apple", "pear")
    assert loaded.training.shape == InputShape(1, 6, 8)
    sizes = [len(loaded.training.train), len(loaded.training.validation), len(loaded.test.open(Phase.CONFIRM))]
    assert sizes == [19, 5, 6]
    assert loaded.provenance.class_sizes == ((6, 2, 2), (13, 3, 4))
    assert loaded.provenance.notes == (
        "The data set has no test split, so 6 of 30 images were set aside for it first, stratified by class, "
        "with seed 0.",
    )
    assert loaded.provenance.name == "fruit"
    values = [int(image[0, 0, 0]) for image in loaded.training.train.images]
    assert [value // 60 for value in values] == [1 - label for label in loaded.training.train.labels]


def test_images_set_aside_for_testing_are_not_trained_on(tmp_path: Path) -> None:
    """Each image is in exactly one split. The statistics are those of the train split only."""
    loaded = load(folder_of(tmp_path / "fruit", {"a": 30, "b": 30}))
    splits = (loaded.training.train, loaded.training.validation, loaded.test.open(Phase.CONFIRM))
    seen = [int(image[0, 0, 0]) for split in splits for image in split.images]
    assert sorted(seen) == [*range(30), *range(60, 90)]
    assert loaded.training.normalisation.mean == pytest.approx((splits[0].images.mean() / 255,))


def test_folders_named_as_splits_are_used_as_splits(tmp_path: Path) -> None:
    """`test` is the test split. `val` is merged with the training images, and a note says so."""
    for part, images in (("Training", 10), ("val", 5), ("test", 4)):
        folder_of(tmp_path / part, {"a": images, "b": images})
    loaded = load(tmp_path)
    assert (loaded.provenance.train + loaded.provenance.validation, loaded.provenance.test) == (30, 8)
    assert "Merged the folder val with train" in loaded.provenance.notes[0]
    assert "WARNING: 8 of 8 test images are also in the train or validation split" in loaded.provenance.notes[1]


def test_images_of_different_sizes_are_resized(tmp_path: Path) -> None:
    """Images get the median size or the size of the study. They are in colour if any image is."""
    root = tmp_path / "photos"
    for index, size in enumerate([(10, 20), (30, 40), (300, 200)] * 4):
        paint(root / "a" / f"{index}.jpg", 10 * index, size, "RGB")
        paint(root / "b" / f"{index}.png", 100 + index, size, "L")
    loaded = load(root, validation_size=0.25)
    assert loaded.training.shape == InputShape(3, 40, 30)
    assert "Resized the images to 40x30 without keeping their proportions" in loaded.provenance.notes[0]
    assert load(root, image_size=16).training.shape == InputShape(3, 16, 16)
    large = tmp_path / "large"
    for index, size in enumerate([(1000, 500), (500, 250), (1000, 500)] * 4):
        paint(large / "ab"[index % 2] / f"{index}.png", index, size)
    assert load(large).training.shape == InputShape(1, 32, 64)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: (root / "a" / "000.png").write_bytes(b"no image"), r"a/000.png: it cannot be read as an image"),
        (lambda root: cut_off(root / "a" / "000.png"), "a/000.png: it cannot be read as an image"),
        (lambda root: [path.unlink() for path in (root / "a").iterdir()], "it contains no images of class a"),
        (lambda root: (root / "train").mkdir(), r"next to 'train' there are unknown folders \(a, b\)"),
        (lambda root: as_unknown_splits(root), "seg_test, seg_train contain the same subfolders"),
        (
            lambda root: Image.fromarray(np.zeros((6, 8), np.float32)).save(root / "a" / "x.tiff"),
            "floating-point numbers",
        ),
    ],
)
def test_an_invalid_folder_is_refused(spoil, said: str, tmp_path: Path) -> None:
    """The error names the file, the folder or the class."""
    root = folder_of(tmp_path / "fruit", {"a": 12, "b": 12})
    spoil(root)
    with pytest.raises(DataError, match=said):
        load(root)


def test_ignored_files_are_counted(tmp_path: Path) -> None:
    """A note counts the files that are ignored because they are not images."""
    root = folder_of(tmp_path / "fruit", {"a": 12, "b": 12})
    (root / "a" / "notes.txt").write_text("?", encoding="utf-8")
    (root / "a" / ".hidden").write_text("?", encoding="utf-8")
    paint(root / "a" / ".ipynb_checkpoints" / "000-checkpoint.png", 3)
    assert load(root).provenance.train + load(root).provenance.validation + load(root).provenance.test == 24
    assert load(root).provenance.notes[0] == "Ignored 1 files without the extension of an image file."


def test_images_are_decoded_once(tmp_path: Path, cache: Path, monkeypatch) -> None:
    """A second load reads the cache. After a file has changed, all images are decoded again."""
    root = folder_of(tmp_path / "fruit", {"a": 12, "b": 12})
    first = load(root)
    counted: list[Path] = []
    monkeypatch.setattr(PngImageFile, "load", lambda image: counted.append(image))
    monkeypatch.setattr(decoded, "read_image", lambda path, shape: counted.append(path) or read_image(path, shape))
    assert load(root).provenance.fingerprint == first.provenance.fingerprint
    assert counted == []
    monkeypatch.undo()
    monkeypatch.setattr(decoded, "_folder", lambda: cache)
    monkeypatch.setattr(decoded, "read_image", lambda path, shape: counted.append(path) or read_image(path, shape))
    paint(root / "a" / "000.png", 250)
    assert load(root).provenance.fingerprint != first.provenance.fingerprint
    assert len(counted) == 24


def test_images_that_exceed_the_memory_stay_in_files(tmp_path: Path, monkeypatch) -> None:
    """The splits are identical. They are sent as a path, or by value to a cluster."""
    root = folder_of(tmp_path / "fruit", {"a": 40, "b": 40})
    usual = load(root)
    monkeypatch.setattr(decoded, "SHARE_OF_MEMORY", 0.0)
    mapped = load(root)
    assert mapped.provenance.fingerprint == usual.provenance.fingerprint
    assert mapped.training.normalisation == usual.training.normalisation
    assert mapped.bytes_in_memory == 0 < usual.bytes_in_memory
    sent = pickle.dumps(mapped.training)
    assert len(sent) < 3000 < len(pickle.dumps(usual.training))
    again: Split = pickle.loads(sent).train
    assert isinstance(again.images, np.memmap)
    np.testing.assert_array_equal(again.images, usual.training.train.images)
    np.testing.assert_array_equal(again.labels, usual.training.train.labels)
    part = Split(again.images[:3], again.labels[:3])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(part)).images, usual.training.train.images[:3])
    assert load_image_folder(root, None, in_memory=True).train.mapped is None


def test_images_are_decoded_in_order_and_on_white(tmp_path: Path) -> None:
    """Files keep their order. Grey is luminance, and transparent pixels become white."""
    paint(tmp_path / "one.png", 7)
    rgba = np.zeros((6, 8, 4), dtype=np.uint8)
    rgba[:3, :, :] = (255, 0, 0, 255)
    Image.fromarray(rgba).save(tmp_path / "two.png")
    images = decode([tmp_path / "one.png", tmp_path / "two.png"], tmp_path, InputShape(3, 6, 8))
    assert images.shape == (2, 3, 6, 8)
    assert (images[0] == 7).all()
    assert images[1, :, 0, 0].tolist() == [255, 0, 0]
    assert images[1, :, 5, 0].tolist() == [255, 255, 255]
    assert read_image(tmp_path / "two.png", InputShape(1, 6, 8))[0, 0, 0] == 76  # 0.299 of 255


def test_16_bit_images_are_scaled_and_photos_are_rotated(tmp_path: Path) -> None:
    """16-bit grey values are scaled, not clipped. Photos are rotated by their EXIF orientation."""
    Image.fromarray(np.full((4, 4), 257 * 100, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png", InputShape(1, 4, 4)) == 100).all()
    half = np.zeros((10, 20), dtype=np.uint8)
    half[:, 10:] = 255
    turned = Image.fromarray(half)
    exif = turned.getexif()
    exif[0x0112] = 6  # rotated by 90 degrees
    for name in ("a", "b"):
        (tmp_path / "camera" / name).mkdir(parents=True)
        for index in range(10):
            turned.save(tmp_path / "camera" / name / f"{index}.png", exif=exif)
    loaded = load(tmp_path / "camera")
    assert loaded.training.shape == InputShape(1, 20, 10)
    image = loaded.training.train.images[0, 0]
    assert (image[0, 0], image[-1, 0]) == (0, 255)


def archive(path: Path, **arrays: object) -> Path:
    """Write an .npz file with 40 images of two classes, and replace these arrays."""
    generator = np.random.default_rng(0)
    usual = {"images": generator.integers(0, 256, (40, 6, 5), dtype=np.uint8), "labels": np.arange(40) % 2}
    np.savez(path, **{key: value for key, value in (usual | arrays).items() if value is not None})
    return path


def test_an_archive_is_a_data_set(tmp_path: Path) -> None:
    """Images can have any common layout, and labels can be numbers or texts.

    Names of the classes and a test split are used if the archive has them.
    """
    plain = load(archive(tmp_path / "plain.npz"))
    assert (plain.training.shape, plain.training.classes) == (InputShape(1, 6, 5), ("0", "1"))
    assert list(plain.provenance.sha256) == ["plain.npz"]
    colour = np.zeros((40, 6, 5, 3), dtype=np.uint8)
    named = np.array(["dog", "cat"])[np.arange(40) % 2]
    assert load(archive(tmp_path / "colour.npz", images=colour, labels=named)).training.classes == ("cat", "dog")
    column = load_npz(archive(tmp_path / "column.npz", labels=(np.arange(40) % 2)[:, None]))
    assert column.train.labels.tolist() == [0, 1] * 20
    first = archive(tmp_path / "first.npz", images=colour.transpose(0, 3, 1, 2), classes=np.array(["x", "y"]))
    assert (load(first).training.shape, load(first).training.classes) == (InputShape(3, 6, 5), ("x", "y"))
    tested = archive(tmp_path / "t.npz", test_images=np.ones((10, 6, 5)), test_labels=np.arange(10) % 2)
    test = load(tested).test.open(Phase.CONFIRM)
    assert (len(test), int(test.images[0, 0, 0, 0])) == (10, 255)
    sparse = load_npz(archive(tmp_path / "sparse.npz", labels=np.where(np.arange(40) % 2, 7, 3)))
    assert (sparse.classes, sorted(set(sparse.train.labels.tolist()))) == (("3", "7"), [0, 1])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"labels": None}, "the array 'labels' is missing"),
        ({"images": np.zeros((40, 6, 5, 4), dtype=np.uint8)}, r"have the shape \(40, 6, 5, 4\); give"),
        ({"images": np.full((40, 6, 5), -0.4)}, "from -0.4 to -0.4; give integers from 0 to 255"),
        ({"labels": np.zeros(40)}, "labels have the type float64"),
        ({"labels": np.arange(30) % 2}, r"40 images, .* labels have the shape \(30,\)"),
        ({"classes": np.array(["only"])}, "labels range from 0 to 1, but there are 1 class names"),
        ({"labels": np.array([object()] * 40)}, "cannot be read as an .npz file of plain arrays"),
        ({"test_images": np.zeros((4, 6, 5), dtype=np.uint8)}, "the array 'test_labels' is missing"),
        ({"labels": np.arange(40)}, "dataset.test_size: .*8 of 40 images is not possible"),
    ],
)
def test_an_invalid_archive_is_refused(arrays, said: str, tmp_path: Path) -> None:
    """The error names the array and what it should be."""
    with pytest.raises(DataError, match=said):
        load(archive(tmp_path / "bad.npz", **arrays))


def test_idx_files_are_a_data_set(tmp_path: Path) -> None:
    """IDX files can be compressed. A test split and names of the classes are optional."""
    generator = np.random.default_rng(0)
    for prefix, images in (("train", 40), ("t10k", 10)):
        pixels = generator.integers(0, 256, (images, 7, 5), dtype=np.uint8)
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(format_idx(pixels)))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(format_idx((np.arange(images) % 2).astype(np.uint8)))
    (tmp_path / "classes.txt").write_text("off\non\n", encoding="utf-8")
    loaded = load(tmp_path)
    assert (loaded.training.classes, loaded.training.shape) == (("off", "on"), InputShape(1, 7, 5))
    assert (loaded.provenance.test, len(loaded.provenance.sha256), loaded.provenance.notes) == (10, 4, ())
    whole = gzip.decompress((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        whole
    )  # in addition to the compressed file, as torchvision leaves them
    assert load(tmp_path).provenance.fingerprint == loaded.provenance.fingerprint
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="add t10k-labels-idx1-ubyte"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "file.csv"])
def test_a_path_without_a_data_set_is_refused(name: str, tmp_path: Path) -> None:
    """The error lists the supported kinds of data."""
    (tmp_path / "file.csv").write_text("1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"give a folder with one subfolder of images per class, an .npz"):
        load(tmp_path / name)


def test_data_sets_of_torchvision_are_read_from_files(tmp_path: Path) -> None:
    """Nothing is downloaded if the files are there as torchvision stores them."""
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, images in (("train", 60), ("t10k", 20)):
        pixels = np.full((images, 28, 28), 9, dtype=np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(format_idx(pixels))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(format_idx((np.arange(images) % 10).astype(np.uint8)))
    loaded = load_dataset(DatasetStudy(name="fashion_mnist", validation_size=20), tmp_path)
    assert loaded.training.classes[9] == "Ankle boot"
    assert (loaded.provenance.train, loaded.provenance.test) == (40, 20)
    assert loaded.provenance.licence == "MIT (Zalando SE)"


def test_a_failed_download_names_the_remedy(tmp_path: Path, monkeypatch) -> None:
    """Without a network, the error is one sentence with the folder and the remedy."""
    from torchvision import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise RuntimeError("no way out")

    monkeypatch.setattr(datasets, "CIFAR10", unreachable)
    with pytest.raises(
        DataError, match=r"cifar10: .* is not in .*no way out.*torchvision.datasets.CIFAR10 into a folder"
    ):
        load_dataset(DatasetStudy(name="cifar10"), tmp_path)


def test_layouts_of_torchvision_are_unified() -> None:
    """Images are channels first and not transposed, and labels start at 0."""
    generator = np.random.default_rng(0)
    letters = SimpleNamespace(data=generator.integers(0, 256, (4, 28, 28)).astype(np.uint8), targets=[1, 26, 2, 3])
    split = as_split(letters, TORCHVISION_SETS["emnist_letters"])
    assert split.labels.tolist() == [0, 25, 1, 2]
    np.testing.assert_array_equal(split.images[0, 0], letters.data[0].T)
    colour = SimpleNamespace(data=generator.integers(0, 256, (4, 32, 32, 3)).astype(np.uint8), targets=[0, 1, 2, 3])
    np.testing.assert_array_equal(as_split(colour, TORCHVISION_SETS["cifar10"]).images[1, 2], colour.data[1, :, :, 2])
    street = SimpleNamespace(data=np.zeros((4, 3, 32, 32), np.uint8), labels=np.array([1, 2, 3, 0]))
    assert as_split(street, TORCHVISION_SETS["svhn"]).images.shape == (4, 3, 32, 32)
    several = SimpleNamespace(data=np.zeros((2, 28, 28), np.uint8), targets=np.array([[5, 0, 0], [7, 0, 0]]))
    assert as_split(several, TORCHVISION_SETS["qmnist"]).labels.tolist() == [5, 7]


def test_every_known_name_can_be_loaded() -> None:
    """Every data set name of a study can be loaded."""
    assert set(DATASETS) == {*TORCHVISION_SETS, "mnist", "digits"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({}, "mnist"),
        ({"path": "/data/flowers 5/"}, "flowers-5"),
        ({"path": "letters.npz", "name": "mnist"}, "letters"),
        ({"path": "/data/mnist"}, "own-mnist"),
        ({"path": "x.npz", "name": "mine"}, "mine"),
    ],
)
def test_a_path_never_has_the_name_of_a_known_data_set(written: dict[str, str], name: str) -> None:
    """A data set with a path never has the name of a known data set, whose facts do not apply."""
    assert DatasetStudy(**written).name == name


@pytest.mark.parametrize("value", [0, -1, 1.0, 0.0, True, "many", None])
def test_an_invalid_size_is_refused(value: object) -> None:
    """A size is a positive number or a share. Anything else is refused with the allowed values."""
    with pytest.raises(StudyError, match=r"dataset.validation_size: .* use a "):
        Study.load("smoke", {"dataset.validation_size": value})


def test_data_argument_is_a_name_or_a_path(tmp_path: Path, monkeypatch) -> None:
    """`data` replaces the data set and sizes of a study.

    A relative path in a study becomes absolute.
    """
    assert own_or_known("digits") == {"name": "digits", "validation_size": 0.1}
    folder_of(tmp_path / "fruit", {"a": 1, "b": 1})
    study = Study.load("smoke", data=str(tmp_path / "fruit"))
    assert (study.dataset.name, study.dataset.train_size) == ("fruit", None)
    written = tmp_path / "study.yaml"
    written.write_text(
        f"name: x\ndataset: {{path: {tmp_path.name}/fruit}}\narchitectures: {{mlp: {{}}}}\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path.parent)
    assert Study.load(str(written)).dataset.path == str(
        tmp_path / "fruit"
    )  # the study is read again from other folders
    with pytest.raises(StudyError, match="no file, folder or data set of this name; did you mean 'kmnist'"):
        own_or_known("kmnits")


def test_the_background_is_detected_if_images_agree() -> None:
    """The background is dark, light or unknown. For colour images it is unknown."""
    dark = np.zeros((100, 1, 8, 8), dtype=np.uint8)
    assert background(dark) == "dark"
    assert background(255 - dark) == "light"
    mixed = dark.copy()
    mixed[:30] = 255
    assert background(mixed) is None
    assert background(np.zeros((100, 3, 8, 8), dtype=np.uint8)) is None
