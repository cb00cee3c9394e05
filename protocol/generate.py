"""Write what follows from the models: schema/, vectors/ and the examples in README.md.

python protocol/generate.py            writes them
python protocol/generate.py --check    writes nothing; exit status 1 when a file is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden.readme import fill
from golden.schemas import schemas
from golden.vectors import vectors

HERE = Path(__file__).resolve().parent


def wanted(root: Path) -> dict[Path, str]:
    """What each generated file should contain."""
    readme = root / "README.md"
    return {
        readme: fill(readme.read_text(encoding="utf-8")),
        root / "vectors" / "frames.json": vectors(),
        **{root / "schema" / name: text for name, text in schemas().items()},
    }


def stale(root: Path) -> dict[Path, str | None]:
    """The files to write, and with None those to delete: their operation is gone."""
    contents = wanted(root)
    found: dict[Path, str | None] = {
        path: text
        for path, text in contents.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    extra = [path for path in (root / "schema").glob("*.json") if path not in contents]
    return found | dict.fromkeys(extra)


def write(files: dict[Path, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str], root: Path = HERE) -> int:
    """The exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    files = stale(root)
    names = "".join(f"  {path.relative_to(root.parent)}\n" for path in sorted(files))
    if not arguments:
        write(files)
        sys.stdout.write(f"written:\n{names}" if names else "everything was up to date\n")
        return 0
    if names:
        sys.stderr.write(f"stale, run `python protocol/generate.py`:\n{names}")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
