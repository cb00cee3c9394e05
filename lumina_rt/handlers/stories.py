"""Stories: made, read, deleted, and whose there are. stories.py above shows them."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import Conflict, Forbidden, Invalid, NotFound
from lumina_protocol.posts import Author
from lumina_protocol.stories import (
    STORY_MEDIA,
    CreateStory,
    DeleteStory,
    GetStories,
    GetTray,
    ListStories,
    MentionSticker,
    StoryCreated,
    StoryDeleted,
    StoryKept,
    StoryPage,
    StoryRemoved,
    Teller,
    Tray,
)

from lumina_rt import access, stories
from lumina_rt.notifying import Cause, look_again, notify
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

MEDIA = query("comments.media")
NAMED = query("stories.named")
CREATE = query("stories.create")
TRAY = query("stories.tray")
OF_USER = query("stories.of_user")
LOCK = query("stories.lock")
OWN = query("stories.own")
DELETE = query("stories.delete")


@handles(CreateStory)
@once
async def create(ctx: Ctx, tx: Tx, request: CreateStory) -> StoryKept:
    media_type = await _media_type(ctx, tx, request.media_id)
    named = await _named(ctx, tx, request)
    row = await tx.maybe(
        CREATE,
        made_id=request.story_id,
        user_id=ctx.user_id,
        media_id=request.media_id,
        media_type=media_type,
        visibility=request.visibility,
        stickers=[one.model_dump(mode="json", exclude_none=True) for one in request.stickers],
    )
    if row is None:
        raise Conflict(field="story_id")
    cause = Cause(
        "mention",
        named,
        f"mention:story:{request.story_id}",
        "mentioned you in their story",
        actor_id=ctx.user_id,
        story_id=request.story_id,
    )
    await notify(tx, cause)
    (story,) = await stories.shown(tx, ctx.user_id, [request.story_id])
    tx.tell(StoryCreated(story=stories.as_told(story)), to=[ctx.user_id])
    return StoryKept(story_id=request.story_id, **row)


async def _media_type(ctx: Ctx, tx: Tx, media_id: UUID) -> str:
    """Raises NotFound, Invalid."""
    row = await tx.maybe(MEDIA, media_id=media_id, user_id=ctx.user_id)
    if row is None:
        raise NotFound("There is no such media object, or it is not yours.", field="media_id")
    if row["status"] != "ready":
        raise Invalid("media_id: it is not ready", field="media_id")
    if row["kind"] not in STORY_MEDIA:
        raise Invalid("media_id: stories show images and videos", field="media_id")
    return str(row["kind"])


async def _named(ctx: Ctx, tx: Tx, request: CreateStory) -> list[UUID]:
    """Whom its stickers mention. Raises NotFound."""
    named = {one.user_id for one in request.stickers if isinstance(one, MentionSticker)}
    rows = await tx.all(NAMED, user_id=ctx.user_id, user_ids=sorted(named)) if named else []
    if len(rows) < len(named):
        raise NotFound("Not all of these are users who can be mentioned.", field="stickers")
    return sorted(named)


@handles(GetStories)
async def get(ctx: Ctx, request: GetStories) -> StoryPage:
    async with ctx.db.read() as tx:
        return await stories.page(tx, ctx.user_id, request.story_ids, len(request.story_ids))


@handles(ListStories)
async def of_user(ctx: Ctx, request: ListStories) -> StoryPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            OF_USER,
            user_id=ctx.user_id,
            other_id=request.user_id,
            after_id=request.after,
            limit=request.limit + 1,
        )
        found = [row["story_id"] for row in rows]
        return await stories.page(tx, ctx.user_id, found, request.limit)


@handles(GetTray)
async def tray(ctx: Ctx, request: GetTray) -> Tray:
    async with ctx.db.read() as tx:
        rows = await tx.all(TRAY, user_id=ctx.user_id, limit=request.limit + 1)
    tellers = [
        Teller(author=Author.model_validate(dict(row)), **{n: row[n] for n in OF_TELLER})
        for row in rows[: request.limit]
    ]
    return Tray(tellers=tellers, more=len(rows) > request.limit)


OF_TELLER = ("stories", "unseen", "newest_at")


@handles(DeleteStory)
@once
async def delete(ctx: Ctx, tx: Tx, request: DeleteStory) -> StoryRemoved:
    name = {"story_id": request.story_id, "user_id": ctx.user_id}
    await tx.run(LOCK, story_id=request.story_id)
    if (own := await tx.maybe(OWN, **name)) is None:
        await access.story(tx, **name)
        raise Forbidden("This story is somebody else's.", field="story_id")
    if own["is_deleted"]:
        return StoryRemoved(changed=False)
    await tx.run(DELETE, **name)
    await look_again(tx, story_id=request.story_id)
    tx.touched(request.story_id)
    tx.tell(StoryDeleted(story_id=request.story_id), to=[ctx.user_id])
    return StoryRemoved(changed=True)
