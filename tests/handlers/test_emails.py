from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.accounts import Login
from lumina_protocol.emails import RequestReset, ResetPassword, SetEmail, VerifyEmail
from lumina_protocol.errors import CloseCode, LuminaError
from lumina_protocol.fields import email_key, uuid7
from lumina_protocol.frame import Reply, Request
from lumina_protocol.session import Authenticate, Ping
from lumina_protocol.tokens import CreateToken

from lumina_rt.app import Node
from lumina_rt.client import Client, Disconnected
from lumina_rt.config import Settings
from lumina_rt.handlers.emails import ANSWER_EVERY_S, answered_after
from tests.house import PASSWORD, nodes, register, user
from tests.logins import LIMIT_S
from tests.mailbox import Mailbox, mailbox, token_in
from tests.oracle import oracle

ALICE, BOB = "alice@example.com", "bob@example.com"
NEW_PASSWORD = "another horse, another battery"


R = TypeVar("R", bound=Reply)


@dataclass
class House:
    one: Node
    two: Node
    box: Mailbox
    alice: Client
    bob: Client
    pg: asyncpg.Connection

    async def stranger(self, request: Request[R], node: Node | None = None) -> R:
        async with Client((node or self.two).url) as stranger:
            return await stranger.call(request)

    async def refused(self, request: Request[Any]) -> str:
        with pytest.raises(LuminaError) as refused:
            await self.stranger(request)
        return refused.value.body.code

    async def has(self, client: Client, email: str) -> str:
        """The client's user asks for the address, and opens the link. Returns the token."""
        await client.call(SetEmail(email=email, password=PASSWORD))
        token = token_in(await self.box.next())
        await self.stranger(VerifyEmail(token=token))
        return token

    async def reset_token(self, email: str) -> str:
        await self.stranger(RequestReset(email=email))
        return token_in(await self.box.next())

    async def email_of(self, client: Client) -> str | None:
        user_id = me(client)
        row = await self.pg.fetchrow(
            "select email, email_index, email_verified_at from users where user_id = $1", user_id
        )
        assert row is not None
        if row["email"] is None:
            return None
        keyring = self.one.services.keyring
        email = keyring.open(row["email"], "users.email", user_id)
        assert row["email_index"] == keyring.index(email_key(email))
        assert row["email_verified_at"] is not None
        return email


