"""Helpers of the benchmarks: alternating measurement, ratios, and result files."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tabulate import tabulate

from harness.runs import provenance

RESULTS = Path(__file__).parent / "results"


def take_turns(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure the seconds of every contender in every round, after one warm-up round.

    The contenders alternate, so that other load on the machine affects all of them equally.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            seconds = contender()
            if turn:
                taken[name].append(seconds)
    return taken


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Return the ratio of the medians: how many times as long the first takes."""
    return statistics.median(slow) / statistics.median(fast)


def add_section(name: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table and add it to the results of a benchmark with several parts.

    Tables that were measured with another commit or on another machine are removed.
    """
    try:
        before = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = {}
    same = before.get("commit") == provenance.commit()[0] and before.get("hardware") == provenance.hardware()
    write_results(name, (before["tables"] if same else {}) | {title: rows}, {})


def forget_results(name: str) -> None:
    """Delete earlier results of a benchmark."""
    (RESULTS / f"{name}.json").unlink(missing_ok=True)


def write_results(name: str, sections: Mapping[str, Sequence[Mapping[str, Any]]], raw: Mapping[str, Any]) -> None:
    """Print the tables, and write them with all measurements, hardware and versions.

    Args:
        name: Name of the benchmark. The files are `results/<name>.md` and `results/<name>.json`.
        sections: Title to rows. The keys of the first row are the columns.
        raw: All single measurements.
    """
    commit, dirty = provenance.commit()
    where = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "hardware": provenance.hardware(),
        "versions": provenance.versions(),
    }
    hardware, versions = where["hardware"], where["versions"]
    lines = [f"# {name}", ""]
    for title, rows in sections.items():
        lines += [f"## {title}", "", tabulate([dict(row) for row in rows], headers="keys", tablefmt="github"), ""]
    lines.append(
        f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB, "
        f"GPUs: {', '.join(hardware['gpus']) or 'none'}; Python {versions['python']}, torch {versions['torch']}, "
        f"Ray {versions['ray']}; commit {commit}{' with changes' if dirty else ''}, {where['measured_at']}."
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    document = where | {"tables": sections, "raw": raw}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")
