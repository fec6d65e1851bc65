"""A network of your own against LeNet-5, in a notebook-like script: is it better?"""

# %% Where results go, and the network: PyTorch's MNIST example, in the file beside this one.
import sys
from pathlib import Path

from harness import Study, run_study

HERE = Path(__file__).parent
output = Path(sys.argv[1] if len(sys.argv) > 1 else "reports/own_architecture")


def main() -> None:
    # %% A study: smoke is a tenth of MNIST; use "default" for numbers that mean something.
    study = Study.load("smoke", {"confirm.seeds": 3}).restricted_to(["lenet5"])

    # %% Search, confirm, report.
    result = run_study(study, output=output, architectures=[HERE / "mnist_net.py"], quiet=True)

    # %% What came of it.
    print(result.accuracy[["mean", "low", "high", "seeds", "group"]])
    print(result.verdicts[["a", "b", "difference", "low", "high", "verdict"]])
    print(f"the whole report: {result.report}")


if __name__ == "__main__":
    main()
