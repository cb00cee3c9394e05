"""Checks that uv.lock and requirements.txt can be used by everybody, and say the same.

    python tools/check_lock.py [FOLDER]

A lock file made beside a mirror or a local package names what nobody else can reach. Prints a
line for each problem and exits with 1.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INDEX = "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org/"
PROJECT = {"editable": "."}
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'\\]*")
PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)\s*(?:;[^\\]*)?")
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")

Pins = dict[str, set[str]]
"""name==version -> the hashes of its files"""


def main(folder: Path) -> int:
    try:
        found = list(problems(folder))
    except (OSError, ValueError, KeyError) as error:
        found = [f"{type(error).__name__}: {error}"]
    for problem in found:
        sys.stderr.write(f"check_lock: {problem}\n")
    return 1 if found else 0


def problems(folder: Path) -> Iterator[str]:
    """Raises OSError when a file is missing, ValueError or KeyError when one cannot be read."""
    lock_text = (folder / "uv.lock").read_text("utf-8")
    requirements = (folder / "requirements.txt").read_text("utf-8")
    packages = tomllib.loads(lock_text)["package"]
    yield from foreign_urls(lock_text)
    for package in packages:
        yield from foreign_source(package)
    yield from unwanted_lines(requirements)
    yield from differences(locked_pins(packages), required_pins(requirements))


def foreign_urls(lock_text: str) -> Iterator[str]:
    for url in sorted(set(URL.findall(lock_text))):
        if url.rstrip("/") != INDEX and not url.startswith(FILES):
            yield f"uv.lock names {url}, and may name {INDEX} and {FILES} only; lock again"


def foreign_source(package: dict[str, Any]) -> Iterator[str]:
    """Of what has no URL: a folder, or a file beside the lock file."""
    source = package["source"]
    if source != PROJECT and "://" not in source.get("registry", ""):
        yield f"uv.lock takes {package['name']} from {source}; only the project itself may be local"
    for file in files(package):
        if "url" not in file:
            yield f"uv.lock takes a file of {package['name']} from {file}; it must have a url"
        if not str(file.get("hash", "")).startswith("sha256:"):
            yield f"uv.lock has no sha256 for a file of {package['name']}; lock again"


def files(package: dict[str, Any]) -> list[dict[str, Any]]:
    sdist = [package["sdist"]] if "sdist" in package else []
    return [*sdist, *package.get("wheels", [])]


def unwanted_lines(requirements: str) -> Iterator[str]:
    """What is neither a comment, nor a pinned package, nor a hash of one."""
    for number, line in enumerate(requirements.splitlines(), 1):
        text = line.partition("#")[0].strip().removesuffix("\\").strip()
        if text and not PINNED.fullmatch(text) and not HASH.fullmatch(text):
            yield f"requirements.txt:{number}: {text!r} is no pinned package; run: make lock"


def locked_pins(packages: list[dict[str, Any]]) -> Pins:
    return {
        f"{package['name']}=={package['version']}": {
            file.get("hash", "") for file in files(package)
        }
        for package in packages
        if package["source"] != PROJECT
    }


def required_pins(requirements: str) -> Pins:
    pins: Pins = {}
    pin = ""
    for line in requirements.splitlines():
        if match := PINNED.match(line):
            name = re.sub(r"[-_.]+", "-", match["name"]).lower()
            pin = f"{name}=={match['version']}"
            pins[pin] = set()
        for digest in HASH.findall(line.partition("#")[0]):
            pins.setdefault(pin, set()).add(digest)
    return pins


def differences(locked: Pins, required: Pins) -> Iterator[str]:
    for pin in sorted(locked.keys() - required.keys()):
        yield f"requirements.txt lacks {pin}, which uv.lock has; run: make lock"
    for pin in sorted(required.keys() - locked.keys()):
        yield f"requirements.txt has {pin}, which uv.lock lacks; run: make lock"
    for pin in sorted(locked.keys() & required.keys()):
        if locked[pin] != required[pin]:
            yield f"requirements.txt has other hashes for {pin} than uv.lock; run: make lock"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
