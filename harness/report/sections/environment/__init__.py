"""Section "Environment and reproduction": hardware, software, data and commands of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.records.trial import Phase, Placement, TrialRecord
from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, seed_range
from harness.report.page.table import Table, make_table
from harness.report.section import Keys, Section
from harness.runs.environment import Environment
from harness.schedule.plan import confirm_seeds


def machine_table(environment: Environment) -> Table:
    """Create the table of code, hardware and software versions."""
    hardware, changed = environment.hardware, environment.changed_code
    facts = {
        "Started": environment.started_at,
        "Commit": _commit(environment),
        **({"Code that changed before the run was resumed": ", ".join(changed)} if changed else {}),
        "System": hardware.system,
        "Processor": f"{hardware.cpu}, {hardware.cores} cores, {hardware.memory_gib:.1f} GiB of memory",
        "GPUs": ", ".join(hardware.gpus) or "none",
        "Slots (trials at the same time)": str(environment.slots),
        "Device of a trial": ", ".join(environment.devices) or "unknown",
        "Threads of a trial": ", ".join(map(str, environment.threads)) or "unknown",
        "Precision": ", ".join(environment.precision) or "unknown",
    }
    facts |= {f"Version of {package}": version for package, version in environment.versions.items()}
    return make_table([{"Property": name, "Value": value} for name, value in facts.items()], {"Property", "Value"})


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return "unknown"
    return environment.commit + (" (with uncommitted changes)" if environment.dirty else "")


def checksums_table(environment: Environment) -> Table:
    """Create the table of the data set's files with their SHA-256."""
    rows = [{"File": name, "SHA-256": digest} for name, digest in environment.dataset.sha256.items()]
    return make_table(rows, {"File", "SHA-256"})


def gpu_table(records: Iterable[TrialRecord], titles: Mapping[str, str]) -> Table:
    """Create the table of how each architecture used a GPU. It is empty if no trial used one.

    Args:
        records: Records of all trials.
        titles: Titles of the architectures, by name.
    """
    used: dict[str, list[tuple[Phase, Placement]]] = {}
    for record in records:
        if record.placement is not None and record.placement.device != "cpu":
            used.setdefault(record.spec.architecture, []).append((record.spec.phase, record.placement))
    rows = [_row(titles.get(name, name), of_one) for name, of_one in used.items()]
    return make_table(rows, {"Architecture", "GPU share of a trial", "Precision", "Reason for the other trials"})


def _row(title: str, used: list[tuple[Phase, Placement]]) -> dict[str, str]:
    places = [place for _, place in used]
    confirmed = [place for phase, place in used if phase is Phase.CONFIRM]
    reasons = dict.fromkeys(
        f"{what}: {reason}"
        for place in places
        for what, reason in (("not captured", place.not_captured), ("not trained together", place.not_together))
        if reason is not None
    )
    return {
        "Architecture": title,
        "GPU share of a trial": ", ".join(f"{gpus:g}" for gpus in sorted({place.gpus for place in places})),
        "Precision": ", ".join(sorted({place.precision for place in places})),
        "Trials": str(len(places)),
        "Trials with captured steps": str(sum(place.captured for place in places)),
        "Confirm trials": str(len(confirmed)),
        "Confirm trials trained together": str(sum(place.together > 1 for place in confirmed)),
        "Reason for the other trials": "; ".join(reasons) or MISSING,
    }


def _context(findings: Findings) -> Keys:
    run = findings.run
    checkout = [f"git checkout {run.environment.commit}"] if run.environment.commit else []
    return {
        "commands": "\n".join([*checkout, run.environment.command]),
        "machine": machine_table(run.environment),
        "gpu_use": gpu_table(run.records, findings.titles),
        "seeds": seed_range(confirm_seeds(run.study)),
        "checksums": checksums_table(run.environment),
    }


SECTION = Section(__name__, _context)
