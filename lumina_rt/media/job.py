"""What a node asks of the process that reads a file, and what it is told. Sizes in bytes, and
pixels; standard library only, for both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["image", "gif", "sticker", "video", "audio", "voice_note"]
Code = Literal[
    "type",  # of no type that is taken
    "kind",  # of a type that this kind does not take
    "polyglot",  # something else as well: an archive, a page
    "truncated",  # its end is missing
    "broken",  # it cannot be read
    "codec",  # the stream in it is of a kind that apps do not play
    "too_large",  # pixels, or bytes that came of it
    "too_long",  # frames, or time
    "memory",
    "time",  # needs more of it than one file is given
]

Progress = Callable[[float], None]
"""Told how much is done, from 0 to 1."""


class MediaRefused(Exception):
    """The file is not taken: it would not be the next time either."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code: Code = code
        self.why = why
        """A sentence for its owner."""


class MediaFailed(Exception):
    """This machine's fault, or nobody's: it is worth another try."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may have, and what reading it may cost."""

    pixels: int = 64_000_000
    side: int = 16_384
    frames: int = 300
    frames_pixels: int = 300_000_000
    """Of all frames of an animation together."""
    duration_ms: int = 4 * 3600 * 1000
    voice_ms: int = 3600 * 1000
    gif_ms: int = 60 * 1000
    """Of one that came as a video."""
    memory: int = 1536 * 2**20
    """Addresses of one process, RLIMIT_AS: more than it uses."""
    cpu_s: int = 60
    wall_s: float = 120
    file_bytes: int = 4 * 2**30
    """Of a file that is written."""


@dataclass(frozen=True, slots=True)
class Job:
    source: Path
    folder: Path
    """Where variants are put; of this job alone."""
    kind: Kind
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "source": str(self.source), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Job:
        source, folder = Path(said["source"]), Path(said["folder"])
        return cls(source, folder, said["kind"], Limits(**said["limits"]))


@dataclass(frozen=True, slots=True)
class Variant:
    """A file that was made: `full` is what is kept instead of what was uploaded."""

    name: str
    file: str
    """Its name in the folder of the job."""
    content_type: str
    bytes: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Processed:
    variants: list[Variant]
    """`full` is the first."""
    width: int | None = None
    height: int | None = None
    """As it is shown: turned as its EXIF or its display matrix says."""
    duration_ms: int | None = None
    blurhash: str | None = None
    waveform: list[int] | None = None
    """64 to 256 peaks, 0 to 255, the loudest 255."""
    not_available: str | None = None
    """What this machine does not have, and the file was kept as it came for want of: "ffmpeg"."""