def me(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    """Two nodes, a mail server, alice on the first node and bob on the second."""
    async with (
        mailbox() as box,
        nodes(settings, 2, **box.changes) as (one, two),
    ):
        await register(one, "alice", "bob")
        # Of alice there is nothing to compare at the end: a reset ends her login.
        async with user(one, "alice") as alice, user(two, "bob") as bob, oracle(bob):
            yield House(one, two, box, alice, bob, pg)


async def test_an_address_is_set_once_its_mail_was_opened(house: House) -> None:
    await house.alice.call(SetEmail(email=" Alice@EXAMPLE.com", password=PASSWORD))
    mail = await house.box.next()
    assert await house.email_of(house.alice) is None
    assert mail.sender == "no-reply@example.com"
    assert mail.recipients == ("Alice@example.com",)
    assert mail.message["To"] == "Alice@example.com"
    assert mail.message["From"] == "Lumina <no-reply@example.com>"
    assert mail.message.get_content_type() == "text/plain"
    await house.stranger(VerifyEmail(token=token_in(mail)))
    assert await house.email_of(house.alice) == "Alice@example.com"


async def test_nothing_that_is_kept_can_be_read(house: House) -> None:
    token = await house.has(house.alice, ALICE)
    await house.alice.call(SetEmail(email="new@example.com", password=PASSWORD))
    secret = token_in(await house.box.next())
    rows = await house.pg.fetchval(
        """select string_agg(r, '') from (
             select u::text as r from users u union all select t::text from account_tokens t
             union all select m::text from mails m union all select a::text from audit_log a) x"""
    )
    random = base64.urlsafe_b64decode(secret)[16:]
    for text in (b"alice@", b"example.com", b"new@", token.encode(), secret.encode(), random):
        assert text.decode("latin-1") not in rows
        assert text.hex() not in rows


@pytest.mark.parametrize("spoilt", ["used", "expired", "replaced", "forged", "of another user"])
async def test_a_token_that_is_not_good_changes_nothing(house: House, spoilt: str) -> None:
    await house.alice.call(SetEmail(email=ALICE, password=PASSWORD))
    token = token_in(await house.box.next())
    expected = None
    raw = base64.urlsafe_b64decode(token)
    match spoilt:
        case "used":
            await house.stranger(VerifyEmail(token=token))
            await house.has(house.alice, "second@example.com")
            expected = "second@example.com"
        case "expired":
            await house.pg.execute(
                "update account_tokens set created_at = created_at - interval '24 hours',"
                " expires_at = expires_at - interval '24 hours'"
            )
        case "replaced":
            await house.alice.call(SetEmail(email="second@example.com", password=PASSWORD))
            await house.box.next()
        case "forged":
            token = base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
        case "of another user":
            token = base64.urlsafe_b64encode(me(house.bob).bytes + raw[16:]).decode()
    assert await house.refused(VerifyEmail(token=token)) == "invalid_token"
    assert await house.email_of(house.alice) == expected
    assert await house.email_of(house.bob) is None


@pytest.mark.parametrize("token", ["x", "é", "====", "A" * 63, "A" * 64, "A" * 65, "A" * 200])
async def test_a_token_that_is_none_is_refused(house: House, token: str) -> None:
    assert await house.refused(VerifyEmail(token=token)) == "invalid_token"
    assert await house.refused(ResetPassword(token=token, password=NEW_PASSWORD)) == "invalid_token"


async def test_a_token_is_good_for_its_purpose_only(house: House) -> None:
    await house.has(house.alice, ALICE)
    await house.alice.call(SetEmail(email="second@example.com", password=PASSWORD))
    to_verify = token_in(await house.box.next())
    to_reset = await house.reset_token(ALICE)
    assert await house.refused(VerifyEmail(token=to_reset)) == "invalid_token"
    wrong = ResetPassword(token=to_verify, password=NEW_PASSWORD)
    assert await house.refused(wrong) == "invalid_token"
    await house.stranger(VerifyEmail(token=to_verify))


async def test_an_address_is_changed_with_the_password_only_and_its_former_one_is_told(
    house: House,
) -> None:
    """Who has got hold of a login cannot make the account theirs, nor keep a link for later."""
    await house.has(house.alice, ALICE)
    with pytest.raises(LuminaError, match="wrong_credentials"):
        await house.alice.call(SetEmail(email="mallory@example.com", password="a guess at it"))
    kept = await house.reset_token(ALICE)
    await house.alice.call(SetEmail(email="second@example.com", password=PASSWORD))
    await house.stranger(VerifyEmail(token=token_in(await house.box.next())))
    told = await house.box.next()
    assert told.recipients == (ALICE,)
    assert "has another one now" in told.text
    reset = ResetPassword(token=kept, password=NEW_PASSWORD)
    assert await house.refused(reset) == "invalid_token"


async def test_what_strangers_cause_leaves_room_for_a_reset(house: House) -> None:
    await house.has(house.alice, ALICE)
    for _ in range(5):
        await house.bob.call(SetEmail(email=ALICE, password=PASSWORD))
        assert "has given this address" in (await house.box.next()).text
    token = await house.reset_token(ALICE)
    await house.stranger(ResetPassword(token=token, password=NEW_PASSWORD))


async def test_a_new_password_revokes_the_tokens_of_bots(house: House) -> None:
    await house.has(house.alice, ALICE)
    asked = CreateToken(token_id=uuid7(), name="bot", scopes=["read"])
    bot = (await house.alice.call(asked)).token
    token = await house.reset_token(ALICE)
    await house.stranger(ResetPassword(token=token, password=NEW_PASSWORD))
    assert await house.refused(Authenticate(token=bot)) == "invalid_token"


async def test_of_one_token_used_twice_at_once_one_use_counts(house: House) -> None:
    await house.has(house.alice, ALICE)
    token = await house.reset_token(ALICE)
    passwords = [f"{NEW_PASSWORD} {n}" for n in range(6)]
    done = await asyncio.gather(
        *(
            house.stranger(ResetPassword(token=token, password=password), node)
            for password, node in zip(passwords, [house.one, house.two] * 3, strict=True)
        ),
        return_exceptions=True,
    )
    won = [p for p, answer in zip(passwords, done, strict=True) if isinstance(answer, Reply)]
    assert len(won) == 1
    codes = {e.body.code for e in done if isinstance(e, LuminaError)}
    assert codes == {"invalid_token"}
    await house.stranger(Login(username="alice", password=won[0]))


async def test_an_address_of_another_account_is_told_to_its_owner_only(house: House) -> None:
    await house.has(house.alice, ALICE)
    free = await house.bob.call(SetEmail(email=BOB, password=PASSWORD))
    await house.box.next()
    taken = await house.bob.call(SetEmail(email="ALICE@example.com", password=PASSWORD))
    assert taken == free
    told = await house.box.next()
    assert told.recipients == (ALICE,)
    assert "another account" in told.text
    assert "bob" not in told.text
    assert "#" not in told.text
    assert await house.email_of(house.bob) is None


async def test_how_many_links_may_be_asked_for_does_not_tell_either(house: House) -> None:
    await house.has(house.alice, ALICE)

    async def answers(email: str) -> list[str]:
        said = []
        for _ in range(6):
            try:
                await house.bob.call(SetEmail(email=email, password=PASSWORD))
                said.append("ok")
            except LuminaError as error:
                said.append(error.body.code)
        await house.pg.execute("delete from account_tokens where user_id = $1", me(house.bob))
        return said

    assert await answers("nobody@example.com") == await answers(ALICE)
    assert await answers(ALICE) == ["ok"] * 5 + ["rate_limited"]


async def both_wait(pg: asyncpg.Connection) -> None:
    waiting = """select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'"""
    async with asyncio.timeout(5):
        while await pg.fetchval(waiting) < 2:
            await pg.execute("select pg_stat_clear_snapshot()")


async def test_of_two_who_verify_one_address_at_once_one_gets_it(house: House) -> None:
    clients = [house.alice, house.bob]
    tokens = []
    for client in clients:
        await client.call(SetEmail(email=ALICE, password=PASSWORD))
        tokens.append(token_in(await house.box.next()))
    # Whoever would write the address is held up by this, after having looked whose it is.
    async with house.pg.transaction():
        await house.pg.execute("select from users for key share")
        verifying = asyncio.gather(
            house.stranger(VerifyEmail(token=tokens[0]), house.one),
            house.stranger(VerifyEmail(token=tokens[1]), house.two),
        )
        await both_wait(house.pg)
    replies = await verifying
    assert replies[0] == replies[1]
    emails = [await house.email_of(client) for client in clients]
    assert sorted(emails, key=str) == sorted([ALICE, None], key=str)
    told = await house.box.next()
    assert told.recipients == (ALICE,)
    owner = ("alice", "bob")[emails.index(ALICE)]
    assert f"your account {owner}" in told.text


async def test_a_new_password_works_and_the_old_one_and_all_logins_end(house: House) -> None:
    await house.has(house.alice, ALICE)
    token = await house.reset_token("ALICE@Example.com")
    with house.alice.inbox() as inbox:
        await house.stranger(ResetPassword(token=token, password=NEW_PASSWORD))
        with pytest.raises(Disconnected) as closed:
            async with asyncio.timeout(LIMIT_S):
                await anext(inbox)
    assert closed.value.code == CloseCode.SESSION_ENDED
    await house.bob.call(Ping())
    assert await house.refused(Login(username="alice", password=PASSWORD)) == "wrong_credentials"
    await house.stranger(Login(username="alice", password=NEW_PASSWORD))


async def test_a_new_password_ends_what_was_asked_for_before(house: House) -> None:
    """By somebody who was logged in and should not have been."""
    await house.has(house.alice, ALICE)
    await house.alice.call(SetEmail(email="mallory@example.com", password=PASSWORD))
    change = token_in(await house.box.next())
    token = await house.reset_token(ALICE)
    await house.stranger(ResetPassword(token=token, password=NEW_PASSWORD))
    assert await house.refused(VerifyEmail(token=change)) == "invalid_token"
    assert await house.email_of(house.alice) == ALICE


async def test_a_reset_expires_after_an_hour(house: House) -> None:
    await house.has(house.alice, ALICE)
    token = await house.reset_token(ALICE)
    await house.pg.execute(
        "update account_tokens set created_at = created_at - interval '1 hour',"
        " expires_at = expires_at - interval '1 hour'"
    )
    reset = ResetPassword(token=token, password=NEW_PASSWORD)
    assert await house.refused(reset) == "invalid_token"
    await house.stranger(Login(username="alice", password=PASSWORD))


@pytest.mark.parametrize(
    ("took_s", "answered_s"), [(0.001, 0.25), (0.249, 0.25), (0.251, 0.5), (0.5, 0.5), (1.01, 1.25)]
)
def test_answers_come_at_few_moments(took_s: float, answered_s: float) -> None:
    assert answered_after(took_s) == answered_s


async def test_asking_for_a_reset_looks_the_same_for_whom_there_is_and_is_not(
    house: House,
) -> None:
    await house.has(house.alice, ALICE)
    await house.bob.call(SetEmail(email=BOB, password=PASSWORD))  # not verified: no address yet
    await house.box.next()
    for _ in range(3):
        answers = {}
        for email in (ALICE, BOB, "nobody@example.com"):
            async with Client(house.two.url) as stranger:
                began = time.monotonic()
                answers[email] = await stranger.call(RequestReset(email=email))
                took = time.monotonic() - began
                assert took >= ANSWER_EVERY_S - 0.005
        assert len({repr(answer) for answer in answers.values()}) == 1
    to = [(await house.box.next()).recipients for _ in range(3)]
    assert to == [(ALICE,)] * 3
    assert await house.pg.fetchval("select count(*) from mails where user_id = $1", me(house.bob)) \
        == 1  # fmt: skip


async def test_nobody_is_mailed_without_end(house: House) -> None:
    await house.has(house.alice, ALICE)
    for _ in range(6):
        await house.stranger(RequestReset(email=ALICE))
    mails = await house.pg.fetchval("select count(*) from mails where purpose = 'reset_password'")
    assert mails == 5
    newest = [token_in(await house.box.next()) for _ in range(5)][-1]
    await house.stranger(ResetPassword(token=newest, password=NEW_PASSWORD))


@pytest.mark.parametrize(
    "email",
    [
        "alice@example.com\r\nBcc: eve@example.com",
        "alice@example.com\nBcc: eve@example.com",
        '"a\r\nBcc: eve@example.com"@example.com',
        "alice@example.com>\r\nRCPT TO:<eve@example.com",
        "alice@example.com, eve@example.com",
        "Alice <alice@example.com>",
    ],
)
async def test_no_header_and_no_recipient_can_be_smuggled_in(house: House, email: str) -> None:
    for ask in (
        house.alice.call(SetEmail.model_construct(email=email, password=PASSWORD)),
        house.stranger(RequestReset.model_construct(email=email)),
    ):
        with pytest.raises(LuminaError, match="invalid"):
            await ask
    assert await house.pg.fetchval("select count(*) from mails") == 0


@pytest.mark.parametrize(
    "email", ['"a b, <c>;"@example.com', "用户@例子.世界", "o'hara@[192.0.2.1]"]
)
async def test_odd_addresses_are_mailed_as_they_are(house: House, email: str) -> None:
    await house.has(house.alice, email)
    (to,) = house.box.mails[-1].recipients
    assert to.encode().startswith(email.partition("@")[0].encode())
    assert len(house.box.mails[-1].message["To"].addresses) == 1
    assert await house.email_of(house.alice) == email


@asynccontextmanager
async def without_mail(settings: Settings) -> AsyncIterator[tuple[Client, Client]]:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice, Client(node.url) as stranger:
            yield alice, stranger


async def test_without_a_mail_server_that_is_what_is_said(settings: Settings) -> None:
    async with without_mail(settings) as (alice, stranger):
        for client, request in (
            (alice, SetEmail(email=ALICE, password=PASSWORD)),
            (stranger, RequestReset(email=ALICE)),
        ):
            with pytest.raises(LuminaError, match="LUMINA_SMTP_URL") as refused:
                await client.call(request)
            assert refused.value.body.code == "no_mail"
            assert not refused.value.body.temporary
