"""What is no message of the protocol, or no frame of a websocket, has its close code."""

from __future__ import annotations

import random

import pytest
from lumina_protocol.codec import JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ErrorFrame, EventFrame, ReplyFrame
from websockets.frames import Opcode

from lumina_rt.app import Node
from lumina_rt.config import Settings
from lumina_rt.gateway.framing import websocket_frame
from tests.gateway.unharmed import count, database_held, unharmed, until
from tests.gateway.wire import Wire, close_frame, frame, new_name, new_token, websocket

NOT_FRAMES: tuple[object, ...] = (
    None,
    1,
    "ping",
    {},
    {"op": "ping"},
    [],
    [None],
    [1],
    [1, 1, "ping"],
    [1, 1, "ping", {}, 1],
    [1, 1, "ping", []],
    [1, 1, "ping", None],
    [1, 1, 1, {}],
    [1, 0, "ping", {}],
    [1, -1, "ping", {}],
    [1, 2**53, "ping", {}],
    [1, True, "ping", {}],
    [1, 1.5, "ping", {}],
    [1, "1", "ping", {}],
    [1, None, "ping", {}],
    [True, 1, "ping", {}],
    [0, 1, "ping", {}],
    [5, 1, "ping", {}],
    ["1", 1, "ping", {}],
    [2, 1, {}],
    [3, None, {}],
    [4, "hello", {}],
    [1, 1, "ping", {"deep": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}],
)
NOT_MSGPACK = (
    b"",
    b"\xc1",
    b"\x94\x01\x01\xa4ping",  # ends in the middle
    b"\x94\x01\x01\xa4ping\x80\x80",  # and goes on behind the end
    b"\x94\x01\x01\xa4p\xffng\x80",
    b"\x94\x01\x01\xa4ping\x81\x01\x02",  # a number as a key
    b"\x94\x01\x01\xa4ping\x81\x90\x02",  # an array as a key
    b"\x91" * 4000,
    b"\x81\xa1x" * 1300,
    b"\xdd\xff\xff\xff\xff",  # an array of 4 G elements
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xd6\xff\x00",
)
NOT_JSON = (
    b"",
    b"{",
    b"\xff\xfe",
    b'[1,1,"ping",{}',
    b'[1,1,"ping",{}] x',
    b'[1,1,"p\xffng",{}]',
    b'[1,1,"ping",{"a":"\xed\xa0\x80"}]',
    b'[1,1,"ping",{"a":"\\ud800"}]',
    b'[1,1,"ping",{"a":NaN}]',
    b'[1,1,"ping",{"a":1e999}]',
    b"[" * 4000,
    b'{"a":' * 800,
    b'[1,1,"ping",{}]\x00',
)
NOISE = tuple(random.Random(seed).randbytes(seed * 7 % 300) for seed in range(1, 31))


async def is_closed_with(node: Node, code: int, wire: Wire, *chunks: bytes) -> None:
    """And the metrics count it under this code."""
    before = count(node, "lumina_closed_total", code=str(int(code)))
    await wire.send(*chunks)
    assert await wire.close_code() == code, chunks
    await until(lambda: count(node, "lumina_closed_total", code=str(int(code))) == before + 1)


@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize(("codec", "raw"), [(MSGPACK, NOT_MSGPACK), (JSON, NOT_JSON)])
async def test_what_is_no_request_closes_with_malformed_frame(
    settings: Settings, codec: Codec, raw: tuple[bytes, ...], authenticated: bool
) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node) if authenticated else None
        async with websocket(node, codec) as bystander:
            for bad in (*raw, *NOISE, *map(codec.pack, NOT_FRAMES)):
                async with websocket(node, codec, token=token) as wire:
                    await is_closed_with(node, CloseCode.MALFORMED_FRAME, wire, wire.framed(bad))
                assert isinstance(await bystander.ask("ping", {}), ReplyFrame)


