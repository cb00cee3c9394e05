"""What the process that reads a file gives up before it does: see setrlimit(2) and prctl(2)."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

from lumina_rt.media.job import Limits

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
NICE = 10


def fence(limits: Limits) -> None:
    """Chat goes first, there is no core file, and who asked for it takes it along when it dies.
    What is started from here has the same limits."""
    os.nice(NICE)
    die_with_parent()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, limits.cpu_s, spare=1)  # at the hard one nobody is told why
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, 64)
    if sys.platform == "linux":  # elsewhere it counts what libraries map
        _limit(resource.RLIMIT_AS, limits.memory)


def die_with_parent() -> None:
    """Who started it keeps its limit of time. Linux only; that of CPU time is everywhere."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(what: int, value: int, spare: int = 0) -> None:
    _, most = resource.getrlimit(what)
    hard = value + spare if most == resource.RLIM_INFINITY else min(value + spare, most)
    resource.setrlimit(what, (min(value, hard), hard))
