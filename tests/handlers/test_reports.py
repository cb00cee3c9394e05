"""Reports: of what one may see, once, and in a queue for staff."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup, RemoveMember
from lumina_protocol.messages import DeleteMessage
from lumina_protocol.moderation import ReadQueue, ReadReportsOf
from lumina_protocol.reports import CreateReport, Kind, ListReports

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.moderation import appoint, complaint, decide, of_user, queue, report
from tests.oracle import oracle
from tests.store.seeded import insert_rows


@pytest.fixture
async def two(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob", "carol", "mod", "mallory")
        await appoint(pg, "mod", "moderator")
        yield one, other


async def test_the_same_complaint_twice_is_one_and_ones_other_devices_are_told(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    async with user(one, "alice") as alice, user(other, "alice") as tablet, user(one, "bob") as bob:
        talk = await open_conversation(alice, "bob")
        said = await say(bob, talk, "buy this")
        asked = complaint(said.message_id, talk)
        async with oracle(alice, tablet, bob):
            first = await report(alice, asked)
            assert await report(alice, asked) == first
            again = asked.model_copy(update={"report_id": uuid7(), "description": "other words"})
            assert await report(tablet, again) == first
            other_reason = asked.model_copy(update={"report_id": uuid7(), "reason": "other"})
            assert (await report(alice, other_reason)).report_id == other_reason.report_id
            taken = of_user(said_by(bob)).model_copy(update={"report_id": first.report_id})
            with pytest.raises(LuminaError, match="conflict"):
                await report(alice, taken)
        made = (await tablet.call(ListReports())).made
        assert [each.report_id for each in made] == [other_reason.report_id, first.report_id]
        assert (await bob.call(ListReports())).made == []


def said_by(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def refused(client: Client, asked: CreateReport) -> tuple[str, str | None]:
    with pytest.raises(LuminaError) as error:
        await report(client, asked)
    return error.value.body.code, error.value.body.field


async def test_what_one_may_not_see_is_not_there(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    async with user(one, "alice") as alice, user(one, "bob") as bob, user(one, "mallory") as eve:
        talk = await open_conversation(alice, "bob")
        said = await say(bob, talk, "hello")
        asked = complaint(said.message_id, talk)
        gone = "not_found", "subject_id"
        assert await refused(eve, asked) == gone
        assert await refused(alice, asked.model_copy(update={"subject_id": uuid7()})) == gone
        changes = {"kind": "conversation", "subject_id": talk, "conversation_id": None}
        assert await refused(eve, asked.model_copy(update=changes)) == gone
        assert await refused(eve, of_user(uuid7())) == gone
        await pg.execute(
            "insert into follows (follower_id, following_id, connection_type)"
            " values ($1, $2, 'blocked')", said_by(bob), said_by(eve),
        )  # fmt: skip
        assert await refused(eve, of_user(said_by(bob))) == gone
        assert await refused(alice, asked.model_copy(update={"conversation_id": None})) == (
            "invalid", "conversation_id",
        )  # fmt: skip
        assert await refused(bob, asked) == ("forbidden", "subject_id")
        assert await refused(bob, of_user(said_by(bob))) == ("forbidden", "subject_id")
        await bob.call(
            DeleteMessage(conversation_id=talk, message_id=said.message_id, op_id=uuid7())
        )
        assert await refused(alice, asked) == ("gone", "subject_id")
        assert await pg.fetchval("select count(*) from reports") == 0


async def test_who_has_left_a_group_reports_what_they_have_read_and_nothing_later(
    two: tuple[Node, Node],
) -> None:
    one, _ = two
    async with user(one, "alice") as alice, user(one, "bob") as bob:
        group = uuid7()
        asked = CreateGroup(conversation_id=group, title="Tea", usernames=["alice"])
        created = (await bob.call(asked)).conversation
        assert created.last_message
        read = await say(bob, group, "for alice too")
        leave = RemoveMember(conversation_id=group, user_id=said_by(alice), op_id=uuid7())
        await alice.call(leave)
        later = await say(bob, group, "without alice")
        assert (await report(alice, complaint(read.message_id, group))).status == "pending"
        unread = await refused(alice, complaint(later.message_id, group))
        assert unread == ("not_found", "subject_id")
        note = await refused(alice, complaint(created.last_message.message_id, group))
        assert note == ("forbidden", "subject_id")


async def test_moderators_see_what_was_said_oldest_first_with_how_often(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    async with (
        user(one, "alice") as alice,
        user(one, "bob") as bob,
        user(one, "carol") as carol,
        user(other, "mod") as mod,
    ):
        group = uuid7()
        await bob.call(
            CreateGroup(conversation_id=group, title="Tea", usernames=["alice", "carol"])
        )
        said = await say(bob, group, "buy this")
        first = await report(alice, complaint(said.message_id, group))
        second = await report(carol, complaint(said.message_id, group, "other"))
        third = await report(alice, of_user(said_by(bob)))
        await bob.call(
            DeleteMessage(conversation_id=group, message_id=said.message_id, op_id=uuid7())
        )
        page = await mod.call(ReadQueue(limit=2))
        assert page.more
        assert [each.report_id for each in page.reports] == [first.report_id, second.report_id]
        seen = page.reports[0]
        assert (seen.evidence, seen.owner, seen.others) == ("buy this", "bob", 1)
        assert (seen.reporter_id, seen.description) == (said_by(alice), "again and again")
        rest = await mod.call(ReadQueue(limit=2, after=second.report_id))
        assert [each.report_id for each in rest.reports] == [third.report_id]
        assert not rest.more
        of = await mod.call(ReadReportsOf(kind="message", subject_id=said.message_id))
        assert [each.report_id for each in of.reports] == [first.report_id, second.report_id]
        await decide(mod, third.report_id, "dismiss")
        assert await queue(mod) == [first.report_id, second.report_id]


POLICY = {
    "post": [("alice public", True), ("alice friends", True), ("alice private", False),
             ("alice deleted", False), ("alice archived", False), ("trent public", False)],
    "comment": [("comment of alice on bob public", False), ("reply of alice", True),
                ("comment of alice on alice private", False), ("comment that is deleted", False)],
    "story": [("alice story public", True), ("alice story deleted", False),
              ("alice story expired", False)],
}  # fmt: skip


@pytest.mark.parametrize("kind", POLICY)
async def test_of_posts_comments_and_stories_those_that_one_may_see(
    settings: Settings, pg: asyncpg.Connection, kind: Kind
) -> None:
    """By the same functions of the schema as row-level security."""
    await insert_rows(pg)
    async with nodes(settings, 1) as (node,):
        await register(node, "reader")
        who = {row["username"]: row["user_id"] for row in await pg.fetch("select * from users")}
        reader, alice = who["reader"], who["alice"]
        follow = "insert into follows (follower_id, following_id) values ($1, $2)"
        await pg.execute(follow, reader, alice)
        await pg.execute(follow, alice, reader)
        await pg.execute(
            "insert into follows (follower_id, following_id, connection_type)"
            " select user_id, $1, 'blocked' from users where username in ('trent', 'bob')", reader,
        )  # fmt: skip
        async with user(node, "reader") as client:
            for name, seen in POLICY[kind]:
                id_ = await pg.fetchval("select pg_temp.id($1)", name)
                asked = CreateReport(report_id=uuid7(), kind=kind, subject_id=id_, reason="spam")
                if seen:
                    assert (await report(client, asked)).status == "pending", name
                else:
                    assert await refused(client, asked) == ("not_found", "subject_id"), name
