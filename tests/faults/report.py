"""What is said of a run: how it went, and when it failed, where the logs are."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.faults.evidence import Evidence, Violation
from tests.faults.log import write


def failure(evidence: Evidence, schedule: object, violations: list[Violation]) -> str:
    """Keeps the logs, and says what was wrong, under which schedule, and where they are."""
    folder = keep(evidence)
    wrong = "\n".join(f"  {violation}" for violation in violations)
    return (
        f"{len(violations)} violations\n{wrong}\nunder the schedule\n{schedule}\n"
        f"healed at {evidence.healed_at:.3f} s; the logs of the clients are in {folder}"
    )


def keep(evidence: Evidence) -> Path:
    """Into a new folder, one file of JSON lines for each client."""
    folder = Path(tempfile.mkdtemp(prefix="lumina-faults-logs-"))
    for log in evidence.logs:
        write(log, folder)
    return folder
