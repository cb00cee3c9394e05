"""Decisions of staff: who may, what they do on two nodes, whom they are told, and appeals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import CloseCode, ErrorBody, LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.messages import ReadHistory
from lumina_protocol.moderation import DecideAppeal, DecideReport, ReadQueue, ReadReportsOf
from lumina_protocol.reports import (
    AppealSuspension,
    CreateReport,
    Kind,
    ListReports,
    ModerationActed,
    ReportDecided,
)
from lumina_protocol.session import Authenticate, Ping
from lumina_protocol.tokens import CreateToken

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.logins import LIMIT_S, ended, link_to, log_in, socket
from tests.moderation import (
    appeal,
    appoint,
    complaint,
    decide,
    decide_appeal,
    decision,
    of_user,
    queue,
    report,
)
from tests.oracle import oracle
from tests.store.seeded import insert_rows

DAY_MS = 86_400_000


@pytest.fixture
async def two(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob", "carol", "mod", "mod2", "boss")
        for name, role in (("mod", "moderator"), ("mod2", "moderator"), ("boss", "admin")):
            await appoint(pg, name, role)
        yield one, other


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def against(node: Node, name: str, reporter: str = "alice") -> UUID:
    """A report of this user."""
    async with user(node, name) as reported, user(node, reporter) as client:
        return (await report(client, of_user(id_of(reported)))).report_id


async def refusal(client: Client, asked: Request[Any]) -> ErrorBody:
    with pytest.raises(LuminaError) as error:
        await client.call(asked)
    return error.value.body


async def test_only_staff_reads_reports_and_decides_and_each_sees_their_own_role(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    report_id = await against(one, "bob")
    asked: list[Request[Any]] = [
        ReadQueue(),
        ReadQueue(appeals=True),
        ReadReportsOf(kind="user", subject_id=uuid7()),
        decision(report_id, "warn"),
        decision(uuid7(), "warn"),
        DecideAppeal(report_id=report_id, op_id=uuid7(), outcome="upheld", note="no"),
    ]
    async with link_to(one) as link:
        for request in asked:
            with pytest.raises(LuminaError, match="auth_required"):
                await link.call(request)
    for name in ("alice", "bob", "carol"):  # who reported, who was reported, and neither
        async with user(one, name) as client:
            assert client.ready
            assert client.ready.role is None
            assert [(await refusal(client, r)).code for r in asked] == ["forbidden"] * len(asked)
    for name, role in (("mod", "moderator"), ("boss", "admin")):
        async with user(one, name) as client:
            assert client.ready
            assert client.ready.role == role
            assert await queue(client) == [report_id]
            assert await queue(client, appeals=True) == []
            assert (await refusal(client, asked[4])).code == "not_found"
            assert (await refusal(client, asked[5])).code == "stale"
            await appoint(pg, name, None)
            assert (await refusal(client, asked[0])).code == "forbidden"


async def test_a_removed_message_is_gone_for_all_and_both_sides_are_told(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    async with (
        user(one, "alice") as alice,
        user(other, "alice") as tablet,
        user(other, "bob") as bob,
        user(one, "carol") as carol,
        user(one, "mod") as mod,
    ):
        talk = await open_conversation(alice, "bob")
        said = await say(bob, talk, "buy this")
        first = await report(alice, complaint(said.message_id, talk))
        second = await report(tablet, complaint(said.message_id, talk, "other"))
        asked = decision(first.report_id, "remove")
        with alice.inbox() as heard, bob.inbox() as told:
            async with oracle(alice, tablet, bob, carol):
                done = await mod.call(asked)
                assert await mod.call(asked) == done, "asked again, it answers the same"
                assert (done.status, done.reports) == ("actioned", 2)
            news = await until(heard, ReportDecided)
            assert (news.subject_id, news.status) == (said.message_id, "actioned")
            acted = await until(told, ModerationActed)
        assert (acted.decision.action, acted.decision.note) == ("remove", "against the rules")
        assert str(id_of(alice)) not in acted.model_dump_json()
        (left,) = (await alice.call(ReadHistory(conversation_id=talk))).messages
        assert (left.content, left.is_deleted) == ("", True)
        made = (await alice.call(ListReports())).made
        assert {each.report_id for each in made} == {first.report_id, second.report_id}
        assert {each.decision_id for each in made} == {first.report_id}
        assert (await refusal(mod, decision(second.report_id, "warn"))).code == "stale"


async def until(inbox: Any, kind: type[Any]) -> Any:
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            if isinstance(news, kind):
                return news
    raise AssertionError("an inbox does not end")


async def test_what_was_decided_while_one_was_away_comes_with_the_resume(
    two: tuple[Node, Node],
) -> None:
    one, _ = two
    report_id = await against(one, "bob")
    async with user(one, "bob") as bob, user(one, "mod") as mod:
        assert bob.ready
        with bob.inbox() as inbox:
            await bob._link.close()  # type: ignore[union-attr]
            await decide(mod, report_id, "warn")
            acted = await until(inbox, ModerationActed)
        assert (acted.decision.action, acted.decision.status) == ("warn", "actioned")
        await bob.call(Ping())


async def test_a_suspension_closes_all_sockets_on_both_nodes_and_refuses_new_ones(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    report_id = await against(one, "bob")
    async with user(one, "bob") as bob:
        bot = CreateToken(token_id=uuid7(), name="bot", scopes=["read"])
        token = (await bob.call(bot)).token
    tokens = [await log_in(node, "bob") for node in (one, other)]
    async with (
        socket(one, tokens[0]) as (_, here),
        socket(other, tokens[1]) as (_, there),
        socket(one, token) as (_, bot_here),
        socket(other, token) as (_, bot_there),
        user(other, "alice") as alice,
        user(one, "mod") as mod,
    ):
        asked_at = asyncio.get_running_loop().time()
        done = await decide(mod, report_id, "suspend", 3)
        closed = [await ended(each) for each in (here, there, bot_here, bot_there)]
        assert asyncio.get_running_loop().time() - asked_at < LIMIT_S
        assert closed == [CloseCode.SESSION_ENDED] * 4
        await alice.call(Ping())
    assert done.until
    for node in (one, other):
        with pytest.raises(LuminaError) as error:
            await log_in(node, "bob")
        assert (error.value.body.code, error.value.body.until) == ("suspended", done.until)
        assert "against the rules" in error.value.body.message
        for each in (tokens[0].token, token):
            async with link_to(node) as link:
                with pytest.raises(LuminaError, match="suspended"):
                    await link.call(Authenticate(token=each))


async def test_a_suspension_is_over_by_itself(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    report_id = await against(one, "bob")
    async with user(one, "bob") as bob, user(one, "mod") as mod:
        bot = CreateToken(token_id=uuid7(), name="bot", scopes=["read"])
        token = (await bob.call(bot)).token
        old = await log_in(one, "bob")
        await decide(mod, report_id, "suspend", 1)
    await pg.execute("update users set suspended_until = now() where username = 'bob'")
    async with socket(other, await log_in(one, "bob")) as (link, _):
        await link.call(Ping())
    await one.revocations.turn()
    async with socket(one, token) as (link, _):
        await link.call(Ping())
    async with link_to(one) as link:
        with pytest.raises(LuminaError, match="session_ended"):
            await link.call(Authenticate(token=old.token))


async def test_a_login_under_way_sees_the_suspension_that_it_waited_for(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    transaction = pg.transaction()
    await transaction.start()
    await pg.execute(
        "update users set suspended_at = now(), suspended_until = now() + interval '1 day',"
        " suspended_reason = 'x' where username = 'bob'"
    )
    trying = asyncio.create_task(log_in(one, "bob"))
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    async with asyncio.timeout(LIMIT_S):
        while not await pg.fetchval(waiting):
            await pg.execute("select pg_stat_clear_snapshot()")
    await transaction.commit()
    with pytest.raises(LuminaError, match="suspended"):
        await trying
    mine = "select count(*) from sessions join users using (user_id) where username = 'bob'"
    assert await pg.fetchval(mine) == 1, "that of the registration"


async def test_nobody_decides_about_themselves_and_only_admins_suspend_admins(
    two: tuple[Node, Node],
) -> None:
    one, _ = two
    of_mod, of_boss = await against(one, "mod"), await against(one, "boss")
    async with user(one, "mod") as mod, user(one, "mod2") as mod2, user(one, "boss") as boss:
        for action in ("warn", "dismiss"):
            assert (await refusal(mod, decision(of_mod, action))).code == "forbidden"
        assert (await refusal(boss, decision(of_boss, "dismiss"))).code == "forbidden"
        error = await refusal(mod, decision(of_boss, "suspend", 1))
        assert (error.code, error.field) == ("forbidden", "action")
        assert (await decide(mod2, of_mod, "suspend", 1)).status == "actioned"
        assert (await decide(mod2, of_boss, "warn")).status == "actioned"


async def test_an_admin_suspends_an_admin(two: tuple[Node, Node], pg: asyncpg.Connection) -> None:
    one, _ = two
    await appoint(pg, "carol", "admin")
    report_id = await against(one, "carol")
    async with user(one, "boss") as boss:
        assert (await decide(boss, report_id, "suspend", 1)).until
    with pytest.raises(LuminaError, match="suspended"):
        await log_in(one, "carol")


async def test_an_action_that_does_not_fit_is_refused_by_its_field(two: tuple[Node, Node]) -> None:
    one, _ = two
    report_id = await against(one, "bob")
    async with user(one, "mod") as mod, user(one, "alice") as alice:
        wrong: list[tuple[DecideReport, str]] = [
            (decision(report_id, "remove"), "action"),
            (decision(report_id, "suspend"), "days"),
            (decision(report_id, "warn", 3), "days"),
        ]
        for asked, name in wrong:
            error = await refusal(mod, asked)
            assert (error.code, error.field) == ("invalid", name)
        async with oracle(alice):
            assert (await decide(mod, report_id, "dismiss")).status == "dismissed"


@pytest.mark.parametrize("same", [True, False])
async def test_of_two_moderators_who_decide_at_once_one_does(
    two: tuple[Node, Node], pg: asyncpg.Connection, same: bool
) -> None:
    """About one report, or about two reports of one subject."""
    one, other = two
    first = await against(one, "bob")
    second = first if same else await against(one, "bob", "carol")
    async with (
        user(one, "alice") as alice,
        user(other, "bob") as bob,
        user(one, "mod") as mod,
        user(other, "mod2") as mod2,
    ):
        async with oracle(alice, bob):
            asked = decide(mod, first, "warn"), decide(mod2, second, "dismiss")
            results = await asyncio.gather(*asked, return_exceptions=True)
        (refused,) = [each for each in results if isinstance(each, LuminaError)]
        assert refused.body.code == "stale"
        rows = await pg.fetch("select distinct action, decided_in, reviewed_by from reports")
        assert len(rows) == 1


async def test_two_who_have_reported_each_other_are_decided_about_at_once(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    of_bob, of_alice = await against(one, "bob"), await against(one, "alice", "bob")
    async with (
        user(one, "alice") as alice,
        user(other, "bob") as bob,
        user(one, "mod") as mod,
        user(other, "mod2") as mod2,
        oracle(alice, bob),
    ):
        done = await asyncio.gather(decide(mod, of_bob, "warn"), decide(mod2, of_alice, "warn"))
        assert [each.status for each in done] == ["actioned"] * 2


async def test_an_appeal_is_decided_by_another_moderator_and_ends_a_suspension_at_once(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    report_id = await against(one, "bob")
    async with user(one, "mod") as mod, user(other, "mod2") as mod2, user(one, "alice") as alice:
        await decide(mod, report_id, "suspend", 30)
        async with link_to(other) as link:
            wrong = AppealSuspension(username="bob", password="not his own", text="please")
            with pytest.raises(LuminaError, match="wrong_credentials"):
                await link.call(wrong)
            own = wrong.model_copy(update={"password": PASSWORD})
            assert (await link.call(own)).status == "appealed"
            assert (await link.call(own)).status == "appealed"
            nothing = own.model_copy(update={"username": "alice"})
            with pytest.raises(LuminaError, match="not_found"):
                await link.call(nothing)
        assert await queue(mod2, appeals=True) == [report_id]
        asked = DecideAppeal(report_id=report_id, op_id=uuid7(), outcome="overturned", note="yes")
        assert (await refusal(mod, asked)).code == "forbidden"
        with pytest.raises(LuminaError, match="suspended"):
            await log_in(one, "bob")
        async with oracle(alice):
            assert (await decide_appeal(mod2, report_id, "overturned")).status == "overturned"
        async with user(one, "bob") as bob:
            (decided,) = (await bob.call(ListReports())).against
            assert decided.status == "overturned"
        assert (await refusal(mod2, asked)).code == "stale"


async def test_one_suspension_ends_and_another_one_stands(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    first = await against(one, "bob")
    async with user(one, "mod") as mod, user(one, "mod2") as mod2:
        longer = await decide(mod, first, "suspend", 30)
        second = (await report(mod, of_user(await id_by_name(pg, "bob"), "spam"))).report_id
        shorter = await decide(mod, second, "suspend", 2)
        assert await until_of(pg) == longer.until
        await pg.execute("update reports set status = 'appealed' where report_id = $1", first)
        await decide_appeal(mod2, first, "overturned")
        assert await until_of(pg) == shorter.until
        assert shorter.until
        assert longer.until
        assert longer.until - shorter.until > 27 * DAY_MS


async def id_by_name(pg: asyncpg.Connection, name: str) -> UUID:
    found = await pg.fetchval("select user_id from users where username = $1", name)
    return UUID(str(found))


async def until_of(pg: asyncpg.Connection) -> int | None:
    found = "select still(suspended_until) from users where username = 'bob'"
    value: int | None = await pg.fetchval(found)
    return value


async def test_one_appeals_once_against_what_was_decided_against_one(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    report_id = await against(one, "bob")
    async with (
        user(one, "alice") as alice,
        user(one, "bob") as bob,
        user(other, "bob") as tablet,
        user(one, "mod") as mod,
        user(one, "mod2") as mod2,
    ):
        assert await no_appeal(bob, report_id) == "not_found", "nothing was decided yet"
        await decide(mod, report_id, "warn")
        assert await no_appeal(alice, report_id) == "not_found"
        async with oracle(alice, bob, tablet):
            assert await appeal(bob, report_id) == "appealed"
            assert await appeal(tablet, report_id) == "appealed"
            assert await no_appeal(bob, report_id, "and another thing") == "stale"
        async with oracle(alice, bob, tablet):
            await decide_appeal(mod2, report_id, "upheld")
        assert await no_appeal(bob, report_id, "and another thing") == "stale"
        (decided,) = (await tablet.call(ListReports())).against
        assert decided.status == "upheld"


async def no_appeal(client: Client, report_id: UUID, text: str = "why") -> str:
    with pytest.raises(LuminaError) as error:
        await appeal(client, report_id, text)
    return error.value.body.code


async def test_the_audit_log_says_who_decided(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    report_id = await against(one, "bob")
    async with user(one, "mod") as mod:
        await decide(mod, report_id, "suspend", 1)
        moderator = id_of(mod)
    log = await pg.fetch(
        "select table_name, actor_id, changes::text as changes from audit_log where op = 'update'"
        " and (changes ? 'suspended_until' or changes ? 'revoked_at')"
    )
    assert {row["table_name"] for row in log} == {"users", "reports", "sessions"}
    assert {row["actor_id"] for row in log} == {moderator}
    assert "against the rules" not in str([row for row in log if row["table_name"] == "users"])


@pytest.mark.parametrize(
    ("kind", "name", "seen"),
    [
        ("post", "alice public", "select is_deleted from posts where post_id = pg_temp.id($1)"),
        (
            "comment",
            "reply of alice",
            "select is_deleted from comments where comment_id = pg_temp.id($1)",
        ),
        (
            "story",
            "alice story public",
            "select is_deleted from stories where story_id = pg_temp.id($1)",
        ),
    ],
)
async def test_posts_comments_and_stories_are_hidden_and_shown_again(
    settings: Settings, pg: asyncpg.Connection, kind: Kind, name: str, seen: str
) -> None:
    await insert_rows(pg)
    async with nodes(settings, 1) as (node,):
        await register(node, "reader", "mod", "mod2")
        for moderator in ("mod", "mod2"):
            await appoint(pg, moderator, "moderator")
        async with (
            user(node, "reader") as reader,
            user(node, "mod") as mod,
            user(node, "mod2") as mod2,
        ):
            subject = await pg.fetchval("select pg_temp.id($1)", name)
            asked = CreateReport(
                report_id=uuid7(), kind=kind, subject_id=subject, reason="copyright"
            )
            async with oracle(reader):
                report_id = (await report(reader, asked)).report_id
                await decide(mod, report_id, "remove")
            assert await pg.fetchval(seen, name) is True
            await pg.execute(
                "update reports set status = 'appealed' where report_id = $1", report_id
            )
            async with oracle(reader):
                await decide_appeal(mod2, report_id, "overturned")
            assert await pg.fetchval(seen, name) is False
