"""The operations over HTTP: answered as over the websocket, whatever is asked."""

from __future__ import annotations

import pytest
from lumina_protocol import REQUESTS
from lumina_protocol.codec import JSON, MAX_DEPTH
from lumina_protocol.frame import ErrorFrame, ReplyFrame

from lumina_rt.config import Settings
from tests.gateway.bodies import good_body
from tests.gateway.test_bad_fields import FREE, any_bytes, wrong_bodies
from tests.gateway.unharmed import unharmed
from tests.gateway.wire import new_token, websocket
from tests.http.asking import Answer, asking

OVER_HTTP = [op for op, model in REQUESTS.items() if model.over_http]

each_domain = pytest.mark.parametrize("domain", sorted({op.split(".")[0] for op in OVER_HTTP}))


def of(domain: str) -> list[str]:
    return [op for op in OVER_HTTP if op.split(".")[0] == domain]


def outcome(answer: ReplyFrame | ErrorFrame) -> tuple[object, object]:
    if isinstance(answer, ErrorFrame):
        return answer.body["code"], answer.body.get("field")
    return "ok", set(answer.body)


@each_domain
async def test_a_good_body_is_answered_as_over_the_websocket(
    settings: Settings, domain: str
) -> None:
    async with unharmed(settings, **FREE) as node, asking(node) as http:
        for op in of(domain):
            here, there = await new_token(node), await new_token(node)
            async with websocket(node, JSON, token=there) as wire:
                expected = outcome(await wire.ask(op, good_body(op)))
            token = None if REQUESTS[op].public else here
            assert (await http.ask(op, good_body(op), token)).outcome == expected, op


@each_domain
async def test_a_wrong_body_is_answered_as_over_the_websocket(
    settings: Settings, domain: str
) -> None:
    async with unharmed(settings, **FREE) as node, asking(node) as http:
        token = await new_token(node)
        async with websocket(node, JSON, token=token) as wire:
            for op in of(domain):
                for _, body in wrong_bodies(op):
                    if any_bytes(body) or too_large_for_strangers(op, body):
                        continue
                    answer = await http.ask(op, body, token)
                    assert answer.outcome == outcome(await wire.ask(op, body)), (op, body)
                    assert (answer.status, answer.outcome[0]) == (400, "invalid"), (op, body)


def too_large_for_strangers(op: str, body: dict[str, object]) -> bool:
    return REQUESTS[op].public and len(JSON.pack(body)) > 4096


def deep(levels: int) -> bytes:
    """A body of so many levels."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"7", b"{}{}", b"\xff{}", b"\xef\xbb\xbf{}", b"{'a': 1}",
        b'{"a": NaN}', b"\x80", b"\x1f\x8b\x08\x00", b"username=alice", deep(MAX_DEPTH),
        b"[" * 5000,
    ],
)  # fmt: skip
async def test_a_body_that_is_no_json_object_is_invalid(settings: Settings, body: bytes) -> None:
    async with unharmed(settings) as node, asking(node) as http:
        answer = await http.send("account.login", body)
        assert (answer.status, answer.body["code"]) in ((400, "invalid"), (413, "too_large"))
        assert (answer.status == 413) is (len(body) > 4096)
        answer = await http.send("ping", b'{"a": 1, "b": 2}')
        assert answer.outcome == ("invalid", "a")


async def test_nesting_is_counted_as_in_the_frame(settings: Settings) -> None:
    async with unharmed(settings) as node, asking(node) as http:
        fits, over = await http.send("ping", deep(15)), await http.send("ping", deep(16))
        assert "nested" not in fits.body["message"]
        assert "nested deeper than 16" in over.body["message"]


async def test_what_needs_a_connection_says_so(settings: Settings) -> None:
    needing = sorted(set(REQUESTS) - set(OVER_HTTP))
    assert needing == ["auth", "conversation.typing", "presence.watch", "resume", "unwatch",
                       "watch"]  # fmt: skip
    async with unharmed(settings) as node, asking(node) as http:
        token = await new_token(node)
        for op in needing:
            for shown in (None, token, "wrong"):
                answer = await http.ask(op, good_body(op), shown)
                assert (answer.status, answer.body["code"]) == (426, "upgrade_required")
                assert answer.headers["Upgrade"] == "websocket"
                assert op in answer.body["message"]


async def test_what_does_not_exist_is_told_to_anybody(settings: Settings) -> None:
    async with unharmed(settings) as node, asking(node) as http:
        for op in ("nothing", "socket", "Ping", "ping%20", "%00", "é", "x" * 500):
            answer = await http.ask(op, {})
            assert (answer.status, answer.body["code"]) == (404, "unknown_op"), op
        async with http.session.get(f"{http.url}/v1/ping") as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
        async with http.session.post(f"{http.url}/v1/ping/more") as response:
            assert response.status == 404


async def test_a_body_may_be_as_long_as_a_frame(settings: Settings) -> None:
    def long(size: int) -> bytes:
        return b"{}".ljust(size)

    def status(answer: Answer) -> tuple[int, object]:
        return answer.status, answer.body.get("code")

    async with unharmed(settings) as node, asking(node) as http:
        token = ("Authorization", f"Bearer {await new_token(node)}")
        small, large = node.settings.max_frame_before_auth, node.settings.max_frame
        assert status(await http.send("ping", long(small))) == (200, None)
        assert status(await http.send("ping", long(small + 1))) == (413, "too_large")
        assert status(await http.send("session.list", long(large), token)) == (200, None)
        assert status(await http.send("session.list", long(large + 1), token)) == (413, "too_large")
        assert status(await http.send("session.list", long(large + 1))) == (401, "auth_required")


async def test_answers_are_not_kept_by_caches(settings: Settings) -> None:
    async with unharmed(settings) as node, asking(node) as http:
        for op, token in (("ping", None), ("session.list", "wrong")):
            assert (await http.ask(op, {}, token)).headers["Cache-Control"] == "no-store"