@pytest.mark.parametrize(("codec", "wrong"), [(MSGPACK, Opcode.TEXT), (JSON, Opcode.BINARY)])
async def test_the_other_kind_of_frame_closes_with_unsupported_data(
    settings: Settings, codec: Codec, wrong: Opcode
) -> None:
    good = codec.pack([1, 1, "ping", {}])
    async with unharmed(settings) as node:
        for chunks in (
            [frame(good, wrong)],
            [frame(good[:3], wrong, fin=False), frame(good[3:], Opcode.CONT)],
        ):
            async with websocket(node, codec) as wire:
                await is_closed_with(node, CloseCode.UNSUPPORTED_DATA, wire, *chunks)


BROKEN = {
    "unmasked": frame(b"\x94\x01\x01\xa4ping\x80", masked=False),
    "unmasked and empty": frame(b"", masked=False),
    **{f"reserved bit {bit}": frame(b"", reserved=bit) for bit in (1, 2, 4)},
    **{f"opcode {code}": frame(b"", code) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "ping of 126 bytes": frame(b"x" * 126, Opcode.PING),
    "ping in fragments": frame(b"x", Opcode.PING, fin=False),
    "close in fragments": frame(b"", Opcode.CLOSE, fin=False),
    "nothing to continue": frame(b"x", Opcode.CONT),
    "first fragment twice": frame(b"x", fin=False) * 2,
    "close in the middle of a message": frame(b"x", fin=False) + close_frame(1000),
    "half a close code": frame(b"\x03", Opcode.CLOSE),
    **{f"close code {code}": close_frame(code) for code in (0, 999, 1004, 1005, 1006, 1015, 5000)},
}


async def test_what_is_no_websocket_frame_closes_with_protocol_error(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for what, broken in BROKEN.items():
            async with websocket(node) as wire:
                await wire.send(broken)
                assert await wire.close_code() == CloseCode.PROTOCOL_ERROR, what
        counted = "lumina_closed_total", CloseCode.PROTOCOL_ERROR
        await until(lambda: count(node, counted[0], code=str(int(counted[1]))) == len(BROKEN))


async def test_a_close_reason_that_is_no_text_closes_with_invalid_data(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        await is_closed_with(node, CloseCode.INVALID_DATA, wire, close_frame(1000, b"\xff"))


@pytest.mark.parametrize("codec", [MSGPACK, JSON])
@pytest.mark.parametrize("authenticated", [False, True])
async def test_a_message_may_be_as_big_as_the_limit_and_not_one_byte_bigger(
    settings: Settings, codec: Codec, authenticated: bool
) -> None:
    limit = settings.max_frame if authenticated else settings.max_frame_before_auth

    def padded(size: int) -> bytes:
        empty = len(codec.pack([1, 7, "ping", {"x": "x" * 4000}])) - 4000
        payload = codec.pack([1, 7, "ping", {"x": "x" * (size - empty)}])
        assert len(payload) == size
        return payload

    def in_fragments(payload: bytes) -> list[bytes]:
        parts = [payload[i : i + 1000] for i in range(0, len(payload), 1000)]
        opcode = Opcode.BINARY if codec.binary else Opcode.TEXT
        return [
            frame(part, opcode if i == 0 else Opcode.CONT, fin=i == len(parts) - 1)
            for i, part in enumerate(parts)
        ]

    async with unharmed(settings) as node:
        token = await new_token(node) if authenticated else None
        async with websocket(node, codec, token=token) as wire:
            for chunks in ([wire.framed(padded(limit))], in_fragments(padded(limit))):
                await wire.send(*chunks)
                assert (await wire.error()).code == "invalid"
        too_big = padded(limit + 1)
        head_only = wire.framed(too_big)[:14]
        for chunks in ([wire.framed(too_big)], in_fragments(too_big), [head_only]):
            async with websocket(node, codec, token=token) as wire:
                await is_closed_with(node, CloseCode.TOO_BIG, wire, *chunks)


async def test_a_length_that_nobody_can_send_is_refused_at_its_head(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for size in (2**32, 2**63 - 1, 2**63, 2**64 - 1):
            head = bytes((0x82, 0xFF)) + size.to_bytes(8, "big")
            async with websocket(node) as wire:
                await is_closed_with(node, CloseCode.TOO_BIG, wire, head)


async def test_a_message_may_come_in_very_many_fragments_with_pings_between(
    settings: Settings,
) -> None:
    payload = MSGPACK.pack([1, 1, "ping", {}])
    async with unharmed(settings) as node, websocket(node) as wire:
        await wire.send(frame(payload[:2], fin=False))
        for _ in range(10):
            await wire.send(frame(b"", Opcode.CONT, fin=False) * 2000)
            await wire.heard()
        await wire.send(frame(payload[2:], Opcode.CONT))
        assert isinstance(await wire.answer(), ReplyFrame)


async def test_an_answer_that_waits_to_be_written_goes_before_the_close(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        await wire.send(wire.request("message.history", {}) * 3 + frame(b"\xc1"))
        for _ in range(3):
            assert (await wire.error()).code == "auth_required"
        assert await wire.close_code() == CloseCode.MALFORMED_FRAME


@pytest.mark.parametrize("fault", ["unmasked", "nothing to continue", "a close"])
async def test_an_event_that_waits_to_be_written_goes_before_the_close(
    settings: Settings, fault: str
) -> None:
    """And what may no longer be written to one connection keeps nothing from the others."""
    data = {"a close": close_frame(1000), **BROKEN}[fault]
    event = websocket_frame(MSGPACK, MSGPACK.pack([4, "x.y", {"z": 1}]))
    async with unharmed(settings) as node:
        token = await new_token(node)
        async with websocket(node) as bystander:
            async with websocket(node, token=token) as wire:
                (connection,) = (c for c in node.gateway.connections if c.session.user_id)
                connection.push(event, None)
                connection.data_received(data)
                assert await wire.told() == EventFrame("x.y", {"z": 1})
                assert await wire.close_code() in (1000, 1002)
            assert isinstance(await bystander.ask("ping", {}), ReplyFrame)


async def test_what_follows_a_fault_is_not_done(settings: Settings) -> None:
    body = {"username": new_name(), "password": "correct horse battery"}
    async with unharmed(settings) as node, websocket(node) as wire:
        register = wire.request("account.register", body)
        await is_closed_with(
            node, CloseCode.MALFORMED_FRAME, wire, frame(b"\xc1") + register + register
        )
        async with websocket(node) as again:
            assert isinstance(await again.ask("account.register", body), ReplyFrame)


@pytest.mark.parametrize("authenticated", [False, True])
async def test_a_client_that_vanishes_while_it_is_served_takes_nobody_along(
    settings: Settings, authenticated: bool
) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node) if authenticated else None
        async with websocket(node) as bystander:
            async with websocket(node, token=token) as wire, database_held(node):
                op = "conversation.list" if authenticated else "account.login"
                body = {} if authenticated else {"username": "nobody", "password": "12345678"}
                await wire.send(wire.request(op, body) * 3)
                await wire.heard()
                wire.cut()
                await until(lambda: len(node.gateway.connections) == 1)
            await until(
                lambda: (
                    count(node, "lumina_request_seconds_count", op=op, outcome="ok")
                    + count(
                        node, "lumina_request_seconds_count", op=op, outcome="wrong_credentials"
                    )
                    >= 1
                )
            )
            assert isinstance(await bystander.ask("ping", {}), ReplyFrame)


async def test_an_unknown_operation_is_answered_to_anybody(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        for op in ("", "no.such", "PING", "ping ", "é" * 500, "\0", "__class__"):
            answer = await wire.ask(op, {})
            assert isinstance(answer, ErrorFrame)
            assert answer.body["code"] == "unknown_op"
