"""Files in a folder of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROBE = b"lumina"


@dataclass(frozen=True, slots=True)
class LocalBlobs:
    folder: Path

    def check(self) -> None:
        """Write, read and remove a probe file. Raises OSError with the cause."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(PROBE)
            if probe.read_bytes() != PROBE:
                raise OSError(f"{probe}: what was written is not what is read")
        finally:
            probe.unlink(missing_ok=True)
