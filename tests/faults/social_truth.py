"""What Postgres holds beyond messages, read by plain SQL past the server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import orjson

from tests.faults.log import Things

DEEDS = """
select 'caption' as kind, post_id::text as name, to_json(coalesce(caption, '')) as value
from posts where user_id = any ($1)
union all select 'gone', post_id::text, 'true'::json from posts
where user_id = any ($1) and is_deleted
union all select 'comment', comment_id::text, 'true'::json from comments
where user_id = any ($1) and not is_deleted
union all select 'like', user_id || ' ' || comment_id, 'true'::json from comment_likes
where user_id = any ($1)
union all select 'mood', user_id || ' ' || post_id, to_json(reaction_type) from reactions
where user_id = any ($1)
union all select 'vote', user_id || ' ' || post_id, to_json(option_no) from poll_votes
where user_id = any ($1)
union all select 'bookmark', user_id || ' ' || post_id, 'true'::json from bookmarks
where user_id = any ($1)
union all select 'follow', follower_id || ' ' || following_id, 'true'::json from follows
where follower_id = any ($1) and connection_type <> 'blocked'
union all select 'block', follower_id || ' ' || following_id, 'true'::json from follows
where follower_id = any ($1) and connection_type = 'blocked'
union all select 'story', story_id::text, 'true'::json from stories
where user_id = any ($1) and not is_deleted
union all select 'story mood', user_id || ' ' || story_id, to_json(reaction_type)
from story_reactions where user_id = any ($1)
union all select 'view', user_id || ' ' || story_id, 'true'::json from story_views
where user_id = any ($1)"""
FEEDS = """
select u.user_id, p.post_id
from unnest($1::uuid[]) u (user_id), posts p
where p.user_id = any ($1) and not p.is_deleted and not p.is_archived
  and (p.user_id = u.user_id or exists (
      select from follows f where f.follower_id = u.user_id and f.following_id = p.user_id
                              and f.connection_type <> 'blocked'))
  and not exists (select from follows b where b.connection_type = 'blocked'
      and ((b.follower_id, b.following_id) = (u.user_id, p.user_id)
           or (b.following_id, b.follower_id) = (u.user_id, p.user_id)))
order by u.user_id, p.post_id desc"""
NUMBERS = """
select p.post_id::text as name,
       coalesce((select json_object_agg(mood, many) from (
           select r.reaction_type as mood, count(*) as many from reactions r
           where r.post_id = p.post_id group by 1) m), '{}') as moods,
       (select count(*) from comments c
        where c.post_id = p.post_id and not c.is_deleted) as comments,
       array(select (select count(*) from poll_votes v
                     where v.post_id = o.post_id and v.option_no = o.option_no)
             from poll_options o where o.post_id = p.post_id order by o.option_no) as votes
from posts p where p.user_id = any ($1) and not p.is_deleted"""
RESTLESS = """
select exists (select from notification_causes where user_id = any ($1::uuid[]))
    or exists (select from outbox o, outbox_readers r where r.reader = 'notifications'
               and (o.xid, o.outbox_id) > (r.xid, r.outbox_id))"""


@dataclass(slots=True)
class SocialTruth:
    deeds: Things = field(default_factory=dict)
    feeds: dict[UUID, list[UUID]] = field(default_factory=dict)
    """Of each user, the newest first."""
    numbers: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """Of each post: moods, comments and votes, as many as there are rows."""


async def read(database_url: str, users: Collection[UUID]) -> SocialTruth:
    """All of these users, in one snapshot."""
    found = SocialTruth(feeds={user: [] for user in users})
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec(
            "json", encoder=str, decoder=orjson.loads, schema="pg_catalog"
        )
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for kind, name, value in await connection.fetch(DEEDS, list(users)):
                found.deeds.setdefault(kind, {})[name] = value
            for user, post in await connection.fetch(FEEDS, list(users)):
                found.feeds[user].append(post)
            for name, moods, comments, votes in await connection.fetch(NUMBERS, list(users)):
                found.numbers[name] = (moods, comments, tuple(votes))
    finally:
        await connection.close()
    return found


async def is_restless(database_url: str, users: Collection[UUID]) -> bool:
    """Somebody is still to be notified of something."""
    connection = await asyncpg.connect(database_url)
    try:
        return bool(await connection.fetchval(RESTLESS, list(users)))
    finally:
        await connection.close()
