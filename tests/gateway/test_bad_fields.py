"""A well-formed request with wrong content is answered with an error, and changes nothing else."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from lumina_protocol import REQUESTS
from lumina_protocol.codec import CODECS, JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode, ErrorBody
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import ErrorFrame, ReplyFrame

from lumina_rt.config import Settings
from tests.gateway.bodies import good_body
from tests.gateway.unharmed import unharmed
from tests.gateway.wire import new_name, new_token, websocket
from tests.gateway.wrong_values import ANY_TYPE, ENDS, TAKEN, WRONG

FREE = {"requests_burst": 10**9, "logins_waiting": 10**6}


def test_every_operation_has_a_good_body_here() -> None:
    for op, model in REQUESTS.items():
        body = good_body(op)
        model.model_validate(body)
        assert set(body) >= {n for n, field in model.model_fields.items() if field.is_required()}


def wrong_bodies(op: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The field at fault, and a body in which it is."""
    good = good_body(op)
    for name in good:
        wrong = (WRONG.get(f"{op} {name}") or WRONG[name]) + ANY_TYPE
        for value in (*wrong, *(() if name != "limit" else (None,))):
            if (name, value) not in TAKEN and (f"{op} {name}", value) not in TAKEN:
                yield name, good | {name: value}
        if REQUESTS[op].model_fields[name].is_required():
            yield name, {key: value for key, value in good.items() if key != name}
    for name in ("x", "Username", "", "\0", "é" * 300, "__class__", "model_config"):
        yield name[:100], good | {name: 1}


def any_bytes(value: object) -> bool:
    """JSON has none."""
    if isinstance(value, dict):
        return any(map(any_bytes, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(any_bytes, value))
    return isinstance(value, bytes)


def error_of(answer: ReplyFrame | ErrorFrame) -> ErrorBody:
    assert isinstance(answer, ErrorFrame), answer
    return ErrorBody.model_validate(answer.body)


@pytest.mark.timeout(60)  # every operation there is, thousands of times
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_a_wrong_field_is_named_whatever_is_wrong_with_it(
    settings: Settings, codec: Codec
) -> None:
    async with unharmed(settings, **FREE) as node:
        token = await new_token(node)
        async with websocket(node, codec, token=token) as ready, websocket(node, codec) as stranger:
            for op in sorted(REQUESTS, key=lambda op: op != "auth"):  # a stranger has to hurry
                wire = stranger if op == "auth" else ready
                for field, body in wrong_bodies(op):
                    if codec is JSON and any_bytes(body):
                        continue  # JSON has no bytes
                    error = error_of(await wire.ask(op, body))
                    assert error.code == "invalid", (op, body, error)
                    named = (error.field or "").partition(".")[0]
                    assert named == field, (op, body, error)
                    assert not error.temporary


async def test_a_time_that_the_store_cannot_hold_is_refused(settings: Settings) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node)
        async with websocket(node, token=token) as wire:
            for millis in (2**63, 2**64 - 1, 1e30, -1e30):
                answer = await wire.ask("conversation.list", {"before": [millis, uuid7()]})
                assert (error_of(answer).code, answer.body["field"]) == ("invalid", "before.0")


async def test_both_directions_of_history_at_once_are_refused(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node, token=await new_token(node)) as wire:
        body = {"conversation_id": uuid7(), "after_seq": 1, "before_seq": 1}
        assert error_of(await wire.ask("message.history", body)).code == "invalid"


