"""What becomes of an account after it was made, on two nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from lumina_protocol.accounts import Login, Register, Tokens
from lumina_protocol.conversations import CreateConversation, ListConversations
from lumina_protocol.errors import CloseCode, LuminaError
from lumina_protocol.exports import ExportAccount
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.lifecycle import (
    ChangePassword,
    ChangeUsername,
    Deactivate,
    DeleteAccount,
    RestoreAccount,
    UserRenamed,
)
from lumina_protocol.logins import ListSessions
from lumina_protocol.members import CreateGroup
from lumina_protocol.session import Authenticate, Ping
from lumina_protocol.tokens import CreateToken

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.locks import awaited
from tests.logins import ended, link_to, log_in, socket
from tests.oracle import oracle

OTHER = "staple in the same place"
DAY_MS = 86_400_000


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob")
        yield one, other


async def refused(node: Node, request: Request[Any]) -> LuminaError:
    async with link_to(node) as link:
        with pytest.raises(LuminaError) as why:
            await link.call(request)
    return why.value


async def bot_of(node: Node, tokens: Tokens) -> str:
    async with socket(node, tokens) as (link, _):
        asked = CreateToken(token_id=uuid7(), name="bot", scopes=["read"])
        return (await link.call(asked)).token


async def rename(node: Node, username: str, to: str) -> None:
    async with user(node, username) as client:
        await client.call(ChangeUsername(username=to))


async def renamed(inbox: Inbox) -> UserRenamed:
    async for news in inbox:
        if isinstance(news, UserRenamed):
            return news
    raise AssertionError("an inbox does not end")


async def long_ago(pg: asyncpg.Connection, days: float) -> None:
    """Whatever has to do with names happened so much earlier."""
    by = f"interval '{days} days'"
    await pg.execute(f"update users set username_changed_at = username_changed_at - {by}")
    await pg.execute(f"update username_history set held_until = held_until - {by}")


async def too_late(pg: asyncpg.Connection) -> None:
    """The time in which accounts can be restored was over a second ago."""
    await pg.execute(
        "update account_deletions set created_at = created_at - interval '31 days',"
        " purge_after = now() - interval '1 second'"
    )


async def test_a_new_password_ends_all_logins_but_this_one(two: tuple[Node, Node]) -> None:
    one, other = two
    mine, theirs = await log_in(one), await log_in(other)
    bot = await bot_of(one, mine)
    async with (
        socket(one, mine) as (link, _),
        socket(other, theirs) as (_, reading),
        socket(other, bot) as (of_bot, _),
    ):
        asked = ChangePassword(password=PASSWORD, new_password=OTHER)
        assert (await link.call(asked)).ended == len(["that of register", "theirs"])
        assert await ended(reading) == CloseCode.SESSION_ENDED
        (left,) = (await link.call(ListSessions())).sessions
        assert left.session_id == mine.session_id
        await of_bot.call(Ping())
        assert (await link.call(asked)).ended == 0, "its answer was lost, and it is asked again"
    assert (await refused(other, Login(username="alice", password=PASSWORD))).body.code == (
        "wrong_credentials"
    )
    async with link_to(other) as link:
        await link.call(Login(username="alice", password=OTHER))


async def test_the_old_password_is_needed_for_a_new_one(two: tuple[Node, Node]) -> None:
    one, _ = two
    async with user(one, "alice") as alice:
        requests: tuple[Request[Any], ...] = (
            ChangePassword(password=OTHER, new_password="whatever it is"),
            Deactivate(password=OTHER),
            DeleteAccount(password=OTHER),
            ChangeUsername(username="alicia", password=OTHER),
        )
        for asked in requests:
            with pytest.raises(LuminaError) as why:
                await alice.call(asked)
            assert (why.value.body.code, why.value.body.field) == ("wrong_credentials", "password")
    await log_in(one)


async def test_a_login_with_the_password_of_before_does_not_outlive_it(
    two: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had looked at the old one before the new one came."""
    one, other = two
    matches, looked, go_on = one.services.passwords.matches, asyncio.Event(), asyncio.Event()

    async def slowly(self: object, password: str, hashed: str | None) -> bool:
        right = await matches(password, hashed)
        if not looked.is_set():
            looked.set()
            await go_on.wait()
        return right

    mine = await log_in(other)
    async with link_to(one) as late, socket(other, mine) as (link, _):
        monkeypatch.setattr("lumina_rt.credentials.Passwords.matches", slowly)
        login = asyncio.create_task(late.call(Login(username="alice", password=PASSWORD)))
        await looked.wait()
        await link.call(ChangePassword(password=PASSWORD, new_password=OTHER))
        go_on.set()
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await login


