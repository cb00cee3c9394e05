"""The example blocks of protocol/README.md, between `<!-- example: NAME -->` and `<!-- end -->`.

NAME is the name of one golden frame, or its first word for all frames of an operation or event.
"""

from __future__ import annotations

import json
import re
from typing import Any

from lumina_protocol.codec import JSON, MSGPACK

from golden.examples import EXAMPLES
from golden.frames import Example

BLOCK = re.compile(r"(<!-- example: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = 112


def fill(text: str) -> str:
    """The README with its example blocks made anew. Raises KeyError for an unknown example."""
    return BLOCK.sub(lambda block: f"{block[1]}{_block(block[2])}{block[3]}", text)


def _block(name: str) -> str:
    chosen = [example for example in EXAMPLES if name in (example.name, example.subject)]
    if not chosen:
        raise KeyError(f"protocol/README.md asks for an example that there is not: {name}")
    return "\n".join(_show(example) for example in chosen)


def _show(example: Example) -> str:
    what = example.name.split(" ", 1)[1].capitalize()
    text = wrapped(json.loads(example.write(JSON)))
    packed = example.write(MSGPACK).hex()
    lines = "\n".join(packed[i : i + WIDTH] for i in range(0, len(packed), WIDTH))
    return f"{what}:\n```json\n{text}\n```\n```text\n{lines}\n```\n"


def wrapped(value: Any) -> str:
    """JSON in lines of at most WIDTH characters where it can be broken, which is after commas."""
    pieces = json.dumps(value, ensure_ascii=False, separators=(",\n", ": ")).split("\n")
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= WIDTH:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"  {piece}")
    return "\n".join(lines)
