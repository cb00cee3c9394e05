"""`GET /v1/openapi.json`: what there is over HTTP, made from the models (OpenAPI 3.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from lumina_protocol import REQUESTS
from lumina_protocol.errors import ErrorBody
from lumina_protocol.frame import Request
from lumina_protocol.json_schema import Asked, Told
from pydantic.json_schema import models_json_schema

from lumina_rt import __version__
from lumina_rt.http.openapi_files import FILES

PATH = "/v1/openapi.json"
JSON = "application/json"
Schema = dict[str, Any]


class Both(Told):
    """Replies as a server sends them, requests as it takes them."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        made = Asked if self.mode == "validation" else Told
        return made.field_is_required(self, field, total)

    def nullable_schema(self, schema: Any) -> Schema:
        made = Asked if self.mode == "validation" else Told
        return made.nullable_schema(self, schema)

    def default_schema(self, schema: Any) -> Schema:
        made = Asked if self.mode == "validation" else Told
        return made.default_schema(self, schema)


async def openapi(request: web.Request) -> web.Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return web.Response(body=text(), content_type=JSON, headers=headers)


@cache
def text() -> bytes:
    """JSON Schema knows no format `uuid7`; the pattern beside it says the same."""
    return orjson.dumps(document()).replace(b'"uuid7"', b'"uuid"')


def document() -> Schema:
    models = [model for model in REQUESTS.values() if model.over_http]
    inputs = [(model, "validation") for model in models]
    outputs = [(model.reply, "serialization") for model in models]
    refs, schemas = models_json_schema(
        [*dict.fromkeys([*inputs, *outputs]), (ErrorBody, "serialization")],  # type: ignore[list-item]
        schema_generator=Both,
        ref_template="#/components/schemas/{model}",
    )
    error = {"content": {JSON: {"schema": refs[ErrorBody, "serialization"]}}}
    paths: Schema = {
        f"/v1/{model.op}": {"post": _operation(model, refs)}
        for model in sorted(models, key=lambda model: model.op)
    }
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Lumina RT",
            "version": __version__,
            "description": "Events come over the websocket at /v1/socket only.",
        },
        "servers": [{"url": "/"}],
        "paths": {**paths, **FILES},
        "components": {
            "schemas": schemas["$defs"],
            "responses": {"Error": {"description": "Why it was not done.", **error}},
            "securitySchemes": {"login": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(model: type[Request[Any]], refs: Mapping[tuple[Any, Any], Schema]) -> Schema:
    said = " ".join((model.__doc__ or "").split()) if "__doc__" in vars(model) else ""
    asked = refs[model, "validation"]
    told = refs[model.reply, "serialization"]
    return {
        "operationId": model.op,
        "tags": [model.op.partition(".")[0]],
        **({"description": said} if said else {}),
        "security": [] if model.public else [{"login": []}],
        "x-retry-safe": model.retry_safe,
        "requestBody": {"required": True, "content": {JSON: {"schema": asked}}},
        "responses": {
            "200": {"description": "Done.", "content": {JSON: {"schema": told}}},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
