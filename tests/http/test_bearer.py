"""Who asks over HTTP, shown with every request."""

from __future__ import annotations

import time
from uuid import UUID

import jwt
import pytest
from lumina_protocol.accounts import Logout, Tokens
from lumina_protocol.conversations import ListConversations
from lumina_protocol.errors import CloseCode
from lumina_protocol.fields import uuid7
from lumina_protocol.logins import ListSessions
from lumina_protocol.messages import SendMessage
from lumina_protocol.tokens import CreateToken, ListTokens, RevokeToken
from pydantic import SecretStr

from lumina_rt.app import Node
from lumina_rt.config import Settings
from lumina_rt.tokens import AccessTokens, new_bot_token
from tests.gateway.wire import new_name
from tests.house import nodes, register
from tests.http.asking import Answer, Asker, asking
from tests.leaks import SECRET
from tests.logins import ended, log_in, socket

OTHER = "1" * 64
LONG = SECRET * 2
"""As HS512 wants it."""


async def new_login(node: Node) -> Tokens:
    name = new_name()
    await register(node, name)
    return await log_in(node, name)


def claims(tokens: Tokens, **changes: object) -> dict[str, object]:
    now = int(time.time())
    own = {"sub": str(tokens.user_id), "sid": str(tokens.session_id), "iat": now, "exp": now + 60}
    return own | changes


def kid(token: str) -> dict[str, object]:
    return {"kid": jwt.get_unverified_header(token)["kid"]}


def refused(answer: Answer, code: str) -> None:
    assert (answer.status, answer.body["code"]) == (401, code), answer
    error = "" if code == "auth_required" else ', error="invalid_token"'
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="lumina"{error}'


async def test_without_a_token_only_public_operations_are_done(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), asking(node) as http:
        token = (await new_login(node)).token
        for headers in (
            (),
            (("Authorization", ""),),
            (("Authorization", "Bearer"),),
            (("Authorization", "Bearer "),),
            (("Authorization", token),),
            (("Authorization", f"Basic {token}"),),
            (("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")),
            (("Cookie", f"token={token}"),),
        ):
            refused(await http.send("session.list", b"{}", *headers), "auth_required")
            assert (await http.send("ping", b"{}", *headers)).status == 200
        for scheme in ("Bearer", "bearer", "BEARER"):
            answer = await http.send("session.list", b"{}", ("Authorization", f"{scheme} {token}"))
            assert answer.status == 200


async def test_tokens_that_are_not_ours_are_refused(settings: Settings) -> None:
    async with nodes(settings, 1, secret=SecretStr(LONG)) as (node,), asking(node) as http:
        login, other = await new_login(node), await new_login(node)
        good = login.token
        head, body, seal = good.split(".")
        foreign = AccessTokens([OTHER], 900).issue(login.user_id, login.session_id)[0]
        for token in (
            "x", "a.b.c", "..", "é", "x" * 2048, "x" * 4000, good[:-2], good + "x",
            f"{head}.{other.token.split('.')[1]}.{seal}",
            f"{head}.{body}.",
            foreign,
            jwt.encode(claims(login), OTHER, "HS256", kid(good)),
            jwt.encode(claims(login), "", "none", kid(good)),
            jwt.encode(claims(login), "", "none"),
            jwt.encode(claims(login), OTHER, "HS256"),
            jwt.encode(claims(login), LONG, "HS512", kid(good)),
            jwt.encode(claims(login, sub="x"), LONG, "HS256", kid(good)),
            login.refresh_token, new_bot_token(), "lbot_", f"{good} {good}",
        ):  # fmt: skip
            refused(await http.call(ListSessions(), token), "invalid_token")
        assert (await http.call(ListSessions(), good)).status == 200


async def test_a_token_of_another_user_or_that_has_expired_is_refused(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), asking(node) as http:
        login, other = await new_login(node), await new_login(node)
        early = AccessTokens([SECRET], 60, lambda: time.time() - 3600)
        late = early.issue(login.user_id, login.session_id)[0]
        refused(await http.call(ListSessions(), late), "token_expired")
        mixed = AccessTokens([SECRET], 60).issue(other.user_id, login.session_id)[0]
        refused(await http.call(ListSessions(), mixed), "session_ended")


async def test_an_ended_login_is_refused_at_once_on_every_node(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, other), asking(one) as http, asking(other) as elsewhere:
        login = await new_login(one)
        assert (await elsewhere.call(ListSessions(), login.token)).status == 200
        async with socket(other, login) as (_, reading):
            assert (await http.call(Logout(), login.token)).status == 200
            refused(await elsewhere.call(ListSessions(), login.token), "session_ended")
            refused(await http.call(ListSessions(), login.token), "session_ended")
            assert await ended(reading) == CloseCode.SESSION_ENDED


async def new_bot(http: Asker, login: Tokens, *scopes: str) -> tuple[UUID, str]:
    token_id = uuid7()
    body = {"token_id": token_id, "name": "bot", "scopes": list(scopes)}
    answer = await http.ask(CreateToken.op, body, login.token)
    assert answer.status == 200
    return token_id, answer.body["token"]


async def test_a_bot_does_what_its_scopes_allow_until_it_is_shut_out(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, other), asking(one) as http, asking(other) as elsewhere:
        login = await new_login(one)
        token_id, reader = await new_bot(http, login, "read")
        say = SendMessage(conversation_id=uuid7(), message_id=uuid7(), content="hello")
        assert (await elsewhere.call(ListConversations(), reader)).status == 200
        for request in (say, ListTokens(), Logout()):
            answer = await elsewhere.call(request, reader)
            assert (answer.status, answer.body["code"]) == (403, "missing_scope")
            challenge = 'Bearer realm="lumina", error="insufficient_scope"'
            assert answer.headers["WWW-Authenticate"] == challenge
        _, writer = await new_bot(http, login, "messages.write")
        assert (await elsewhere.call(say, writer)).status == 404
        assert (await elsewhere.call(ListConversations(), writer)).status == 403
        assert (await http.call(RevokeToken(token_id=token_id), login.token)).status == 200
        refused(await elsewhere.call(ListConversations(), reader), "invalid_token")
        assert (await elsewhere.call(say, writer)).status == 404


@pytest.mark.parametrize("public", [True, False])
async def test_a_login_over_http_is_that_of_the_websocket(settings: Settings, public: bool) -> None:
    """`public`: with a token that nobody looks at."""
    async with nodes(settings, 2) as (one, other), asking(one) as http:
        name = new_name()
        device = {"device_id": uuid7(), "name": "phone"}
        body = {"username": name, "password": "correct horse battery", "device": device}
        made = await http.ask("account.register", body, "wrong" if public else None)
        assert made.status == 200
        async with socket(other, made.body["token"]) as (link, _):
            (session,) = (await link.call(ListSessions())).sessions
        assert session.current
        assert (session.name, session.address) == ("phone", "127.0.0.1")
        renewed = await http.ask(
            "account.refresh", {"op_id": uuid7(), "refresh_token": made.body["refresh_token"]}
        )
        assert renewed.body["session_id"] == made.body["session_id"]
        listed = await http.call(ListSessions(), renewed.body["token"])
        assert [each["current"] for each in listed.body["sessions"]] == [True]
