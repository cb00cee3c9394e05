"""What of OpenAPI no model says: uploads, media and health."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
ERROR: Schema = {"default": {"$ref": "#/components/responses/Error"}}


def parameter(name: str, where: str, *, form: str = "string", needed: bool = True) -> Schema:
    return {"name": name, "in": where, "required": needed, "schema": {"type": form}}


def binary(type_: str = "application/octet-stream") -> Schema:
    return {"content": {type_: {"schema": {}}}}


def _header(form: str) -> Schema:
    return {"required": True, "schema": {"type": form}}


def _operation(said: str, answers: Schema, given: list[Schema], **more: Any) -> Schema:
    return {"description": said, "security": [], "parameters": given, "responses": answers, **more}


SIGNED = [parameter(name, "query") for name in ("login", "until", "signature")]
MEDIA_ID = parameter("media_id", "path")
VERSION = parameter("Tus-Resumable", "header")
OFFSET = parameter("Upload-Offset", "header", form="integer")
TUS = {"Tus-Resumable": _header("string"), "Upload-Offset": _header("integer")}
URL = "The whole URL is what `{op}` gives; nobody else can make it."

_upload: Schema = {
    "head": _operation(
        f"How far an upload is (tus 1.0.0). {URL.format(op='upload.create')}",
        {"200": {"description": "So far.", "headers": TUS}, **ERROR},
        [VERSION],
        operationId="upload.offset",
    ),
    "patch": _operation(
        "More of it, from the offset that `HEAD` tells.",
        {"204": {"description": "Kept.", "headers": TUS}, **ERROR},
        [VERSION, OFFSET],
        operationId="upload.bytes",
        requestBody={"required": True, **binary("application/offset+octet-stream")},
    ),
    "delete": _operation(
        "Give it up.",
        {"204": {"description": "It is gone."}, **ERROR},
        [VERSION],
        operationId="upload.terminate",
    ),
}
_media: Schema = {
    "get": _operation(
        f"A picture, a video or a sound, or a range of it. {URL.format(op='media.urls')}",
        {
            "200": {"description": "All of it.", **binary("*/*")},
            "206": {"description": "The range.", **binary("*/*")},
            "304": {"description": "What you have is what there is."},
            "416": {"description": "There is no such range."},
            **ERROR,
        },
        [
            parameter("Range", "header", needed=False),
            parameter("If-None-Match", "header", needed=False),
        ],
        operationId="media.file",
    )
}


def _asked(said: str, answers: tuple[str, ...], id_: str) -> Schema:
    """Of the private port, which is for operators."""
    told = {
        "description": "As it is.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "servers": [{"url": "http://{host}:{port}", "description": "the private port",
                     "variables": {"host": {"default": "127.0.0.1"},
                                   "port": {"default": "9090"}}}],
        "get": _operation(said, dict.fromkeys(answers, told), [], operationId=id_),
    }  # fmt: skip


FILES: Schema = {
    "/v1/uploads/{media_id}": {"parameters": [MEDIA_ID, *SIGNED], **_upload},
    "/v1/media/{media_id}/{variant}": {
        "parameters": [MEDIA_ID, parameter("variant", "path"), *SIGNED],
        **_media,
    },
    "/v1/openapi.json": {
        "get": _operation(
            "This document.",
            {"200": {"description": "It.", "content": {"application/json": {"schema": {}}}}},
            [],
            operationId="openapi",
        )
    },
    "/healthz": _asked("Whether the process lives.", ("200",), "health"),
    "/readyz": _asked("Whether the node serves.", ("200", "503"), "ready"),
}
