"""Deleted accounts whose time is over: what is left of them, and that it is done wholly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.comments import Comment, CreateComment, LikeComment, SyncComments
from lumina_protocol.conversations import ListConversations
from lumina_protocol.fields import uuid7
from lumina_protocol.lifecycle import DeleteAccount
from lumina_protocol.posts import CreatePost
from lumina_protocol.watches import PostState

from lumina_rt.client import Inbox
from lumina_rt.config import Settings
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import erasure
from lumina_rt.workers.erasure import Erasure
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.oracle import oracle, snapshot
from tests.store.seeded import insert_rows
from tests.workers.rows import add, count, database, fold, recounted
from tests.workers.rows import user as account

MENTIONED = """
select c.relname::text as name, a.attname::text as col
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
  and (a.attname = 'user_id' or exists (
      select from pg_constraint k where k.contype = 'f' and k.conrelid = c.oid
      and k.confrelid = 'users'::regclass and a.attnum = any(k.conkey)))"""

# What still has the number of an account that was erased, and why.
STAYS = {
    "users.user_id": "the account itself, wiped: what it has said refers to it",
    "user_settings.user_id": "as they are for everybody at first",
    "user_streams.user_id": "a counter",
    "account_deletions.user_id": "when it was erased; without the reason",
    "account_exports.user_id": "how many there were; the worker removes the files",
    "messages.sender_id": "conversations belong to the others too",
    "message_reactions.user_id": "part of a message",
    "message_pins.user_id": "part of a conversation",
    "notification_causes.user_id": "what is to be looked at; taken within seconds",
    "conversation_participants.user_id": "whose messages they are; under the new name",
    "conversation_participants.invited_by": "how somebody else came",
    "conversation_bans.banned_by": "who keeps somebody else out",
    "conversation_invites.created_by": "links of a group, which its admins see",
    "conversations.direct_low": "whose conversation it is",
    "conversations.direct_high": "whose conversation it is",
    "membership_intervals.user_id": "which messages are theirs to see",
    "receipts.user_id": "how far messages were read, as the others were shown",
    "posts.user_id": "deleted and emptied; purged with other deleted posts",
    "comments.user_id": "deleted and emptied; purged with other deleted comments",
    "stories.user_id": "deleted; purged with other deleted stories",
    "story_views.user_id": "of others' stories, which are purged after a day",
    "story_reactions.user_id": "of others' stories, which are purged after a day",
    "story_answers.user_id": "of others' stories, which are purged after a day",
    "post_views.user_id": "dropped after 60 days, by months",
    "media_objects.user_id": "deleted, but for what messages show",
    "mutes.muted_id": "what somebody else has chosen",
    "reports.reporter_id": "complaints about others are decided all the same",
    "reports.reviewed_by": "who has decided a complaint",
    "reports.appeal_reviewed_by": "who has decided an appeal",
    "reports.owner_id": "whom a complaint was about: staff see what there was before",
}
LATER = timedelta(days=31)


async def delete(pg: asyncpg.Connection, user_id: UUID) -> None:
    """As account.delete does it, so long ago that it is due now."""
    await pg.execute(
        "update users set is_active = false, deleted_at = now() where user_id = $1", user_id
    )
    await pg.execute(
        "insert into account_deletions (user_id, reason, purge_after)"
        " values ($1, 'enough', now() + interval '30 days')"
        " on conflict (user_id) do update set purge_after = excluded.purge_after",
        user_id,
    )


async def mentions(pg: asyncpg.Connection, user_id: UUID) -> set[str]:
    """The columns, as table.column, that have this id."""
    columns = [(row["name"], row["col"]) for row in await pg.fetch(MENTIONED)]
    return {
        f"{table}.{column}"
        for table, column in columns
        if await pg.fetchval(f"select exists (select from {table} where {column} = $1)", user_id)
    }


async def test_every_column_with_a_user_is_emptied_or_said_to_stay(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await insert_rows(pg)
    await pg.execute("update conversation_participants set invited_by = user_id")
    await pg.execute(
        "update reports set reviewed_by = reporter_id, status = 'reviewed', reviewed_at = now()"
    )
    now = datetime.now(UTC) + LATER
    names = await pg.fetch("select user_id, username from users")
    before = {column for row in names for column in await mentions(pg, row["user_id"])}
    every = {f"{row['name']}.{row['col']}" for row in await pg.fetch(MENTIONED)}
    assert before == every, "the rows have a user in each of them"
    for row in names:
        await delete(pg, row["user_id"])
    async with database(settings) as db:
        await Erasure(db, Telemetry("test")).turn(now)
    after = {column for row in names for column in await mentions(pg, row["user_id"])}
    assert after <= set(STAYS)
    assert set(STAYS) <= every
    text = await pg.fetchval(
        "select string_agg(to_jsonb(u)::text || to_jsonb(d)::text, '') from users u"
        " join account_deletions d using (user_id)"
    )
    said = [row["username"] for row in names] + ["I am", "enough"]
    assert [word for word in said if f'"{word}' in text] == []
    assert await pg.fetchval("select bool_and(is_deleted) from posts")
    assert await pg.fetchval("select max(content) from comments") == ""
    assert await pg.fetchval("select count(*) from users where erased_at is null") == 0


async def test_others_see_an_erased_name_and_what_was_said_stays(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(other, "bob") as bob:
            await say(alice, await open_conversation(alice, "bob"), "so long")
            await alice.call(DeleteAccount(password=PASSWORD))
            settled = await pg.fetchval("select purge_after from account_deletions")
            early = Erasure(one.services.db, one.telemetry)
            await early.turn(settled)
            assert {m.username for c in (await snapshot(bob)).conversations.values()
                    for m in c.members} == {"alice", "bob"}  # fmt: skip
            async with oracle(bob):
                await early.turn(settled + timedelta(milliseconds=1))
            (conversation,) = (await bob.call(ListConversations())).conversations
            erased, kept = sorted(m.username for m in conversation.members)[::-1]
            assert (erased[:8], kept) == ("deleted_", "bob")
            assert conversation.last_message
            assert conversation.last_message.content == "so long"
        await register(one, "alice")


async def test_who_has_a_comment_hears_that_a_like_was_erased(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            made = {"post_id": uuid7(), "post_type": "text", "caption": "hello"}
            post_id = (await bob.call(CreatePost.model_validate(made))).post_id
            of = {"post_id": post_id, "comment_id": uuid7()}
            await bob.call(CreateComment(content="well said", **of))
            liked = await alice.call(LikeComment(op_id=uuid7(), **of))
            await alice.call(DeleteAccount(password=PASSWORD))
            settled = await pg.fetchval("select purge_after from account_deletions")
            with bob.inbox() as inbox:
                await bob.watch("post", post_id)
                await Erasure(node.services.db, node.telemetry).turn(settled + LATER)
                assert [one.like_count for one in await changed(inbox)] == [0]
            after = SyncComments(post_id=post_id, after_rev=liked.rev)
            assert [one.like_count for one in (await bob.call(after)).comments] == [0]


async def changed(inbox: Inbox) -> list[Comment]:
    """What the next state tells of comments."""
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, PostState) and news.comments:
                return news.comments
    raise AssertionError("an inbox does not end")


async def test_what_was_begun_and_not_finished_is_taken_up_again_by_any_of_two_nodes(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH", 2)
    alice, others = await account(pg), [await account(pg) for _ in range(7)]
    for each in others:
        await add(pg, "follows", follower_id=each, following_id=alice)
    for each in (alice, *others[:3]):
        await delete(pg, each)
    now = datetime.now(UTC) + LATER
    async with database(settings, 2) as db:
        one, other = (Erasure(db, Telemetry("test")) for _ in range(2))
        assert await one._step(now) == 0
        assert 0 < await count(pg, "follows") < len(others), "then the node dies"
        await asyncio.gather(one.turn(now), other.turn(now))
        erased = [
            each.telemetry.registry.get_sample_value("lumina_purged_total", {"table": "users"}) or 0
            for each in (one, other)
        ]
        assert sum(erased) == len([alice, *others[:3]])
        assert await count(pg, "follows") == 0
        assert await pg.fetchval("select count(*) from users where erased_at is not null") == 4
        await one.turn(now)
        assert (
            await pg.fetchval("select count(*) from account_deletions where purged_at is null") == 0
        )
        await fold(db)
        assert await recounted(db) == []
