"""protocol/vectors/frames.json."""

from __future__ import annotations

import json

import msgpack
from lumina_protocol import VERSION
from lumina_protocol.codec import JSON, MSGPACK

from golden.examples import EXAMPLES
from golden.malformed import JSON_ONLY, MSGPACK_ONLY, VALUES

ABOUT = (
    "Golden frames. `frames`: the same frame as the server's codecs write it, `json` as text and "
    "`msgpack` as bytes in hex. `malformed`: messages that a decoder must refuse, bytes in hex. "
    "Written by protocol/generate.py."
)


def vectors() -> str:
    content = {
        "about": ABOUT,
        "protocol": VERSION,
        "frames": [
            {
                "name": example.name,
                "direction": example.direction,
                "json": example.write(JSON).decode(),
                "msgpack": example.write(MSGPACK).hex(),
            }
            for example in EXAMPLES
        ],
        "malformed": malformed(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def malformed() -> list[dict[str, str]]:
    """{name, msgpack or json, why} for each."""
    found = []
    for name, value, why in VALUES:
        found.append({"name": name, "msgpack": msgpack.packb(value).hex(), "why": why})
        found.append({"name": name, "json": json.dumps(value).encode().hex(), "why": why})
    found += [{"name": b.name, "msgpack": b.data.hex(), "why": b.why} for b in MSGPACK_ONLY]
    found += [{"name": b.name, "json": b.data.hex(), "why": b.why} for b in JSON_ONLY]
    return found
