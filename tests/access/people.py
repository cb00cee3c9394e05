"""One user (self), and everybody who can stand to them in some way; what they show."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from lumina_protocol.fields import uuid7

from tests.workers import rows

# One of each, by what they are to alice.
PEOPLE = (
    "self",
    "stranger",
    "follower",
    "followed",
    "friend",
    "close_friend",
    "named_close",  # by self, and does not follow them
    "in_audience",
    "blocked",  # by self; named in their audience before
    "blocker",  # of self; likewise
    "staff",
)
HOST = "host"
"""Knows nobody, and has a post under which self comments."""

FOLLOWS = [
    ("follower", "self", "follow"),
    ("self", "followed", "follow"),
    ("friend", "self", "follow"),
    ("self", "friend", "follow"),
    ("close_friend", "self", "follow"),
    ("self", "close_friend", "close_friend"),
    ("self", "named_close", "close_friend"),
    ("self", "blocked", "blocked"),
    ("blocker", "self", "blocked"),
]
AUDIENCE = ("in_audience", "blocked", "blocker")
POSTS = ("public", "friends", "custom", "private")
STORIES = ("public", "followers", "close_friends")


async def introduce(pg: asyncpg.Connection) -> dict[str, UUID]:
    """How registered people stand to each other. Gives their ids."""
    found = await pg.fetch("select username, user_id from users")
    ids = {row["username"]: row["user_id"] for row in found}
    for one, other, kind in FOLLOWS:
        pair = {"follower_id": ids[one], "following_id": ids[other]}
        await rows.add(pg, "follows", connection_type=kind, **pair)
    await pg.execute("update users set staff_role = 'moderator' where user_id = $1", ids["staff"])
    return ids


async def audience(pg: asyncpg.Connection, ids: dict[str, UUID]) -> UUID:
    """Of self; another one of theirs has all the others in it, and is for nothing."""
    others = set(PEOPLE) - {*AUDIENCE, "self"}
    found = []
    for name, members in (("some", AUDIENCE), ("others", others)):
        found.append(audience_id := uuid7())
        await rows.add(pg, "audiences", audience_id=audience_id, user_id=ids["self"], name=name)
        for member in members:
            await rows.add(pg, "audience_members", audience_id=audience_id, user_id=ids[member])
    return found[0]


async def show(pg: asyncpg.Connection, ids: dict[str, UUID]) -> None:
    """A post and a story of self for each kind of viewers, and a comment of theirs elsewhere."""
    custom = await audience(pg, ids)
    for shown_to in POSTS:
        to = custom if shown_to == "custom" else None
        await rows.post(pg, ids["self"], visibility=shown_to, audience_id=to)
    for shown_to in STORIES:
        await rows.story(pg, ids["self"], visibility=shown_to)
    await rows.comment(pg, await rows.post(pg, ids[HOST]), ids["self"])