async def test_keys_that_are_no_text_are_refused(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        for key in (b"token", b"\xff", b""):
            assert error_of(await wire.ask("auth", {"token": "x", key: 1})).code == "invalid"


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_a_stranger_may_do_public_things_only(settings: Settings, codec: Codec) -> None:
    async with unharmed(settings, **FREE) as node, websocket(node, codec) as wire:
        for op, model in REQUESTS.items():
            for body in (good_body(op), {}):
                answer = await wire.ask(op, body)
                refused = isinstance(answer, ErrorFrame) and answer.body["code"] == "auth_required"
                assert refused is not model.public, op


async def test_a_wrong_password_and_an_unknown_user_look_the_same(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        known = new_name()
        await new_token(node, known)
        answers = [
            error_of(await wire.ask("account.login", {"username": name, "password": "x" * 12}))
            for name in (known, new_name())
        ]
        assert answers[0] == answers[1]
        assert answers[0].code == "wrong_credentials"


NESTED = base64.urlsafe_b64encode(b"[" * 1500).decode().rstrip("=")
BAD_TOKENS = ("x", "..", "a.b.c", "\0", "é", "e30.e30.e30", "x" * 2048, f"{NESTED}.e30.e30")


async def test_a_wrong_token_is_an_error_and_the_fifth_also_closes(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for token in BAD_TOKENS:
            async with websocket(node) as wire:
                for _ in range(5):
                    error = error_of(await wire.ask("auth", {"token": token}))
                    assert error.code == "invalid_token", token
                assert await wire.close_code() == CloseCode.AUTH_FAILED


async def test_a_second_auth_is_refused_and_the_first_stands(settings: Settings) -> None:
    async with unharmed(settings) as node:
        tokens = [await new_token(node), await new_token(node)]
        async with websocket(node, token=tokens[0]) as wire:
            for token in (*tokens, "wrong"):
                error = error_of(await wire.ask("auth", {"token": token}))
                assert error.code == "already_authenticated"
            assert isinstance(await wire.ask("conversation.list", {}), ReplyFrame)


BITS = st.integers(-(2**63), 2**64 - 1)
SCALARS = (
    st.none() | st.booleans() | BITS | st.integers(-5, 300) | st.floats() | st.text(max_size=40)
    | st.sampled_from([2**31, 2**53, 2**53 - 1, 2**63 - 1, 8_640_000_000_000_000, 1e300, "a\0b"])
)  # fmt: skip
IDS = st.uuids() | st.builds(uuid7)
VALUES = st.recursive(
    SCALARS | IDS | IDS.map(str) | st.tuples(SCALARS, IDS).map(list)
    | st.text("aß\u0390\u0130ﷺ._ ", min_size=3, max_size=60),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper,
                                                                  max_size=3),
    max_leaves=6,
)  # fmt: skip
ONLY_MSGPACK = st.binary(max_size=20) | st.floats(allow_nan=True)


@st.composite
def requests(draw: st.DrawFn, values: st.SearchStrategy[object]) -> tuple[str, object]:
    """A good request, with some fields replaced, some left out and some added."""
    op = draw(st.sampled_from(sorted(REQUESTS)))
    names = sorted({*REQUESTS[op].model_fields, *good_body(op)})
    changes = draw(st.dictionaries(st.sampled_from(names), values)) if names else {}
    gone = draw(st.sets(st.sampled_from(names), max_size=1)) if names else set()
    more = draw(st.dictionaries(st.text(max_size=8), values, max_size=1))
    body = {k: v for k, v in (good_body(op) | changes).items() if k not in gone}
    return op, body | (more if draw(st.integers(0, 3)) == 0 else {})


@pytest.mark.timeout(60)  # every operation there is, thousands of times
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_no_body_at_all_makes_the_server_fail(settings: Settings, codec: Codec) -> None:
    values = VALUES | ONLY_MSGPACK if codec is MSGPACK else VALUES.filter(_has_json_form)
    loop, outcomes = asyncio.get_running_loop(), set()

    async with (
        unharmed(settings, **FREE) as node,
        websocket(node, codec, token=await new_token(node)) as ready,
    ):

        async def ask(op: str, body: object) -> ReplyFrame | ErrorFrame:
            if op in ENDS:
                async with websocket(node, codec, token=await new_token(node)) as leaving:
                    return await leaving.ask(op, body)
            if op != "auth":
                return await ready.ask(op, body)
            async with websocket(node, codec) as stranger:
                return await stranger.ask(op, body)

        @run_with(max_examples=300, deadline=None, database=None)
        @given(requests(values))
        @example(("auth", good_body("auth")))  # of so many, these two come too seldom
        @example(("account.login", good_body("account.login")))
        def ask_random_things(request: tuple[str, object]) -> None:
            answer = asyncio.run_coroutine_threadsafe(ask(*request), loop).result()
            outcome = answer.body.get("code", "ok") if isinstance(answer, ErrorFrame) else "ok"
            assert outcome != "internal", (request, answer)
            outcomes.add(outcome)

        await asyncio.to_thread(ask_random_things)
    assert outcomes >= {"ok", "invalid", "invalid_token", "not_found", "wrong_credentials"}


def _has_json_form(value: object) -> bool:
    """Whether the codec can say it, and hears what it said."""
    try:
        JSON.unpack(JSON.pack(value))
    except (TypeError, ValueError):
        return False
    return True