async def test_a_new_name_is_told_to_the_own_devices_and_to_who_shares_a_conversation(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    await register(one, "carol", "dave")
    async with (
        user(one, "alice") as alice,
        user(other, "alice") as phone,
        user(other, "bob") as bob,
        user(one, "carol") as carol,
        user(other, "dave") as dave,
    ):
        await say(alice, await open_conversation(alice, "bob"), "hello")
        group = CreateGroup(conversation_id=uuid7(), title="tea", usernames=["alice", "bob"])
        await carol.call(group)
        with dave.inbox() as nothing:
            async with oracle(alice, phone, bob, carol, dave):
                changed = await alice.call(ChangeUsername(username="Alicia", password=PASSWORD))
            assert changed.username == "Alicia"
            await open_conversation(bob, "dave")
            assert not isinstance(await anext(aiter(nothing)), UserRenamed)
        page = (await bob.call(ListConversations())).conversations
        assert {m.username for c in page for m in c.members} == {"Alicia", "bob", "carol", "dave"}
    await log_in(other, "alicia")
    assert (await refused(one, Login(username="alice", password=PASSWORD))).body.code == (
        "wrong_credentials"
    )


async def test_who_was_away_is_told_of_a_new_name_when_they_resume(two: tuple[Node, Node]) -> None:
    one, other = two
    async with user(one, "alice") as alice, user(other, "bob") as bob:
        await open_conversation(alice, "bob")
        with bob.inbox() as inbox:
            for connection in list(other.gateway.connections):
                connection.transport.abort()
            await alice.call(ChangeUsername(username="alicia"))
            assert (await renamed(inbox)).username == "alicia"


async def test_a_name_is_changed_once_a_week(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    await rename(one, "alice", "alicia")
    async with user(other, "alicia") as alicia:
        assert (await alicia.call(ChangeUsername(username="alicia"))).username == "alicia"
        with pytest.raises(LuminaError) as why:
            await alicia.call(ChangeUsername(username="alison"))
        assert why.value.body.code == "rate_limited"
        assert why.value.body.retry_after_ms is not None
        assert 6.9 * DAY_MS < why.value.body.retry_after_ms <= 7 * DAY_MS
        await long_ago(pg, 6.999)
        with pytest.raises(LuminaError, match="rate_limited"):
            await alicia.call(ChangeUsername(username="alison"))
        await long_ago(pg, 0.001)
        await alicia.call(ChangeUsername(username="alison"))


async def test_a_name_that_was_given_up_is_held_for_its_former_owner(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    await rename(one, "alice", "alicia")
    asked = Register(username="ALICE", password=PASSWORD)
    assert (await refused(other, asked)).body.code == "username_taken"
    async with user(other, "bob") as bob:
        with pytest.raises(LuminaError, match="username_taken"):
            await bob.call(ChangeUsername(username="alice"))
    await long_ago(pg, 7)
    await rename(other, "alicia", "alice")
    assert (await refused(other, Register(username="alicia", password=PASSWORD))).body.code == (
        "username_taken"
    )
    await long_ago(pg, 13.999)
    assert (await refused(other, Register(username="alicia", password=PASSWORD))).body.code == (
        "username_taken"
    )
    await long_ago(pg, 0.001)
    await register(other, "alicia")


async def test_another_s_name_and_those_of_erased_accounts_are_taken(
    two: tuple[Node, Node],
) -> None:
    one, _ = two
    async with user(one, "alice") as alice:
        for name in ("bob", "ＢＯＢ", "deleted_0123"):
            with pytest.raises(LuminaError, match="username_taken"):
                await alice.call(ChangeUsername(username=name))
        await alice.call(ChangeUsername(username="Alice"))
    asked = Register(username="Deleted_0123", password=PASSWORD)
    assert (await refused(one, asked)).body.code == "username_taken"


async def test_of_many_who_want_one_name_at_once_one_gets_it(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two

    async def attempt(client: Client) -> bool:
        try:
            await client.call(ChangeUsername(username="carol"))
        except LuminaError as error:
            assert error.body.code == "username_taken"
            return False
        return True

    async with user(one, "alice") as alice, user(other, "bob") as bob:
        assert sorted(await asyncio.gather(attempt(alice), attempt(bob))) == [False, True]
    names = await pg.fetch("select username from users order by 1")
    assert "carol" in {row["username"] for row in names}


async def test_a_name_that_is_just_given_up_is_not_had_by_who_registers_at_this_moment(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    """The register waits for the row, and looks again at who holds the name."""
    one, _ = two
    async with link_to(one) as link:
        async with pg.transaction():
            await pg.execute(
                "update users set username = 'x', username_key = 'xyz' where username = 'alice'"
            )
            await pg.execute(
                "insert into username_history (username_key, user_id, held_until)"
                " select 'alice', user_id, now() + interval '1 day' from users where username = 'x'"
            )
            asked = Register(username="alice", password=PASSWORD)
            waiting = asyncio.create_task(link.call(asked))
            await awaited(pg)
        with pytest.raises(LuminaError, match="username_taken"):
            await waiting


@pytest.mark.parametrize("end", [Deactivate, DeleteAccount])
async def test_an_account_that_goes_is_out_at_once_and_found_nowhere(
    two: tuple[Node, Node], end: type[Deactivate | DeleteAccount]
) -> None:
    one, other = two
    mine, theirs = await log_in(one), await log_in(other)
    bot = await bot_of(one, mine)
    async with user(other, "bob") as bob:
        async with (
            socket(one, mine) as (link, first),
            socket(other, theirs) as (_, second),
            socket(other, bot) as (_, third),
        ):
            gone: Request[Any] = end(password=PASSWORD)
            await link.call(gone)
            codes = [await ended(each) for each in (first, second, third)]
            assert codes == [CloseCode.SESSION_ENDED] * 3
        for token, code in ((mine.token, "session_ended"), (bot, "invalid_token")):
            assert (await refused(other, Authenticate(token=token))).body.code == code
        for asked in (
            CreateConversation(conversation_id=uuid7(), username="alice"),
            CreateGroup(conversation_id=uuid7(), title="tea", usernames=["alice"]),
        ):
            with pytest.raises(LuminaError, match="not_found"):
                await bob.call(asked)
    again = Register(username="alice", password=PASSWORD)
    assert (await refused(one, again)).body.code == "username_taken"


async def test_a_login_with_the_right_password_brings_a_hidden_account_back(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    async with user(one, "alice") as alice:
        await alice.call(Deactivate(password=PASSWORD))
    wrong = Login(username="alice", password=OTHER)
    assert (await refused(other, wrong)).body.code == "wrong_credentials"
    async with user(one, "bob") as bob:
        with pytest.raises(LuminaError, match="not_found"):
            await open_conversation(bob, "alice")
        async with user(other, "alice") as alice, oracle(alice, bob):
            await open_conversation(bob, "alice")


async def test_who_was_switched_off_cannot_switch_themselves_on(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    await pg.execute("update users set is_active = false where username = 'alice'")
    for asked in (  # type: Request[Any]
        Login(username="alice", password=PASSWORD),
        RestoreAccount(username="alice", password=PASSWORD),
    ):
        assert (await refused(one, asked)).body.code == "wrong_credentials"


async def test_a_deleted_account_can_be_restored_for_a_time(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    login = Login(username="alice", password=PASSWORD)
    back = RestoreAccount(username="alice", password=PASSWORD)
    async with user(one, "alice") as alice:
        conversation = await open_conversation(alice, "bob")
        until = (await alice.call(DeleteAccount(password=PASSWORD, reason="enough"))).until
    why = await refused(other, login)
    assert (why.body.code, why.body.until) == ("account_deleted", until)
    assert (await refused(other, Login(username="alice", password=OTHER))).body.code == (
        "wrong_credentials"
    )
    days = await pg.fetchval("select to_ms(purge_after) - to_ms(created_at) from account_deletions")
    assert days == 30 * DAY_MS
    async with link_to(other) as link:
        assert (await link.call(back)).username == "alice"
        assert (await link.call(back)).username == "alice", "its answer was lost"
        assert await pg.fetchval("select count(*) from account_deletions") == 0
    async with user(other, "alice") as alice, user(one, "bob") as bob, oracle(alice, bob):
        await say(alice, conversation, "I am back")


async def test_when_the_time_is_over_nothing_brings_it_back_also_before_it_is_erased(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    async with user(one, "alice") as alice:
        await alice.call(DeleteAccount(password=PASSWORD))
    await too_late(pg)
    for asked in (  # type: Request[Any]
        Login(username="alice", password=PASSWORD),
        RestoreAccount(username="alice", password=PASSWORD),
    ):
        assert (await refused(other, asked)).body.code == "wrong_credentials"


@pytest.mark.parametrize(
    "asked", [ChangeUsername(username="alicia"), ExportAccount(export_id=uuid7())]
)
async def test_who_waits_for_others_that_tell_the_user_something_does_not_hold_them_up(
    two: tuple[Node, Node], pg: asyncpg.Connection, asked: Request[Any]
) -> None:
    one, _ = two
    async with user(one, "alice") as alice:
        async with pg.transaction():
            await pg.execute(
                "select from user_streams s join users u using (user_id)"
                " where username = 'alice' for update of s"
            )
            waiting = asyncio.create_task(alice.call(asked))
            await awaited(pg)
            await pg.execute("select from users where username = 'alice' for key share nowait")
        await waiting


async def test_who_gets_a_new_name_does_not_hold_up_those_who_tell_others_as_well(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    """Streams are locked in the order of users: the later one's is not held while it waits."""
    one, _ = two
    names = [row[0] for row in await pg.fetch("select username from users order by user_id")]
    assert len(names) == 2
    lock = """select from user_streams s join users u using (user_id)
              where username = $1 for update of s"""
    async with user(one, names[1]) as later:
        await open_conversation(later, names[0])
        async with pg.transaction():
            await pg.execute(lock, names[0])
            waiting = asyncio.create_task(later.call(ChangeUsername(username="another")))
            await awaited(pg)
            await pg.execute(f"{lock} nowait", names[1])
        await waiting
