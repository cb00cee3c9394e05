"""Instructions of small pieces of work, counted by callgrind: the same in a noisy moment.

The counts hold for one version of Python and of the libraries; they are compared with those only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from loadtest.bench import counted
from loadtest.errors import CannotStart
from loadtest.floor import require_compiler

SOURCE = Path(__file__).with_name("marks.c")
TIMEOUT_S = 110
NAMED = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
Counts = dict[str, float]


def count() -> Counts:
    """Instructions of each work. Raises CannotStart where there is no valgrind or no gcc."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CannotStart("counting needs valgrind, which is not on the PATH (Debian: valgrind)")
    with tempfile.TemporaryDirectory(prefix="lumina-bench-") as name:
        folder = Path(name)
        marks = folder / "marks.so"
        _run(require_compiler(), "-shared", "-fPIC", "-O2", "-o", str(marks), str(SOURCE))
        _run(
            valgrind, "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={folder / 'out'}",
            sys.executable, "-m", counted.__name__, str(marks),
        )  # fmt: skip
        return _read(folder)


def _run(*command: str) -> None:
    done = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "0"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        raise CannotStart(f"{Path(command[0]).name} ended with {done.returncode}: {last}")


def _read(folder: Path) -> Counts:
    divided = {name: by * counted.TIMES for name, (_, by) in counted.works().items()}
    found = {}
    for file in folder.glob("out*"):
        text = file.read_text()
        named, total = NAMED.search(text), TOTAL.search(text)
        if named and total:
            found[named[1]] = int(total[1]) / divided[named[1]]
    return {name: found[name] for name in divided}
