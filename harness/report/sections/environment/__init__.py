"""What the run ran on, and how to run it again."""

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
    """What the run ran on, and when."""
    hardware, changed = environment.hardware, environment.changed_code
    facts = {
        "Started": environment.started_at,
        "Commit": _commit(environment),
        **({"Code that changed when the run was resumed": ", ".join(changed)} if changed else {}),
        "System": hardware.system,
        "Processor": f"{hardware.cpu}, {hardware.cores} cores, {hardware.memory_gib:.1f} GiB of memory",
        "GPUs": ", ".join(hardware.gpus) or "none",
        "Trials at once": str(environment.slots),
        "Device of a trial": ", ".join(environment.devices) or "not known",
        "Threads of a trial": ", ".join(map(str, environment.threads)) or "not known",
        "Precision": ", ".join(environment.precision) or "not known",
    }
    facts |= {f"Version of {package}": version for package, version in environment.versions.items()}
    return make_table([{"What": name, "Value": value} for name, value in facts.items()], {"What", "Value"})


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return "not known"
    return environment.commit + (", with changes that are not committed" if environment.dirty else "")


def checksums_table(environment: Environment) -> Table:
    """Files of the data set with their SHA-256."""
    rows = [{"File": name, "SHA-256": digest} for name, digest in environment.dataset.sha256.items()]
    return make_table(rows, {"File", "SHA-256"})


def gpu_table(records: Iterable[TrialRecord], titles: Mapping[str, str]) -> Table:
    """What was done on a GPU for each architecture, and why no more; empty where no trial ran on one.

    Args:
        records: of all trials.
        titles: of the architectures, by name.
    """
    used: dict[str, list[tuple[Phase, Placement]]] = {}
    for record in records:
        if record.placement is not None and record.placement.device != "cpu":
            used.setdefault(record.spec.architecture, []).append((record.spec.phase, record.placement))
    rows = [_row(titles.get(name, name), of_one) for name, of_one in used.items()]
    return make_table(rows, {"Architecture", "Share of a GPU", "Precision", "Why not all"})


def _row(title: str, used: list[tuple[Phase, Placement]]) -> dict[str, str]:
    places = [place for _, place in used]
    confirmed = [place for phase, place in used if phase is Phase.CONFIRM]
    reasons = dict.fromkeys(
        f"{what}: {reason}"
        for place in places
        for what, reason in (("not captured", place.not_captured), ("not together", place.not_together))
        if reason is not None
    )
    return {
        "Architecture": title,
        "Share of a GPU": ", ".join(f"{gpus:g}" for gpus in sorted({place.gpus for place in places})),
        "Precision": ", ".join(sorted({place.precision for place in places})),
        "Trials": str(len(places)),
        "With captured steps": str(sum(place.captured for place in places)),
        "Confirm trials": str(len(confirmed)),
        "Trained together": str(sum(place.together > 1 for place in confirmed)),
        "Why not all": "; ".join(reasons) or MISSING,
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
