"""A well-formed request with wrong content is answered with an error, and changes nothing else."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from lumina_protocol import REQUESTS
from lumina_protocol.codec import CODECS, JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode, ErrorBody
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import ErrorFrame, ReplyFrame

from lumina_rt.config import Settings
from tests.gateway.unharmed import unharmed
from tests.gateway.wire import new_name, new_token, websocket
from tests.house import PASSWORD

FREE = {"requests_burst": 10**9, "logins_waiting": 10**6}
UUID4 = UUID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")
OTHER_VARIANT = UUID("01890a5d-ac96-774b-0bce-b302099a8057")


def good_body(op: str) -> dict[str, Any]:
    """A body that the server takes, of fields that can be made wrong one at a time."""
    bodies: dict[str, dict[str, Any]] = {
        "account.register": {"username": new_name(), "password": PASSWORD,
                             "full_name": "A. B.",
                             "device": {"device_id": uuid7(), "name": "phone"}},
        "account.login": {"username": "nobody", "password": PASSWORD, "code": "123456"},
        "account.refresh": {"op_id": uuid7(), "refresh_token": "lref_none"},
        "account.logout": {},
        "session.list": {},
        "session.end": {"session_id": uuid7()},
        "session.end_others": {"this": False},
        "device.list": {},
        "device.rename": {"device_id": uuid7(), "name": "phone"},
        "token.create": {"token_id": uuid7(), "name": "bot", "scopes": ["read"],
                         "expires_at": 1},
        "token.list": {},
        "token.revoke": {"token_id": uuid7()},
        "device.remove": {"device_id": uuid7()},
        "account.change_password": {"password": "not the right one",
                                    "new_password": "not the right one"},
        "account.change_username": {"username": new_name(), "password": "not the right one"},
        "account.deactivate": {"password": "not the right one"},
        "account.delete": {"password": "not the right one", "reason": "no reason"},
        "account.restore": {"username": "nobody", "password": PASSWORD},
        "account.set_email": {"email": "a@example.com"},
        "account.verify_email": {"token": "x"},
        "account.request_reset": {"email": "a@example.com"},
        "account.reset_password": {"token": "x", "password": PASSWORD},
        "totp.get": {},
        "totp.begin": {"password": PASSWORD},
        "totp.confirm": {"code": "123456"},
        "totp.renew_codes": {"code": "123456"},
        "totp.remove": {"password": PASSWORD, "code": "123456"},
        "auth": {"token": "x.y.z", "resume": True},
        "resume": {"epoch": 1, "user_rev": 1, "cursors": [[uuid7(), 1]]},
        "ping": {},
        "limits.get": {},
        "conversation.create": {"conversation_id": uuid7(), "username": "nobody"},
        "conversation.create_group": {"conversation_id": uuid7(), "title": "Friends",
                                      "usernames": ["nobody"]},
        "member.add": {"conversation_id": uuid7(), "usernames": ["nobody"], "op_id": uuid7()},
        "member.remove": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "conversation.list": {"before": [1, uuid7()], "limit": 5},
        "conversation.sync": {"conversation_id": uuid7(), "after_rev": 1, "limit": 5},
        "conversation.typing": {"conversation_id": uuid7()},
        "message.send": {"conversation_id": uuid7(), "message_id": uuid7(), "content": "hello"},
        "message.edit": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7(),
                         "base_rev": 1, "content": "hello"},
        "message.delete": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7()},
        "message.history": {"conversation_id": uuid7(), "after_seq": 1, "limit": 5},
    }  # fmt: skip
    return bodies[op]


def test_every_operation_has_a_good_body_here() -> None:
    for op, model in REQUESTS.items():
        body = good_body(op)
        model.model_validate(body)
        assert set(body) >= {n for n, field in model.model_fields.items() if field.is_required()}


# By a field's name, or by its operation and name. Each is wrong in both codecs.
ANY_TYPE: tuple[object, ...] = ([], {}, [[]], {"a": 1}, True)
NO_NEW_ID = ("", UUID4, UUID(int=0), OTHER_VARIANT, b"", 7)
WRONG: dict[str, tuple[object, ...]] = {
    "username": ("", "ab", "x" * 31, "x" * 5000, "a b", "a\0b", "a\u202eb", "a@b.c", 7, 1.5),
    "password": ("", "short", "x" * 1001, "with a \0 in it", 12345678),
    "new_password": ("", "short", "x" * 1001, "with a \0 in it", 12345678),
    "reason": ("x" * 501, "a\0b", 7),
    "full_name": ("x" * 101, "a\0b", 7),
    "token": ("", "x" * 2049, 7),
    "email": ("", "a", "a@", "@b.c", "a@b", "a@b.c\r\nBcc: d@e.f", "a" * 250 + "@b.c", 7),
    "conversation_id": ("", "x", "0" * 31, "0" * 33, b"x" * 15, b"x" * 17, 7, 2**64 - 1),
    "message.send message_id": NO_NEW_ID,
    "message_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "op_id": NO_NEW_ID,
    "content": ("", "x" * 4001, "a\0b", 7, 1.5),
    "before": (
        "",
        [1],
        [1, 2, 3],
        [1, "x"],
        ["x", UUID4],
        [1.5, UUID4],
        7,
    ),
    "limit": (0, -1, 201, 2**31, 2**63, -(2**63), 2**64 - 1, 1.5, "many", "", 1e308),
    "refresh_token": ("", "x" * 201, 7),
    "code": ("", "12345", "1" * 41, "12345\0", 123456),
    "session_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "device_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "token_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "token.create token_id": NO_NEW_ID,
    "name": ("", "x" * 101, "a\0b", 7),
    "scopes": ("", [], ["write"], ["read"] * 11, ["read", 7], "read", 7),
    "expires_at": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "this": ("", "true", 1, 0, None, 1.5),
    "device": (
        "",
        {"name": "phone"},
        {"device_id": UUID4, "name": "phone"},
        {"device_id": uuid7(), "name": ""},
        {"device_id": uuid7(), "name": "a\0b"},
        {"device_id": uuid7(), "name": "phone", "platform": "toaster"},
        {"device_id": uuid7(), "name": "phone", "app_version": "x" * 51},
        7,
    ),
    "user_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "title": ("", "x" * 101, "a\0b", 7),
    "usernames": ("", [], ["ab"], ["abc"] * 101, ["abc", 7], "abc", 7),
    "resume": ("", "true", 1, 0, None, 1.5),
    "epoch": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "user_rev": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "cursors": (
        "",
        [1],
        [[UUID4]],
        [[UUID4, 1, 2]],
        [["x", 1]],
        [[UUID4, -1]],
        [[UUID4, 2**53]],
        [[UUID4, 1.5]],
        [[UUID4, 1]] * 201,
        7,
    ),
    "base_rev": (-1, 2**53, 2**64 - 1, 1.5, "x", None),
    "after_rev": (-1, 2**53, 2**64 - 1, 1.5, "x", None),
    "after_seq": (-1, 2**53, 2**63, 2**64 - 1, -(2**63), 1.5, "x"),
}


ENDS = ("account.logout", "session.end_others")
"""What closes the connection that it is asked on."""
TAKEN: tuple[tuple[str, object], ...] = (
    ("limit", True),
    ("after_seq", True),
    ("resume", True),
    ("this", True),
    ("expires_at", None),
    ("cursors", []),
)


def wrong_bodies(op: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The field at fault, and a body in which it is."""
    for name in good_body(op):
        wrong = (WRONG.get(f"{op} {name}") or WRONG[name]) + ANY_TYPE
        for value in (*wrong, *(() if name != "limit" else (None,))):
            if (name, value) not in TAKEN:
                yield name, good_body(op) | {name: value}
        if REQUESTS[op].model_fields[name].is_required():
            yield name, {key: value for key, value in good_body(op).items() if key != name}
    for name in ("x", "Username", "", "\0", "é" * 300, "__class__", "model_config"):
        yield name[:100], good_body(op) | {name: 1}


def error_of(answer: ReplyFrame | ErrorFrame) -> ErrorBody:
    assert isinstance(answer, ErrorFrame), answer
    return ErrorBody.model_validate(answer.body)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_a_wrong_field_is_named_whatever_is_wrong_with_it(
    settings: Settings, codec: Codec
) -> None:
    async with unharmed(settings, **FREE) as node:
        token = await new_token(node)
        async with websocket(node, codec, token=token) as ready, websocket(node, codec) as stranger:
            for op in REQUESTS:
                wire = stranger if op == "auth" else ready
                for field, body in wrong_bodies(op):
                    if codec is JSON and any(isinstance(value, bytes) for value in body.values()):
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
    async with unharmed(settings) as node, websocket(node, codec) as wire:
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
