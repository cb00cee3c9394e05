"""The golden frames, read as somebody who writes a client reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.codec import JSON, MSGPACK, Codec
from lumina_protocol.errors import ErrorBody
from lumina_protocol.frame import ErrorFrame, Event, EventFrame, Frame, Reply, ReplyFrame, Request
from pydantic import BaseModel

PROTOCOL = Path(__file__).resolve().parents[2] / "protocol"
CONTENT: dict[str, Any] = json.loads((PROTOCOL / "vectors" / "frames.json").read_text("utf-8"))
CODECS = {"json": JSON, "msgpack": MSGPACK}


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    direction: str
    json: str
    msgpack: str

    @property
    def subject(self) -> str:
        return self.name.split(" ", 1)[0]

    def data(self, codec: Codec) -> bytes:
        return self.json.encode() if codec is JSON else bytes.fromhex(self.msgpack)

    def frame(self, codec: Codec) -> Frame:
        return codec.decode(self.data(codec))

    def model(self, codec: Codec) -> BaseModel:
        frame = self.frame(codec)
        return model_of(frame, self.subject).model_validate(frame.body)


def model_of(frame: Frame, subject: str) -> type[BaseModel]:
    match frame:
        case ErrorFrame():
            return ErrorBody
        case EventFrame(type_):
            return EVENTS[type_]
        case ReplyFrame():
            return REQUESTS[subject].reply
    return REQUESTS[frame.op]


def encode(codec: Codec, frame: Frame, model: BaseModel) -> bytes:
    """The frame again, from its head and the model of its body."""
    match frame, model:
        case ErrorFrame(id_), ErrorBody():
            return codec.error(id_, model)
        case ReplyFrame(id_), Reply():
            return codec.reply(id_, model)
        case EventFrame(), Event():
            return codec.event(model)
    assert isinstance(model, Request)
    assert not isinstance(frame, EventFrame)
    assert frame.id is not None
    return codec.request(frame.id, model)


VECTORS = [Vector(**vector) for vector in CONTENT["frames"]]


def malformed() -> list[tuple[str, Codec, bytes]]:
    """(name, codec, bytes) of each message that must be refused."""
    return [
        (bad["name"], codec, bytes.fromhex(bad[key]))
        for bad in CONTENT["malformed"]
        for key, codec in CODECS.items()
        if key in bad
    ]
