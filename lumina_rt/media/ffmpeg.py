"""ffmpeg and ffprobe, where they are on the PATH: run without a shell, and told what to read the
file as, so that no playlist or script makes them open anything else."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lumina_rt.media.fences import die_with_parent
from lumina_rt.media.job import MediaRefused

FEW_THREADS = ("-threads", "1")
CUT = (b"moov atom not found", b"truncated", b"end of file")
READ_ONLY_FILES = ("-protocol_whitelist", "file,pipe")


def is_there() -> bool:
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def probe(path: Path, demuxer: str) -> dict[str, Any]:
    """{"streams": [...], "format": {...}}, as ffprobe's JSON has it. Raises MediaRefused."""
    asked = ["-v", "error", "-of", "json", "-show_streams", "-show_format", *READ_ONLY_FILES]
    said = _run(["ffprobe", *asked, "-f", demuxer, "-i", f"file:{path}"])
    found: dict[str, Any] = json.loads(said)
    return found


def make(
    source: Path, demuxer: str, *options: str, made: Path, before: tuple[str, ...] = ()
) -> None:
    """Raises MediaRefused when no file comes of it."""
    _run([*_command(source, demuxer, before), *options, "-y", f"file:{made}"])
    if not made.is_file() or not made.stat().st_size:
        raise MediaRefused("broken", "Nothing in the file can be read.")


@contextmanager
def decoding(source: Path, demuxer: str, *options: str) -> Iterator[IO[bytes]]:
    """What it writes to its stdout. It is ended with the block."""
    command = [*_command(source, demuxer), *options, "pipe:1"]
    with _started(command) as process:
        assert process.stdout
        try:
            yield process.stdout
            process.stdout.close()
            process.wait()
            _look(process.returncode, b"")
        finally:
            process.kill()


def _command(source: Path, demuxer: str, before: tuple[str, ...] = ()) -> list[str]:
    quietly = ["-nostdin", "-hide_banner", "-v", "error", *FEW_THREADS, *READ_ONLY_FILES]
    return ["ffmpeg", *quietly, "-f", demuxer, *before, "-i", f"file:{source}"]


def _run(command: list[str]) -> bytes:
    with _started(command) as process:
        try:
            out, errors = process.communicate()
        finally:
            process.kill()
    _look(process.returncode, errors)
    return out


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if command[-1] != "pipe:1" else subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - there is one thread here
    )


def _look(returned: int, errors: bytes) -> None:
    if returned == -signal.SIGXCPU:
        raise MediaRefused("time", "It needs more time than one file is given.")
    if returned == -signal.SIGXFSZ:
        raise MediaRefused("too_large", "What comes of it is larger than a file may be.")
    if b"Cannot allocate memory" in errors:
        raise MediaRefused("memory", "It needs more memory than one file is given.")
    if b"No space left on device" in errors:
        raise OSError(28, "No space left on device")
    said = errors.lower()
    if b"partial file" in said or (returned and any(sign in said for sign in CUT)):
        raise MediaRefused("truncated", "The end of the file is missing.")
    if returned:
        raise MediaRefused("broken", "The video or sound cannot be read.")
