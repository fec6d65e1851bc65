"""Tables of what a run ran on, and of where its time went."""

from __future__ import annotations

from harness.records.trial import Phase
from harness.report.formatting import seconds, share
from harness.report.tables.table import Table, make_table
from harness.report.time_use import TimeUse
from harness.runs.environment import Environment


def time_table(use: TimeUse) -> Table:
    """Slot-seconds by what they were spent on."""
    spent = {
        "Start-up": use.start_up,
        **{f"Training, {phase.value}": use.training[phase] for phase in Phase},
        "Validation": use.validation,
        "Reporting and test passes": use.reporting,
        "Idle, or between two trials": use.idle,
        "Latency and throughput of the models": use.cost_pass,
        "Shut-down": use.shut_down,
        "All": use.all,
    }
    rows = [
        {"Spent on": name, "Slot-seconds": seconds(value), "Share": share(value, use.all)}
        for name, value in spent.items()
    ]
    return make_table(rows, {"Spent on"})


def machine_table(environment: Environment) -> Table:
    """What the run ran on, and when."""
    hardware = environment.hardware
    facts = {
        "Started": environment.started_at,
        "Commit": _commit(environment),
        "Code that changed when the run was resumed": ", ".join(environment.changed_code),
        "System": hardware.system,
        "Processor": f"{hardware.cpu}, {hardware.cores} cores, {hardware.memory_gib:.1f} GiB of memory",
        "GPUs": ", ".join(hardware.gpus) or "none",
        "Trials at once": str(environment.slots),
        "Device of a trial": ", ".join(environment.devices) or "not known",
        "Threads of a trial": ", ".join(map(str, environment.threads)) or "not known",
        "Precision": ", ".join(environment.precision) or "not known",
    }
    if not environment.changed_code:
        del facts["Code that changed when the run was resumed"]
    facts |= {f"Version of {package}": version for package, version in environment.versions.items()}
    return make_table([{"What": name, "Value": value} for name, value in facts.items()], {"What", "Value"})


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return "not known"
    return environment.commit + (", with changes that are not committed" if environment.dirty else "")


def checksums_table(environment: Environment) -> Table | None:
    """Files of the data set with their SHA-256; None when the data set has none."""
    rows = [{"File": name, "SHA-256": digest} for name, digest in environment.dataset.sha256.items()]
    return make_table(rows, {"File", "SHA-256"}) if rows else None
