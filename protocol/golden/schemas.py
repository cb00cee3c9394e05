"""protocol/schema/*.json: JSON Schema (draft 2020-12) of whole frames, as the JSON codec writes
them. In MessagePack only the ids differ: 16 bytes of `bin` instead of text.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.errors import ErrorBody
from lumina_protocol.frame import MAX_REQUEST_ID, Kind, Request
from lumina_protocol.json_schema import Asked, Told
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

Schema = dict[str, Any]
ID: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_REQUEST_ID}


def schemas() -> dict[str, str]:
    """File name -> content."""
    found = {f"{op}.json": of_request(op, model) for op, model in REQUESTS.items()}
    for type_, event in EVENTS.items():
        frame = _frame(Kind.EVENT, {"const": type_}, _ref(event))
        found[f"{type_}.json"] = _document(type_, frame, _defs(event, Told, "serialization"))
    frame = _frame(Kind.ERROR, {"anyOf": [ID, {"type": "null"}]}, _ref(ErrorBody))
    found["error.json"] = _document("error", frame, _defs(ErrorBody, Told, "serialization"))
    return {name: _text(schema) for name, schema in found.items()}


def _text(schema: Schema) -> str:
    """JSON Schema knows no format `uuid7`; the pattern beside it says the same."""
    return json.dumps(schema, indent=2).replace('"uuid7"', '"uuid"') + "\n"


def of_request(op: str, model: type[Request[Any]]) -> Schema:
    """A request or its reply."""
    frames = [
        _frame(Kind.REQUEST, ID, {"const": op}, _ref(model)),
        _frame(Kind.REPLY, ID, _ref(model.reply)),
    ]
    flags = {"x-public": model.public, "x-retry-safe": model.retry_safe}
    defs = _defs(model, Asked, "validation") | _defs(model.reply, Told, "serialization")
    return _document(op, {**flags, "oneOf": frames}, defs)


def _document(title: str, schema: Schema, defs: Schema) -> Schema:
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "title": title, **schema, "$defs": defs}


def _frame(kind: Kind, *rest: Schema) -> Schema:
    items = [{"const": kind.value}, *rest]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _defs(
    model: type[BaseModel],
    generator: type[GenerateJsonSchema],
    mode: Literal["validation", "serialization"],
) -> Schema:
    schema = model.model_json_schema(mode=mode, schema_generator=generator)
    inner: Schema = schema.pop("$defs", {})
    return {model.__name__: schema, **inner}
