"""Compare networks on your own images, with different image sizes and unbalanced classes."""

# %%
import sys
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from harness import Study, run_study

output = Path(sys.argv[1] if len(sys.argv) > 1 else "reports/own_data")


def paint(folder: Path) -> None:
    """Make example images, with one folder per class. Replace them by your own."""
    random = Random(0)
    for name, images in {"circle": 120, "square": 80, "triangle": 40}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(images):
            side = random.randrange(30, 90)
            image = Image.new("RGB", (side, side), "navy")
            draw, low, high = ImageDraw.Draw(image), side // 5, side - side // 5
            if name == "circle":
                draw.ellipse((low, low, high, high), fill="gold")
            elif name == "square":
                draw.rectangle((low, low, high, high), fill="gold")
            else:
                draw.polygon([(side // 2, low), (low, high), (high, high)], fill="gold")
            image.save(folder / name / f"{number:03}.png")


def main() -> None:
    # %% The images and a study of them. There are few images, so one network trains for ten epochs.
    images = output.parent / "shapes"
    paint(images)
    changes = {"dataset.image_size": 32, "architectures.simple_cnn.space": {"epochs": 10, "batch_size": 16}}
    study = Study.load("smoke", changes, data=str(images)).restricted_to(["simple_cnn", "mlp"])

    # %% Search, confirm and report.
    result = run_study(study, output=output, quiet=True)

    # %% The classes are unbalanced, so compare the balanced accuracy, and look at each class.
    print(result.accuracy[["mean", "balanced", "low", "high"]])
    print(result.classes)
    print(result.confusion_matrix("simple_cnn"))


if __name__ == "__main__":
    main()
