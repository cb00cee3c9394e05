"""GET /v1/openapi.json is a good document, and says what the server does."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator
from lumina_protocol import REQUESTS
from lumina_protocol.frame import Kind
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from lumina_rt.config import Settings
from lumina_rt.http.openapi import PATH, text
from lumina_rt.http.openapi_files import FILES
from tests.house import nodes
from tests.http.asking import http_url
from tests.protocol.vectors import VECTORS

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin


async def test_it_is_given_out_and_its_paths_are_there(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), ClientSession() as http:
        async with http.get(http_url(node) + PATH) as response:
            assert (response.status, response.content_type) == (200, "application/json")
            document = await response.json()
        OpenAPIV31SpecValidator(document).validate()
        asked = {path.removeprefix("/v1/") for path in document["paths"]} - {
            path.removeprefix("/v1/") for path in FILES
        }
        assert asked == {op for op, model in REQUESTS.items() if model.over_http}
        for path, item in FILES.items():
            host = node.private_url if "servers" in item else http_url(node)
            name = path.format(media_id=uuid4(), variant="full") if "{" in path else path
            for method in {"get", "head", "patch", "delete"} & set(item):
                async with http.request(method, host + name) as response:
                    told = item[method]["responses"]
                    assert str(response.status) in told or response.status in (400, 401, 412), name


def test_what_is_sent_is_as_it_says() -> None:
    document = json.loads(text())
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("doc", resource)
    errors: dict[str, str] = {}
    seen = set()
    for vector in VECTORS:
        path = document["paths"].get(f"/v1/{vector.subject}")
        frame = json.loads(vector.json)
        if path is None or frame[0] not in (Kind.REQUEST.value, Kind.REPLY.value):
            continue
        asks, post = frame[0] == Kind.REQUEST.value, path["post"]
        said = post["requestBody"] if asks else post["responses"]["200"]
        ref = said["content"]["application/json"]["schema"]["$ref"]
        seen.add((asks, vector.subject))
        validator = Draft202012Validator({"$ref": f"doc{ref}"}, registry=registry)
        if found := next(validator.iter_errors(frame[-1]), None):
            errors[vector.name] = found.message
    assert errors == {}
    assert len(seen) == 2 * (len(document["paths"]) - len(FILES))
