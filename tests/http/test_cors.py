"""Pages of browsers: who may ask over HTTP, and read the answer."""

from __future__ import annotations

import pytest

from lumina_rt.config import Settings
from tests.gateway.wire import new_token
from tests.house import nodes
from tests.http.asking import asking

APP, EVIL = "https://app.example", "https://evil.example"
LISTED = {"allowed_origins": (APP, "https://admin.example")}
TOLD = "Access-Control-Allow-Origin"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


async def test_a_page_that_is_named_is_asked_for_and_told(settings: Settings) -> None:
    async with nodes(settings, 1, **LISTED) as (node,), asking(node) as http:
        async with http.session.options(
            f"{http.url}/v1/session.list", headers={"Origin": APP, **PREFLIGHT}
        ) as response:
            assert (response.status, response.headers[TOLD]) == (204, APP)
            methods = response.headers["Access-Control-Allow-Methods"]
            assert methods == "POST, GET, HEAD, PATCH, DELETE"
            told = response.headers["Access-Control-Allow-Headers"]
            assert {"Authorization", "Content-Type", "Upload-Offset"} <= set(told.split(", "))
            assert response.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in response.headers
        token = await new_token(node)
        for shown, body, status in (
            (token, {}, 200), (None, {}, 401), ("x", {}, 401), (token, {"x": 1}, 400),
            (token, {"x": "x" * 70_000}, 413),
        ):  # fmt: skip
            answer = await http.ask("session.list", body, shown, ("Origin", APP))
            assert (answer.status, answer.headers[TOLD]) == (status, APP)
            assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
            assert answer.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_page_that_is_not_named_is_refused_and_nothing_is_done(settings: Settings) -> None:
    async with nodes(settings, 1, **LISTED) as (node,), asking(node) as http:
        token = await new_token(node)
        for origin in (EVIL, "null", f"{APP}:8443", "http://app.example", http.url):
            async with http.session.options(
                f"{http.url}/v1/session.end_others", headers={"Origin": origin, **PREFLIGHT}
            ) as response:
                assert (response.status, response.headers.get(TOLD)) == (403, None)
            body = {"this": True}
            answer = await http.ask("session.end_others", body, token, ("Origin", origin))
            assert (answer.status, answer.body["code"]) == (403, "forbidden")
            assert (answer.headers.get(TOLD), answer.headers["Vary"]) == (None, "Origin")
        answer = await http.ask("session.list", {}, token)
        assert (answer.status, answer.headers.get(TOLD)) == (200, None)
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(("origin", "told"), [(EVIL, "*"), ("null", "*"), (None, None)])
async def test_a_star_lets_every_page_in(
    settings: Settings, origin: str | None, told: str | None
) -> None:
    async with nodes(settings, 1, allowed_origins=("*",)) as (node,), asking(node) as http:
        headers = (("Origin", origin),) if origin else ()
        answer = await http.ask("ping", {}, None, *headers)
        assert (answer.status, answer.headers.get(TOLD)) == (200, told)


async def test_without_a_list_only_pages_of_the_same_host_may_ask(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), asking(node) as http:
        own = await http.ask("ping", {}, None, ("Origin", http.url))
        assert (own.status, own.headers.get(TOLD)) == (200, None)
        assert (await http.ask("ping", {}, None, ("Origin", EVIL))).status == 403
        async with http.session.get(f"{http.url}/", headers={"Origin": EVIL}) as response:
            assert (response.status, response.headers.get(TOLD)) == (200, None)
