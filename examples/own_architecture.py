"""Compare your own network with LeNet-5. The script has notebook cells."""

# %% Output folder. The network is in mnist_net.py, in the same folder as this file.
import sys
from pathlib import Path

from harness import Study, run_study

HERE = Path(__file__).parent
output = Path(sys.argv[1] if len(sys.argv) > 1 else "reports/own_architecture")


def main() -> None:
    # %% The study "smoke" uses a tenth of MNIST. Use "default" for meaningful results.
    study = Study.load("smoke", {"confirm.seeds": 3}).restricted_to(["lenet5"])

    # %% Search, confirm and report.
    result = run_study(study, output=output, architectures=[HERE / "mnist_net.py"], quiet=True)

    # %% Results.
    print(result.accuracy[["mean", "low", "high", "seeds", "group"]])
    print(result.verdicts[["a", "b", "difference", "low", "high", "verdict"]])
    print(f"report: {result.report}")


if __name__ == "__main__":
    main()
