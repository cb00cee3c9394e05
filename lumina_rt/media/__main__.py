"""The process that reads one file: a job on stdin as JSON, what becomes of it on stdout as lines of
JSON.

    {"progress": 0.4}
    {"done": {...}}  or  {"refused": {"code": "type", "why": "..."}}  or  {"failed": "..."}
"""

from __future__ import annotations

import errno
import json
import sys
from dataclasses import asdict
from typing import Any

from lumina_rt.media.fences import fence
from lumina_rt.media.job import Job, MediaRefused, Processed


def main() -> None:
    job = Job.from_json(json.loads(sys.stdin.buffer.read()))
    fence(job.limits)
    try:
        said: dict[str, Any] = {"done": asdict(_process(job))}
    except MediaRefused as refused:
        said = {"refused": {"code": refused.code, "why": refused.why}}
    except MemoryError:
        why = "It needs more memory than one file is given."
        said = {"refused": {"code": "memory", "why": why}}
    except OSError as error:
        if error.errno != errno.EFBIG:
            said = {"failed": f"{type(error).__name__}: {error.strerror}"}
        else:
            why = "What comes of it is larger than a file may be."
            said = {"refused": {"code": "too_large", "why": why}}
    _say(said)


def _process(job: Job) -> Processed:
    # Below the fence, and only what is needed: a picture needs no ffmpeg.
    from lumina_rt.media.sniff import real_type  # noqa: PLC0415

    real = real_type(job.source)
    if real.family == "image":
        from lumina_rt.media import pictures  # noqa: PLC0415

        return pictures.process(job, real, _progress)
    from lumina_rt.media import clips  # noqa: PLC0415

    return clips.process(job, real, _progress)


def _progress(share: float) -> None:
    _say({"progress": round(share, 2)})


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
