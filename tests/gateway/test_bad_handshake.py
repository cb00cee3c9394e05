"""What comes before a websocket is open: refused with an HTTP status that says what to mend."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest
from lumina_protocol.codec import CODECS, JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ReplyFrame
from websockets.frames import Opcode

from lumina_rt.config import Settings
from tests.gateway.unharmed import count, unharmed
from tests.gateway.wire import Wire, close_frame, frame, handshake, new_name, tcp, websocket

LINE = "{} /v1/socket {}"
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "no subprotocol": (handshake(None), 400, "lumina.v1.msgpack, lumina.v1.json"),
    "an unknown subprotocol": (handshake("chat"), 400, "lumina.v1.msgpack, lumina.v1.json"),
    "an old subprotocol": (handshake("lumina.v0.json"), 400, "lumina.v1.msgpack"),
    "another path": (handshake(line="GET /socket HTTP/1.1"), 404, "/v1/socket"),
    "the path with a slash": (handshake(line="GET /v1/socket/ HTTP/1.1"), 404, "/v1/socket"),
    "no path": (handshake(line="GET  HTTP/1.1"), 404, "/v1/socket"),
    "another method": (handshake(line="PUT /v1/socket HTTP/1.1"), 405, "PUT"),
    "an old HTTP": (handshake(line="GET /v1/socket HTTP/1.0"), 505, "HTTP/1.0"),
    "a new HTTP": (handshake(line="GET /v1/socket HTTP/2.0"), 400, "HTTP request"),
    "half a request line": (handshake(line="GET /v1/socket"), 400, "HTTP request"),
    "a header without a colon": (handshake(line="GET / HTTP/1.1\r\nx"), 400, "HTTP request"),
    "a body": (handshake(Content_Length="5") + b"hello", 400, "HTTP request"),
    "a body in chunks": (handshake(Transfer_Encoding="chunked"), 400, "HTTP request"),
    "no key": (handshake(Sec_WebSocket_Key=None), 400, "Sec-WebSocket-Key"),
    "a short key": (handshake(Sec_WebSocket_Key="AAAA"), 400, "Sec-WebSocket-Key"),
    "a key that is no base64": (handshake(Sec_WebSocket_Key="!" * 24), 400, "Sec-WebSocket-Key"),
    "no version": (handshake(Sec_WebSocket_Version=None), 400, "Sec-WebSocket-Version"),
    "an old version": (handshake(Sec_WebSocket_Version="8"), 400, "Sec-WebSocket-Version"),
    "no Connection": (handshake(Connection=None), 426, "Connection"),
    "two upgrades": (handshake(Upgrade="websocket, h2c"), 426, "Upgrade"),
    "a long path": (handshake(line=f"GET /{'x' * 9000} HTTP/1.1"), 414, "8192 bytes"),
    "a long header": (handshake(X="x" * 9000), 431, "8192 bytes"),
    "200 headers": (handshake(**{f"x{i}": "1" for i in range(200)}), 431, "more than"),
}


@pytest.mark.parametrize("segments", [1, 2])
async def test_a_wrong_handshake_is_told_what_is_wrong(settings: Settings, segments: int) -> None:
    async with unharmed(settings) as node, websocket(node) as bystander:
        for what, (request, status, text) in REFUSED.items():
            async with tcp(node) as wire:
                half = len(request) // segments
                await wire.send(request[:half], request[half:])
                response = await wire.response()
                assert response.status == status, what
                assert text in response.body.decode(), what
                assert await wire.rest() == b"", what
                assert response.headers["connection"] == "close"
                assert response.headers["sec-websocket-version"] == "13", "RFC 6455 section 4.4"
                assert (response.headers.get("allow") == "GET") is (status == 405)
            assert isinstance(await bystander.ask("ping", {}), ReplyFrame)
        assert count(node, "lumina_refused_total", why="path") == 3
        assert count(node, "lumina_connections") == 1, "none of them was opened"


async def test_what_comes_with_a_refused_handshake_is_not_done(settings: Settings) -> None:
    body = {"username": new_name(), "password": "correct horse battery"}
    async with unharmed(settings) as node:
        for refused in (handshake(None), handshake(line="GET /x HTTP/1.1")):
            async with tcp(node) as wire:
                await wire.send(refused + wire.request("account.register", body))
                assert (await wire.response()).status in (400, 404)
                assert await wire.rest() == b""
        async with websocket(node) as wire:
            assert isinstance(await wire.ask("account.register", body), ReplyFrame)


async def test_headers_may_be_written_in_every_way_that_http_allows(settings: Settings) -> None:
    """RFC 9110 section 5.5: the case of names and the space around values do not matter."""
    async with unharmed(settings) as node:
        for form, upgrade in product(
            ("{}: {}", "{}:{}", "{}:\t {} "), ("websocket", "WebSocket", "WEBSOCKET")
        ):
            line, *headers = handshake(Upgrade=upgrade).decode().strip().split("\r\n")
            pairs = (header.split(": ") for header in headers)
            written = [form.format(name.upper(), value) for name, value in pairs]
            async with tcp(node) as wire:
                await wire.send("\r\n".join(["", line, *written, "", ""]).encode())
                assert (await wire.response()).status == 101, written
                await wire.hello()


async def test_what_a_browser_adds_is_passed_over(settings: Settings) -> None:
    asked = handshake(
        line="GET /v1/socket?from=browser HTTP/1.1",
        Origin="http://127.0.0.1",
        Cookie="a=b",
        Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits",
    )
    async with unharmed(settings) as node, tcp(node) as wire:
        await wire.send(asked)
        response = await wire.response()
        assert response.status == 101
        assert "sec-websocket-extensions" not in response.headers, "frames are not compressed"
        await wire.hello()
        assert isinstance(await wire.ask("ping", {}), ReplyFrame)


async def test_the_servers_favourite_of_the_subprotocols_offered_is_taken(
    settings: Settings,
) -> None:
    offers = {
        "lumina.v1.json": JSON,
        "lumina.v2.msgpack, lumina.v1.json": JSON,
        "lumina.v1.json,lumina.v1.msgpack": MSGPACK,
    }
    async with unharmed(settings) as node:
        for offer, codec in offers.items():
            async with tcp(node) as wire:
                await wire.send(handshake(offer))
                response = await wire.response()
                assert response.headers["sec-websocket-protocol"] == codec.subprotocol
                wire.codec = codec
                await wire.hello()


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_a_handshake_may_come_byte_by_byte(settings: Settings, codec: Codec) -> None:
    async with unharmed(settings) as node, tcp(node) as wire:
        wire.codec = codec
        for byte in handshake(codec.subprotocol) + wire.request("ping", {}):
            await wire.send(bytes((byte,)))
            await asyncio.sleep(0)  # the node, in this loop, gets each byte for itself
        assert (await wire.response()).status == 101
        await wire.hello()
        assert isinstance(await wire.answer(), ReplyFrame)


async def test_frames_may_come_in_the_segment_of_the_handshake(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for cut in (-1, 0, 1, 10_000):
            async with tcp(node) as wire:
                head = handshake()
                rest = frame(b"at once", Opcode.PING) + wire.request("ping", {}) + close_frame(1000)
                everything, first = head + rest, len(head) + cut
                await wire.send(everything[:first], everything[first:])
                assert (await wire.response()).status == 101
                frames = [await wire.frame() for _ in range(2)]
                assert (Opcode.PONG, b"at once") in frames
                assert any(b"hello" in payload for _, payload in frames)
                assert await wire.close_code() == 1000


async def test_a_fault_in_the_segment_of_the_handshake_closes(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for fault, code in ((frame(b"", masked=False), 1002), (frame(b""), 4500)):
            async with tcp(node) as wire:
                await wire.send(handshake() + fault)
                assert (await wire.response()).status == 101
                assert await wire.close_code() == code


SLOW = {
    "nothing": b"",
    "empty lines": b"\r\n\r\n\r\n",
    "half a request": b"GET /v1/socket HTTP/1.1\r\nHost: x\r\n",
    "half a line": b"GET / HT",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
}


async def test_who_does_not_finish_a_request_in_time_is_timed_out(settings: Settings) -> None:
    async def refused(said: bytes) -> int:
        async with tcp(node) as wire:
            await wire.send(said)
            response = await wire.response()
            assert await wire.rest() == b""
            return response.status

    async with unharmed(settings, header_timeout_s=0.3) as node:
        statuses = await asyncio.gather(*map(refused, SLOW.values()))
        assert statuses == [408] * len(SLOW)
        assert count(node, "lumina_refused_total", why="head") == len(SLOW)
        assert node.gateway.strangers == 0


async def test_a_head_that_is_too_large_is_refused(settings: Settings) -> None:
    """And who has not finished sending is not cut off by a reset, which may destroy the answer."""
    async with unharmed(settings) as node:
        for size, end in product((16_385, 200_000, 5_000_000), (b"", b"\r\n")):
            head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x: y\r\n" * (size // 6) + end
            async with tcp(node) as wire:
                sending = asyncio.create_task(wire.pour(head))
                assert (await wire.response()).status == 431
                assert await wire.rest() == b""
                await asyncio.wait([sending])


async def test_what_is_no_http_is_refused(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for nonsense in (
            b"\x00\r\n\r\n",
            b"what\r\n\r\n",
            b"GET\r\n\r\n",
            b"\xff" * 20_000,
        ):
            async with tcp(node) as wire:
                await wire.send(nonsense)
                assert (await wire.response()).status in (400, 431), nonsense[:10]
                assert await wire.rest() == b""


async def test_who_never_authenticates_is_closed_in_time(settings: Settings) -> None:
    async def waits(wire: Wire) -> int:
        await wire.ask("ping", {})
        return await wire.close_code()

    async with (
        unharmed(settings, auth_timeout_s=0.3) as node,
        websocket(node) as one,
        websocket(node, JSON) as two,
    ):
        codes = set(await asyncio.gather(waits(one), waits(two)))
        assert codes == {int(CloseCode.AUTH_TIMEOUT)}
