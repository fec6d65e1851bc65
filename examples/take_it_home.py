"""Export the best model of a run to a file that torch loads without the harness, and use it."""

# %%
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from harness import Study, run_study
from harness.export import export

output = Path(sys.argv[1] if len(sys.argv) > 1 else "reports/take_it_home")


def main() -> None:
    # %% A small run on scikit-learn's digits.
    changes = {"architectures.mlp.space": {"epochs": 20, "batch_size": 32}}
    result = run_study(Study.load("smoke", changes, data="digits").restricted_to(["mlp"]), output=output, quiet=True)
    print(result.accuracy[["mean", "validation"]])

    # %% Export the model with its preprocessing, and a model card.
    files = export(output, None, ["exported-program"], None, None)
    print([file.name for file in files])

    # %% Predict with torch only: uint8 images in, probabilities out.
    model = torch.export.load(files[0]).module()
    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images[:10].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    predicted = model(torch.from_numpy(pixels)).argmax(1).tolist()
    print(f"predicted {predicted}, true {labels[:10].tolist()}")

    # %% Predict from the command line: python -m harness.predict MODEL.pt2 IMAGE...
    Image.fromarray(pixels[3, 0]).resize((80, 80)).save(output / "three.png")
    print(f"python -m harness.predict {files[0]} {output / 'three.png'}")


if __name__ == "__main__":
    main()
