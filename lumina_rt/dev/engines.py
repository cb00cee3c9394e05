"""Starts Postgres and Valkey (or Redis) on unix sockets, and stops them cleanly.

They die with us even when we are killed (PR_SET_PDEATHSIG, see prctl(2)); what is committed is
on disk and there at the next start.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from lumina_rt.bus.facts import EMBEDDED as REDIS_CONF
from lumina_rt.dev import binaries as programs
from lumina_rt.dev.binaries import Binaries, EngineError, Source
from lumina_rt.dev.home import Home, prepare, usable
from lumina_rt.store.facts import EMBEDDED as PG_CLUSTER

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
OWNER = "lumina"
"""Owns the schema, and everything else here."""
WRITER = "lumina_writer"
"""Whom the migrations make for the nodes: it may change rows, and nothing else."""
Say = Callable[[str], None]
Process = subprocess.Popen[bytes]


@dataclass(slots=True)
class Engines:
    """Running engines. `database` must be created by whoever wants another than `postgres`."""

    home: Home
    binaries: Binaries
    postgres: Process
    redis: Process
    lock: IO[str]

    def database_url(self, database: str = "postgres", user: str = OWNER) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.home.run), safe='')}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.home.run}/redis.sock"

    def check(self) -> None:
        """Raises EngineError when one has ended by itself."""
        for name, process in (("postgres", self.postgres), ("redis", self.redis)):
            if (code := process.poll()) is not None:
                log = self.home.data / f"{name}.log"
                raise EngineError(f"{name} ended with {code}; its log is {log}")

    def stop(self) -> None:
        """A fast shutdown of Postgres, which rolls back what is open, and a clean one of Redis."""
        self.redis.send_signal(signal.SIGTERM)
        self.postgres.send_signal(signal.SIGINT)
        for process in (self.redis, self.postgres):
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.lock.close()


def start(lumina: Path, *, source: Source | None = None, say: Say = lambda line: None,
          postgres_options: tuple[str, ...] = ()) -> Engines:  # fmt: skip
    """Start both, create what is missing. Raises EngineError with the engine's last words."""
    home = prepare(lumina)
    lock = _lock(home)
    found = usable(home, programs.find(source))
    if not (home.data / "pg" / "PG_VERSION").exists():
        say("creating the Postgres data folder")
        _initdb(home, found)
    postgres = redis = None
    try:
        postgres = _start_postgres(home, found, postgres_options)
        redis = _start_redis(home, found)
        _wait("postgres", postgres, lambda: _postgres_ready(home, postgres), home)
        _wait("redis", redis, lambda: _redis_ready(home), home)
    except BaseException:
        for process in (postgres, redis):
            if process:
                process.kill()
                process.wait()
        lock.close()
        raise
    return Engines(home, found, postgres, redis, lock)


def _lock(home: Home) -> IO[str]:
    """One supervisor for each home; the kernel takes the lock back when we die."""
    lock = open(home.data / "lock", "a+")  # noqa: SIM115  (held until the engines stop)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        lock.close()
        raise EngineError(
            f"the engines in {home.data} are in use by process {pid}; stop it first "
            "(for two nodes: NODES=2 make dev)"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _initdb(home: Home, found: Binaries) -> None:
    """Into a folder of its own, renamed when complete: a start that was cut off leaves nothing."""
    unfinished = home.data / "pg.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    done = home.command(
        found.postgres / "initdb", "-D", unfinished, "-U", OWNER, "--auth=trust",
        "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
    )  # fmt: skip
    if done.returncode:
        raise EngineError(f"initdb failed: {_last_line(done.stderr)}")
    unfinished.rename(home.data / "pg")


def _start_postgres(home: Home, found: Binaries, options: tuple[str, ...]) -> Process:
    settings = (
        f"unix_socket_directories={home.run}", "listen_addresses=", "unix_socket_permissions=0700",
        f"cluster_name={PG_CLUSTER}", "max_connections=200", *options,
    )  # fmt: skip
    flags = [part for setting in settings for part in ("-c", setting)]
    program = found.postgres / "postgres"
    return _spawn(home, "postgres", signal.SIGINT, program, "-D", home.data / "pg", *flags)


def _start_redis(home: Home, found: Binaries) -> Process:
    home.make(home.data / "redis")
    conf = home.data / REDIS_CONF
    conf.write_text(
        f"port 0\nunixsocket {home.run}/redis.sock\nunixsocketperm 700\n"
        f"dir {home.data / 'redis'}\nappendonly yes\nsave ''\n"
    )
    conf.chmod(0o644)
    return _spawn(home, "redis", signal.SIGTERM, found.redis, conf)


def _spawn(home: Home, name: str, death: signal.Signals, *args: str | Path) -> Process:
    """In a process group of its own, so that Ctrl-C reaches us and not the engine."""
    log: Any = open(home.data / f"{name}.log", "ab")  # noqa: SIM115  (closed below)
    with log:
        return subprocess.Popen(
            [str(arg) for arg in args], cwd=home.data, env=home.env, stdout=log,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, process_group=0,
            preexec_fn=die_with_parent(death), **home.owner,  # noqa: PLW1509  (only calls prctl)
        )  # fmt: skip


def die_with_parent(death: signal.Signals) -> Callable[[], None]:
    """For preexec_fn: the kernel sends `death` to the child when its parent ends, in any way."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    pr_set_pdeathsig = 1

    def ask_kernel() -> None:
        prctl(pr_set_pdeathsig, int(death))

    return ask_kernel


def _wait(name: str, process: Process, ready: Callable[[], bool], home: Home) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while not ready():
        log = home.data / f"{name}.log"
        if process.poll() is not None:
            words = _last_line(log.read_text(errors="replace"))
            raise EngineError(f"{name} did not start: {words} (all of it: {log})")
        if time.monotonic() > until:
            raise EngineError(f"{name} was not ready after {START_TIMEOUT_S} s; see {log}")
        time.sleep(0.01)


def _postgres_ready(home: Home, process: Process) -> bool:
    """By the status line of postmaster.pid, if it is our process's and not left from a dead one."""
    try:
        lines = (home.data / "pg" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready"


def _redis_ready(home: Home) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(home.run / "redis.sock"))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
