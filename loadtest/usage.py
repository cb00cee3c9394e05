"""What a process has used, as the kernel counts it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from loadtest.errors import Stalled

CALM_LOOKS = 4
LOOK_EVERY_S = 0.25
CALM_BYTES = 64 * 1024
CALM_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Usage:
    """Totals at one moment; the difference of two is what was used between them."""

    user_s: float
    system_s: float
    writes: int | None
    """write() and writev() calls, to whatever; None where /proc does not tell. A send() is not
    among them: uvloop writes to sockets with write()."""
    wall_s: float

    @classmethod
    def of(cls, process: psutil.Process) -> Usage:
        with process.oneshot():
            cpu = process.cpu_times()
        try:
            writes = process.io_counters().write_count
        except (psutil.AccessDenied, AttributeError):
            writes = None
        return cls(cpu.user, cpu.system, writes, time.perf_counter())

    @property
    def cpu_s(self) -> float:
        """All threads, in steps of one clock tick (10 ms)."""
        return self.user_s + self.system_s

    def __sub__(self, earlier: Usage) -> Usage:
        known = self.writes is not None and earlier.writes is not None
        return Usage(
            self.user_s - earlier.user_s,
            self.system_s - earlier.system_s,
            (self.writes or 0) - (earlier.writes or 0) if known else None,
            self.wall_s - earlier.wall_s,
        )


def family_cpu_s(process: psutil.Process) -> float:
    """CPU time of a process, of its children, and of those children that have ended."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children():
        with suppress(psutil.NoSuchProcess):  # its time is then its parent's
            times = child.cpu_times()
            total += times.user + times.system
    return total


async def calm_rss(process: psutil.Process) -> int:
    """The resident bytes of a process once they hold still for a second. Raises Stalled."""
    last, calm = 0, 0
    for _ in range(int(CALM_LIMIT_S / LOOK_EVERY_S)):
        now = process.memory_info().rss
        calm = calm + 1 if abs(now - last) < CALM_BYTES else 0
        if calm == CALM_LOOKS:
            return now
        last = now
        await asyncio.sleep(LOOK_EVERY_S)  # a sampling interval
    raise Stalled(f"the memory of process {process.pid} moved for {CALM_LIMIT_S} s")
