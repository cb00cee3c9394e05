"""The node's side: starts the process that reads a file, and holds it to its time."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lumina_rt.media.job import Code, Job, MediaFailed, MediaRefused, Processed, Progress

COMMAND = (sys.executable, "-I", "-m", "lumina_rt.media")
LINE = 65_536
LINES = 10_000
"""More progress than this is no progress."""
TOLD = 500
"""Bytes of what it wrote to stderr, for the log."""
FILE = re.compile(r"[a-z]+\.[a-z0-9]+")


class _Refused(BaseModel):
    code: Code
    why: str


class _Said(BaseModel):
    """What comes from a process that has read a stranger's file is looked at like a stranger's."""

    model_config = ConfigDict(extra="forbid")

    progress: float | None = None
    done: Processed | None = None
    refused: _Refused | None = None
    failed: str | None = None


SAID: TypeAdapter[_Said] = TypeAdapter(_Said)


async def process(job: Job, progress: Progress = lambda share: None) -> Processed:
    """Read a file and make its variants in the folder of the job.

    Raises MediaRefused when it is not taken, MediaFailed when this machine is at fault. When it
    raises, or is cancelled, nothing is running any more; the folder is the caller's to remove.
    """
    try:
        async with asyncio.timeout(job.limits.wall_s), _started() as child:
            said = await _talk(child, job, progress)
    except TimeoutError:
        raise MediaRefused("time", "It needs more time than one file is given.") from None
    except OSError as error:
        raise MediaFailed(f"no process: {error}") from error
    if said.refused:
        raise MediaRefused(said.refused.code, said.refused.why)
    if said.done is None:
        raise MediaFailed(said.failed or "nothing was said")
    _check(said.done, job)
    return said.done


@asynccontextmanager
async def _started() -> AsyncIterator[Process]:
    """In a group of its own, with nothing of the node's environment: there are secrets in it."""
    child = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


async def _talk(child: Process, job: Job, progress: Progress) -> _Said:
    """Its last word. Raises MediaRefused when it was ended by a limit."""
    assert child.stdin
    assert child.stderr
    errors = asyncio.create_task(_last(child.stderr))
    try:
        with suppress(ConnectionError):
            child.stdin.write(orjson.dumps(job.to_json()))
            await child.stdin.drain()
        child.stdin.close()
        said = await _last_word(child, progress)
        returned = await child.wait()
        if returned == -signal.SIGXCPU:
            raise MediaRefused("time", "It needs more time than one file is given.")
        if returned or said is None:
            raise MediaFailed(f"it ended with {returned}: {await errors}")
    finally:
        errors.cancel()
    return said


async def _last_word(child: Process, progress: Progress) -> _Said | None:
    assert child.stdout
    for _ in range(LINES):
        try:
            line = await child.stdout.readline()
            if not line:
                return None
            said = SAID.validate_json(line)
        except (ValueError, ValidationError) as error:
            raise MediaFailed("it said what nobody understands") from error
        if said.progress is None:
            return said
        progress(min(1.0, max(0.0, said.progress)))
    raise MediaFailed("it said too much")


async def _last(stream: asyncio.StreamReader) -> str:
    """The end of it, so that it never waits for a reader."""
    kept = b""
    while data := await stream.read(LINE):
        kept = (kept + data)[-TOLD:]
    return kept.decode(errors="replace").strip()


def _check(done: Processed, job: Job) -> None:
    """Raises MediaFailed when a variant is no file of the folder."""
    names = [variant.name for variant in done.variants]
    if not names or names[0] != "full" or len(set(names)) != len(names):
        raise MediaFailed("it has made no file that can be kept")
    if any(not 0 <= peak <= 255 for peak in done.waveform or ()):
        raise MediaFailed("its waveform is none")
    for variant in done.variants:
        path = job.folder / variant.file
        if not FILE.fullmatch(variant.file) or path.is_symlink() or not path.is_file():
            raise MediaFailed(f"it has made no file {variant.name}")
        if path.stat().st_size != variant.bytes:
            raise MediaFailed(f"{variant.name} is not whole")
