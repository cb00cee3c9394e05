"""Topics: found, followed, read, and by staff changed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Invalid, NotFound
from lumina_protocol.topics import (
    MAX_FOLLOWED,
    ChangeTopic,
    CompleteTopic,
    FollowedTopic,
    FollowTopic,
    FoundTopics,
    GetTopic,
    ListFollowedTopics,
    ListTopics,
    ListTrendingTopics,
    PageTopicPosts,
    Topic,
    TopicFollowChanged,
    TopicFollowKept,
    TopicKept,
    TopicPage,
    TopicPosts,
    TopicReply,
    TrendingTopics,
    UnfollowTopic,
)

from lumina_rt import access, captions, showing
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lumina_rt.store.db import Row

ID_OF = query("topics.id_of")
SHOWN = query("topics.shown")
FEATURED = query("topics.featured")
FOLLOWED = query("topics.followed")
COMPLETE = query("topics.complete")
POSTS = query("topics.posts")
FOLLOWED_COUNT = query("topics.followed_count")
FOLLOW = query("topics.follow")
UNFOLLOW = query("topics.unfollow")
FOLLOW_OF = query("topics.follow_of")
THERE = query("topics.there")
CHANGE = query("topics.change")
OWN_PICTURE = query("groups.own_picture")
REFER_TO_ICON = query("topics.refer_to_icon")
LOCK = query("user_events.lock")
ACT_AS = query("reports.act_as")

LAST = "\U0010ffff"
"""No name has it: what begins with a prefix comes before the prefix and this."""
NEWEST = UUID(int=2**128 - 1)
SCAN = 100
"""Posts that are looked at together."""
ROUNDS = 5
"""How often it is looked on where most is not for the reader, before the page is short instead."""


@handles(GetTopic)
async def get(ctx: Ctx, request: GetTopic) -> TopicReply:
    field = "topic_id" if request.topic_id else "topic_name"
    async with ctx.db.read() as tx:
        topic_id = request.topic_id or await _id_of(tx, request.topic_name or "")
        await access.topic(tx, user_id=ctx.user_id, topic_id=topic_id, field=field)
        (topic,) = await _shown(tx, ctx.user_id, [topic_id])
    return TopicReply(topic=topic)


async def _id_of(tx: Tx, name: str) -> UUID:
    """Raises NotFound."""
    row = await tx.maybe(ID_OF, topic_name=_key(name))
    if row is None:
        raise access.no_topic("topic_name")
    topic_id: UUID = row["topic_id"]
    return topic_id


def _key(text: str) -> str:
    return captions.tag_key(text.lstrip(captions.MARKERS))


async def _shown(tx: Tx, user_id: UUID, ids: Sequence[UUID]) -> list[Topic]:
    rows = await tx.all(SHOWN, user_id=user_id, ids=ids)
    return [Topic.model_validate(dict(row)) for row in rows]


@handles(ListTopics)
async def featured(ctx: Ctx, request: ListTopics) -> TopicPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(FEATURED, after_id=request.after, limit=request.limit + 1)
        return await _page(tx, ctx.user_id, rows, request.limit)


@handles(ListTrendingTopics)
async def trending(ctx: Ctx, request: ListTrendingTopics) -> TrendingTopics:
    found = await ctx.services.trending.now(request.window)
    async with ctx.db.read() as tx:
        topics = await _shown(tx, ctx.user_id, found.topic_ids[: request.limit])
    return TrendingTopics(topics=topics, found_at=found.at_ms)


@handles(ListFollowedTopics)
async def followed(ctx: Ctx, request: ListFollowedTopics) -> TopicPage:
    async with ctx.db.read() as tx:
        place = {"after_id": request.after, "limit": request.limit + 1}
        rows = await tx.all(FOLLOWED, user_id=ctx.user_id, **place)
        return await _page(tx, ctx.user_id, rows, request.limit)


async def _page(tx: Tx, user_id: UUID, rows: list[Row], limit: int) -> TopicPage:
    topics = await _shown(tx, user_id, [row["topic_id"] for row in rows[:limit]])
    return TopicPage(topics=topics, more=len(rows) > limit)


@handles(CompleteTopic)
async def complete(ctx: Ctx, request: CompleteTopic) -> FoundTopics:
    if not (prefix := _key(request.prefix)):
        return FoundTopics(topics=[])
    asked = {"prefix": prefix, "past_prefix": prefix + LAST, "limit": request.limit}
    async with ctx.db.read() as tx:
        rows = await tx.all(COMPLETE, user_id=ctx.user_id, **asked)
        return FoundTopics(topics=await _shown(tx, ctx.user_id, [row["topic_id"] for row in rows]))


@handles(PageTopicPosts)
async def posts(ctx: Ctx, request: PageTopicPosts) -> TopicPosts:
    async with ctx.db.read() as tx:
        await access.topic(tx, user_id=ctx.user_id, topic_id=request.topic_id)
        found, last = await _found(tx, ctx.user_id, request)
        ids = found[: request.limit]
        there = await showing.shown(tx, ctx.user_id, ids)
    fit = showing.fitting(there)
    if len(fit) < len(there):
        last = fit[-1].post_id
    elif len(found) > request.limit:
        last = ids[-1]
    return TopicPosts(posts=fit, more=last is not None, next=last)


async def _found(tx: Tx, user_id: UUID, request: PageTopicPosts) -> tuple[list[UUID], UUID | None]:
    """What is for the user, one more than asked for where there are more, and up to where it was
    looked; None: to the end."""
    found: list[UUID] = []
    start = request.before or NEWEST
    for _ in range(ROUNDS):
        where = {"topic_id": request.topic_id, "before_id": start}
        rows = await tx.all(POSTS, user_id=user_id, scan=SCAN, **where)
        found += [row["post_id"] for row in rows if row["shown"]]
        if len(rows) < SCAN:
            return found, None
        start = rows[-1]["post_id"]
        if len(found) > request.limit:
            break
    return found, start


@handles(FollowTopic)
@once
async def follow(ctx: Ctx, tx: Tx, request: FollowTopic) -> TopicFollowKept:
    """The lock keeps two devices from passing the limit together."""
    await tx.run(LOCK, user_ids=[ctx.user_id])
    await access.topic(tx, user_id=ctx.user_id, topic_id=request.topic_id)
    count = (await tx.one(FOLLOWED_COUNT, user_id=ctx.user_id))["count"]
    name = {"user_id": ctx.user_id, "topic_id": request.topic_id}
    if await tx.maybe(FOLLOW, **name) is None:
        return TopicFollowKept(topic_id=request.topic_id, changed=False)
    if count >= MAX_FOLLOWED:
        raise Invalid(f"A user follows at most {MAX_FOLLOWED:,} topics.", field="topic_id")
    now = FollowedTopic.model_validate(dict(await tx.one(FOLLOW_OF, **name)))
    return _told(ctx, tx, request.topic_id, now)


@handles(UnfollowTopic)
@once
async def unfollow(ctx: Ctx, tx: Tx, request: UnfollowTopic) -> TopicFollowKept:
    """The lock first, as `follow` does: they would wait for each other in a circle."""
    await tx.run(LOCK, user_ids=[ctx.user_id])
    if await tx.maybe(UNFOLLOW, user_id=ctx.user_id, topic_id=request.topic_id) is None:
        return TopicFollowKept(topic_id=request.topic_id, changed=False)
    return _told(ctx, tx, request.topic_id, None)


def _told(ctx: Ctx, tx: Tx, topic_id: UUID, now: FollowedTopic | None) -> TopicFollowKept:
    tx.tell(TopicFollowChanged(topic_id=topic_id, followed=now), to=[ctx.user_id])
    tx.touched(topic_id)
    return TopicFollowKept(topic_id=topic_id, changed=True)


@handles(ChangeTopic)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeTopic) -> TopicKept:
    await access.staff(tx, user_id=ctx.user_id)
    await tx.run(ACT_AS, user_id=ctx.user_id)
    topic_id, icon_id = request.topic_id, request.icon_media_id
    before = await tx.maybe(THERE, topic_id=topic_id)
    if before is None:
        raise NotFound("There is no such topic.", field="topic_id")
    if icon_id not in (None, before["icon_media_id"]):
        await _refuse_others_picture(tx, ctx.user_id, icon_id)
    after = await tx.maybe(CHANGE, **request.model_dump(exclude={"op_id"}))
    if after is not None:
        await tx.run(REFER_TO_ICON, topic_id=topic_id, media_id=after["icon_media_id"])
        tx.touched(topic_id)
    return TopicKept(topic_id=topic_id, changed=after is not None)


async def _refuse_others_picture(tx: Tx, user_id: UUID, media_id: UUID | None) -> None:
    if await tx.maybe(OWN_PICTURE, media_id=media_id, user_id=user_id) is None:
        raise NotFound(
            "There is no such image of yours, or it is not ready.", field="icon_media_id"
        )
