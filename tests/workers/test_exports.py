"""The archive of an export: what is in it, and that it is made wholly, once, or not at all."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7

from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.config import Settings
from lumina_rt.keyring import Keyring
from lumina_rt.letters import ADDRESS
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import Query
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import archive, exports
from lumina_rt.workers.exports import ArchiveWorker
from tests.store.seeded import insert_rows
from tests.workers.rows import add, conversation, database, post, scheduled, user
from tests.workers.test_erasure import MENTIONED

TOLD = {
    "users.user_id": "account",
    "user_settings.user_id": "settings",
    "username_history.user_id": "former_names",
    "devices.user_id": "devices",
    "sessions.user_id": "logins",
    "access_tokens.user_id": "bots",
    "account_exports.user_id": "exports",
    "follows.follower_id": "following",
    "follows.following_id": "followers",
    "follow_requests.follower_id": "follow_requests",
    "follow_requests.following_id": "follow_requests",
    "mutes.user_id": "muted",
    "audiences.user_id": "audiences",
    "conversation_participants.user_id": "conversations",
    "receipts.user_id": "conversations",
    "messages.sender_id": "messages",
    "message_reactions.user_id": "message_reactions",
    "message_pins.user_id": "message_pins",
    "message_hides.user_id": "message_hides",
    "message_mentions.user_id": "mentions",
    "conversation_drafts.user_id": "message_drafts",
    "scheduled_messages.user_id": "scheduled_messages",
    "conversation_invites.created_by": "invites",
    "posts.user_id": "posts",
    "post_drafts.user_id": "post_drafts",
    "post_coauthors.user_id": "coauthored",
    "post_mentions.user_id": "post_mentions",
    "post_shares.user_id": "shares",
    "poll_votes.user_id": "votes",
    "reactions.user_id": "reactions",
    "comments.user_id": "comments",
    "comment_likes.user_id": "comment_likes",
    "stories.user_id": "stories",
    "story_highlights.user_id": "highlights",
    "topic_follows.user_id": "topics",
    "bookmarks.user_id": "bookmarks",
    "bookmark_collections.user_id": "bookmark_collections",
    "notifications.user_id": "notifications",
    "reports.reporter_id": "reports",
    "reports.owner_id": "decisions",
    "media_objects.user_id": "media",
}
"""Which file of the archive tells of rows in which this column has the user."""
UNTOLD = {
    "refresh_tokens.user_id": "a secret; logins.jsonl says where one is logged in",
    "account_tokens.user_id": "a secret, in a mail that the user has",
    "mails.user_id": "a mail that the user has, and secrets in it",
    "user_totp.user_id": "a secret",
    "recovery_codes.user_id": "digests of secrets",
    "account_deletions.user_id": "of accounts that are gone; they have no archive",
    "user_streams.user_id": "a counter of events",
    "user_events.user_id": "what happened to the things that are in the archive, for 30 days",
    "op_keys.user_id": "what makes retries safe: ids and digests",
    "notification_causes.user_id": "taken within seconds; notifications.jsonl has what came of it",
    "notification_groups.user_id": "how notifications are shown",
    "notification_preferences.user_id": "how much is shown of which type",
    "membership_intervals.user_id": "which messages are whose; messages.jsonl goes by it",
    "conversation_participants.invited_by": "what the others' list is made of",
    "conversations.direct_low": "in conversations.jsonl, as `with`",
    "conversations.direct_high": "the same",
    "audience_members.user_id": "lists of others, which the user does not know of",
    "conversation_bans.user_id": "what the admins of a group keep",
    "conversation_bans.banned_by": "the same",
    "mutes.muted_id": "what somebody else has chosen, and tells nobody",
    "notifications.actor_id": "notifications of others",
    "reports.reviewed_by": "work of staff, kept for the operator",
    "reports.appeal_reviewed_by": "the same",
    "post_views.user_id": "counted by post, for 60 days; nobody is looked up in it",
    "story_views.user_id": "of stories of others, which are gone after a day",
    "story_reactions.user_id": "the same",
    "story_answers.user_id": "the same",
}
SECRET = ("digest", "password", "push_token", "secret", "storage_key", "upload_id", "email_index")


async def worker(settings: Settings, db: Db, folder: Path) -> ArchiveWorker:
    return ArchiveWorker(db, LocalBlobs(folder), settings.keyring(), Telemetry("test"))


async def ask(pg: asyncpg.Connection, user_id: UUID) -> UUID:
    export_id = uuid7()
    await add(pg, "account_exports", export_id=export_id, user_id=user_id)
    return export_id


def read(folder: Path, export_id: UUID) -> dict[str, list[dict[str, object]]]:
    """The lines of each file, by its name without an ending."""
    with zipfile.ZipFile(folder / f"exports/{export_id}.zip") as found:
        return {
            name.removesuffix(".jsonl"): [
                json.loads(line) for line in found.read(name).splitlines()
            ]
            for name in found.namelist()
            if name.endswith(".jsonl")
        }


async def statuses(pg: asyncpg.Connection) -> list[str]:
    rows = await pg.fetch("select status from account_exports order by created_at, export_id")
    return [row["status"] for row in rows]


async def test_every_column_with_a_user_is_told_or_named_with_a_reason(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    columns = {f"{row['name']}.{row['col']}" for row in await pg.fetch(MENTIONED)}
    assert columns == set(TOLD) | set(UNTOLD)
    assert not set(TOLD) & set(UNTOLD)
    assert {part.name.removesuffix(".jsonl") for part in archive.PARTS} == {
        *TOLD.values(), "blocked", "message_edits",
    }  # fmt: skip
    await insert_rows(pg)
    await pg.execute("update users set email = null, email_index = null")
    await pg.execute(
        "update reports set status = 'actioned', reviewed_at = now(), decided_in = report_id"
    )
    people = [row["user_id"] for row in await pg.fetch("select user_id from users")]
    lines: dict[str, int] = defaultdict(int)
    async with database(settings) as db:
        for person in people:
            export_id = await ask(pg, person)
            await (await worker(settings, db, tmp_path)).turn()
            for name, found in read(tmp_path, export_id).items():
                lines[name] += len(found)
                keys = {key for line in found for key in line}
                assert not [key for key in keys if any(word in key for word in SECRET)], name
    assert {name for name in TOLD.values() if not lines[name]} == set()


async def test_what_it_tells_is_the_users_and_nobody_elses(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    alice, bob = await user(pg), await user(pg)
    keyring: Keyring = settings.keyring()
    await pg.execute(
        "update users set email = $2, email_index = $3 where user_id = $1",
        alice, keyring.seal("alice@example.com", ADDRESS, alice), keyring.index("a"),
    )  # fmt: skip
    kept = await post(pg, alice, caption="kept")
    gone = await post(pg, alice, caption="gone")
    await post(pg, bob, caption="of another")
    await pg.execute(
        "update posts set is_deleted = true, deleted_at = now() where post_id = $1", gone
    )
    for follower, following, kind in (
        (alice, bob, "follow"), (bob, alice, "blocked")
    ):  # fmt: skip
        await add(pg, "follows", follower_id=follower, following_id=following, connection_type=kind)
    for who, said in ((alice, "own"), (bob, "of another")):
        await scheduled(pg, who, said)
        talk = await conversation(pg, who)
        await add(pg, "conversation_drafts", conversation_id=talk, user_id=who, content=said)
    await scheduled(pg, alice, "was sent", datetime.now(UTC))
    export_id = await ask(pg, alice)
    async with database(settings) as db:
        await (await worker(settings, db, tmp_path)).turn()
    told = read(tmp_path, export_id)
    assert [line["content"] for line in told["message_drafts"]] == ["own"]
    assert [line["body"] for line in told["scheduled_messages"]] == [{"content": "own"}]
    assert told["account"][0]["email"] == "alice@example.com"
    assert [(line["post_id"], line["caption"]) for line in told["posts"]] == [(str(kept), "kept")]
    assert [line["following_id"] for line in told["following"]] == [str(bob)]
    assert told["followers"] == told["blocked"] == [], "who has blocked one, is not told"


async def test_two_nodes_make_each_one_once(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    ids = [await ask(pg, await user(pg)) for _ in range(6)]
    async with database(settings, 2) as db:
        workers = [await worker(settings, db, tmp_path) for _ in range(2)]
        await asyncio.gather(*(each.turn() for each in workers))
    made = [
        each.telemetry.registry.get_sample_value("lumina_exports_total", {"outcome": "made"}) or 0
        for each in workers
    ]
    assert sum(made) == len(ids)
    assert await statuses(pg) == ["ready"] * len(ids)
    assert await pg.fetchval("select count(*) from user_events") == len(ids)
    assert all(read(tmp_path, export_id)["account"] for export_id in ids)


async def test_who_sees_one_that_another_has_made_meanwhile_looks_again(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(pg, await user(pg))
    really_one, met = Tx.one, list[Query]()

    async def one_behind(tx: Tx, asked: Query, **params: object) -> Any:
        row = await really_one(tx, asked, **params)
        if asked is exports.UNHURRIED and not met:  # the first statement: the snapshot is taken
            met.append(asked)
            await other.turn()
        return row

    async with database(settings, 2) as db:
        one, other = [await worker(settings, db, tmp_path) for _ in range(2)]
        monkeypatch.setattr(Tx, "one", one_behind)
        await one.turn()
    assert await statuses(pg) == ["ready"]
    counted = one.telemetry.registry.get_sample_value
    assert not counted("lumina_exports_total", {"outcome": "made"})
    assert not counted("lumina_exports_total", {"outcome": "failed"})


async def test_a_node_that_dies_at_it_is_followed_by_another(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = await ask(pg, await user(pg))
    begun = asyncio.Event()
    really_write = archive.write

    async def stop_half_way(tx: Tx, user_id: UUID, keyring: Keyring, file: BinaryIO) -> None:
        await really_write(tx, user_id, keyring, file)
        begun.set()
        await asyncio.Event().wait()

    async with database(settings, 2) as db:
        one, other = [await worker(settings, db, tmp_path) for _ in range(2)]
        monkeypatch.setattr(archive, "write", stop_half_way)
        dying = asyncio.create_task(one.turn())
        await begun.wait()
        await other.turn()
        assert await statuses(pg) == ["pending"], "it is being made"
        dying.cancel()
        await asyncio.wait([dying])
        monkeypatch.setattr(archive, "write", really_write)
        await other.turn()
    assert await statuses(pg) == ["ready"]
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [f"{export_id}.zip"]


async def test_one_that_was_made_and_not_told_of_is_told_of(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    await ask(pg, await user(pg))
    async with database(settings, 2) as db:
        assert await (await worker(settings, db, tmp_path))._make()
        assert await statuses(pg) == ["pending"], "then the node dies"
        await (await worker(settings, db, tmp_path)).turn()
    assert await statuses(pg) == ["ready"]
    assert await pg.fetchval("select event_type from user_events") == "export.changed"


async def test_one_that_cannot_be_made_fails_alone_and_leaves_nothing(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    broken, well = await user(pg), await user(pg)
    await pg.execute("update users set email = 'x', email_index = $1 where user_id = $2",
                     bytes(32), broken)  # fmt: skip
    await ask(pg, broken)
    export_id = await ask(pg, well)
    async with database(settings) as db:
        await (await worker(settings, db, tmp_path)).turn()
    assert await statuses(pg) == ["failed", "ready"]
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [f"{export_id}.zip"]
    told = await pg.fetchval(
        "select body->'export'->>'status' from user_events where user_id = $1", broken
    )
    assert told == "failed"
