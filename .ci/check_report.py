"""Check that the report of a run contains all files, figures, sections and architectures."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from architectures import BUILT_IN

SECTIONS = (
    "Summary",
    "Accuracy",
    "Verdicts",
    "Cost",
    "Selection",
    "Early stopping",
    "Budget",
    "Grid search",
    "Trials",
    "Confusion matrices",
    "Results per class",
    "Calibration",
    "Errors",
    "Time use",
    "Study",
    "Environment and reproduction",
)
FILES = (
    "report.md",
    "report.html",
    "costs.json",
    "results.json",
    "trials.csv",
    "epochs.csv",
    "study.yaml",
    "environment.json",
    "journal.jsonl",
)


def missing(run: Path) -> list[str]:
    """Return a text for each part that is missing in the run folder."""
    lacks = [name for name in FILES if not (run / name).is_file()]
    if lacks:
        return lacks
    page = (run / "report.md").read_text(encoding="utf-8")
    lacks += [f"section '{section}'" for section in SECTIONS if f"\n## {section}\n" not in page]
    lacks += [f"figure {name}" for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page) if not (run / name).is_file()]
    results = {entry["name"]: entry for entry in json.loads((run / "results.json").read_text())["architectures"]}
    for name in BUILT_IN:
        if not (run / "figures" / f"confusion_matrix_{name}.png").is_file():
            lacks.append(f"confusion matrix of {name}")
        for suffix in ("json", "safetensors"):
            if not (run / "models" / f"{name}.{suffix}").is_file():
                lacks.append(f"models/{name}.{suffix}")
        if results.get(name, {}).get("confirm", {}).get("test_accuracy_mean") is None:
            lacks.append(f"test accuracy of {name}")
    return lacks


if __name__ == "__main__":
    found = missing(Path(sys.argv[1]))
    sys.exit(f"missing in the report: {', '.join(found)}" if found else 0)
