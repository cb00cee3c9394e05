"""What is said of a run: how it went, and when it failed, where the logs are."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from tests.faults.evidence import Evidence, Violation, settled
from tests.faults.log import CaughtUp, Interrupted, write
from tests.faults.play import Play
from tests.faults.world import World


def failure(
    evidence: Evidence, schedule: object, violations: Sequence[Violation], world: World
) -> str:
    """Keeps the logs, and says what was wrong, under which schedule, and where they are."""
    folder = keep(evidence, world)
    wrong = "\n".join(f"  {violation}" for violation in violations)
    return (
        f"{len(violations)} violations\n{wrong}\nunder the schedule\n{schedule}\n"
        f"healed at {evidence.healed_at:.3f} s; the logs of clients and nodes are in {folder}"
    )


def keep(evidence: Evidence, world: World) -> Path:
    """Into a new folder: a file of JSON lines for each client, and what each node has logged."""
    folder = Path(tempfile.mkdtemp(prefix="lumina-faults-logs-"))
    for log in evidence.logs:
        write(log, folder)
    for node in world.nodes:
        shutil.copy(node.log, folder / f"{node.name}.log")
    return folder


@dataclass(slots=True)
class Tally:
    """What a run was, over all of its acts."""

    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and outcome."""
    faults: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    reconnects: int = 0
    resumes: int = 0
    recovered_s: list[float] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)

    def add(self, play: Play, evidence: Evidence, violations: Sequence[Violation]) -> None:
        for log in evidence.logs:
            self.operations.update((asked.op, answer.outcome) for asked, answer in settled(log))
            self.reconnects += sum(isinstance(entry, Interrupted) for entry in log.entries)
            self.resumes += sum(isinstance(entry, CaughtUp) for entry in log.entries) - 1
        self.messages += sum(len(talk.messages) for talk in evidence.truth.values())
        self.faults += play.faults
        self.recovered_s += play.recovered_s
        self.violations.update(violation.demand for violation in violations)

    def table(self) -> Table:
        table = Table(title="the run", show_header=False)
        for (op, outcome), count in sorted(self.operations.items()):
            table.add_row(f"{op}: {outcome}", f"{count:,}")
        table.add_section()
        for fault, count in sorted(self.faults.items()):
            table.add_row(fault.replace("_", " "), f"{count:,}")
        table.add_section()
        table.add_row("messages on disk", f"{self.messages:,}")
        table.add_row("reconnects", f"{self.reconnects:,}")
        table.add_row("resumes", f"{self.resumes:,}")
        for share in (0.5, 0.99):
            label = f"from a heal until a client had all, p{share * 100:.0f}"
            table.add_row(label, f"{quantile(self.recovered_s, share):.2f} s")
        table.add_section()
        for demand, count in self.violations.items():
            table.add_row(f"[red]violated: {demand.replace('_', ' ')}", f"[red]{count:,}")
        table.add_row("violations", f"{sum(self.violations.values()):,}")
        return table


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below this share of them; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
