"""Posts on their way into the store: whoever publishes one, at once or later, does it like this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from lumina_protocol.errors import Conflict, Invalid, LuminaError, NotFound
from lumina_protocol.fields import uuid7
from lumina_protocol.post_drafts import DraftedPost, PostDraft
from lumina_protocol.posts import POST_MEDIA, CreatePost, NewPoll, PostCreated, PostKept
from pydantic import ValidationError

from lumina_rt import captions, causes, showing
from lumina_rt.pages import PAGE_BYTES
from lumina_rt.store.queries import query
from lumina_rt.streams import new_post

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

UNFIT = query("posts.unfit")
CREATE = query("posts.create")
ASK = query("posts.ask")
INVITE = query("posts.invite")
MAKE_TOPICS = query("posts.make_topics")
SET_TOPICS = query("posts.set_topics")
SET_MENTIONS = query("posts.set_mentions")
SHARE = query("post_people.share")
TOPICS_OF_AUTHOR = query("topics.of_author")

YEAR_MS = 365 * 24 * 3_600_000
MARGIN_MS = 60_000
"""By which the clocks of node and store may differ."""
REFUSALS: dict[str, tuple[type[LuminaError], str, str]] = {
    "no_audience": (NotFound, "audience_id", "There is no such audience, or it is not yours."),
    "no_media": (NotFound, "media_ids", "There is no such media object, or it is not yours."),
    "media_unfinished": (Invalid, "media_ids", "media_ids: not all of them are ready"),
    "media_unfit": (Invalid, "media_ids", "media_ids: this type has media of other kinds"),
    "no_quoted": (NotFound, "quoted_post_id", "There is no such post, or not for you."),
    "no_coauthor": (NotFound, "coauthors", "Not all of these are users who can be invited."),
}


async def publish(tx: Tx, user_id: UUID, request: CreatePost, *, now_ms: int) -> PostKept:
    """Make a post, and tell the devices of its author. Raises what `post.create` names."""
    await refuse_unfit(tx, user_id, request, now_ms=now_ms)
    made = await _add(tx, user_id, request)
    if request.quoted_post_id:
        await _quote(tx, user_id, request.quoted_post_id, request.post_id)
    await tag(tx, user_id, request.post_id, request.caption)
    await causes.coauthors(tx, user_id, request.post_id, request.coauthors or [])
    await causes.announce(tx, user_id, request.post_id)
    post = await showing.one(tx, user_id, request.post_id)
    tx.tell(PostCreated(post=showing.as_told(post)), to=[user_id])
    tx.touched(new_post(request.post_id), user_id)
    return made


async def touch_topics_of(tx: Tx, user_id: UUID) -> None:
    """All posts of somebody are seen by others than before: who watches their topics is told."""
    tx.touched(*(row["topic_id"] for row in await tx.all(TOPICS_OF_AUTHOR, user_id=user_id)))


async def refuse_unfit(tx: Tx, user_id: UUID, request: CreatePost, *, now_ms: int) -> None:
    """Raise what would be refused if it were published now."""
    end = request.poll.closes_at if request.poll else None
    if end is not None and not now_ms + MARGIN_MS < end <= now_ms + YEAR_MS - MARGIN_MS:
        raise Invalid("poll: closes_at must be to come, and within a year", field="poll")
    row = await tx.maybe(
        UNFIT,
        user_id=user_id,
        audience_id=request.audience_id,
        media_ids=request.media_ids,
        kinds=POST_MEDIA[request.post_type],
        quoted_post_id=request.quoted_post_id,
        coauthor_ids=request.coauthors,
    )
    if row is not None:
        error, field, text = REFUSALS[row["why"]]
        raise error(text, field=field)


PLAIN = (
    "post_type",
    "caption",
    "media_ids",
    "visibility",
    "audience_id",
    "allow_comments",
    "allow_reactions",
    "who_may_comment",
    "quoted_post_id",
)


async def _add(tx: Tx, user_id: UUID, request: CreatePost) -> PostKept:
    place = request.location
    row = await tx.maybe(
        CREATE,
        made_id=request.post_id,
        user_id=user_id,
        location_name=place and place.name,
        latitude=place and place.latitude,
        longitude=place and place.longitude,
        **{name: getattr(request, name) for name in PLAIN},
    )
    if row is None:
        raise Conflict(field="post_id")
    if request.poll:
        await _ask(tx, request.post_id, request.poll)
    if request.coauthors:
        await tx.run(INVITE, post_id=request.post_id, coauthor_ids=request.coauthors)
    return PostKept(post_id=request.post_id, **row)


async def _ask(tx: Tx, post_id: UUID, poll: NewPoll) -> None:
    await tx.run(
        ASK,
        post_id=post_id,
        question=poll.question,
        multiple=poll.multiple,
        closes_ms=poll.closes_at,
        show_results=poll.show_results,
        labels=poll.options,
    )


async def share(tx: Tx, user_id: UUID, post_id: UUID, share_id: UUID, via: str) -> None:
    """Count it. Raises Conflict."""
    name = {"user_id": user_id, "post_id": post_id, "share_id": share_id}
    if await tx.maybe(SHARE, via=via, **name) is None:
        raise Conflict(field="share_id")
    tx.touched(post_id)


async def _quote(tx: Tx, user_id: UUID, quoted_id: UUID, post_id: UUID) -> None:
    await share(tx, user_id, quoted_id, post_id, "quote")
    quoted = await showing.one(tx, user_id, quoted_id, field="quoted_post_id")
    await causes.quoted(tx, user_id, quoted_id, quoted.author.user_id, post_id)


async def tag(tx: Tx, user_id: UUID, post_id: UUID, caption: str | None) -> None:
    """Keep which topics and whom the caption of a post names now, under the lock of its row."""
    tags = dict(sorted(captions.hashtags(caption or "").items()))
    if tags:
        ids = [uuid7() for _ in tags]
        shown = list(tags.values())
        await tx.run(MAKE_TOPICS, topic_ids=ids, topic_names=list(tags), display_names=shown)
    changed = await tx.all(SET_TOPICS, post_id=post_id, topic_names=list(tags))
    tx.touched(*(row["topic_id"] for row in changed))
    keys = captions.names(caption or "")
    named = await tx.all(SET_MENTIONS, post_id=post_id, user_id=user_id, username_keys=keys)
    await causes.mentions(tx, user_id, post_id, caption, named)


def from_draft(body: dict[str, Any], *, field: str) -> CreatePost:
    """The post that a draft asks for, with a new id. Raises Invalid with this field."""
    try:
        return CreatePost.model_validate({**body, "post_id": uuid7()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = first["msg"].removeprefix("Value error, ")
        raise Invalid(f"{field}: {first['loc'][0]}: {why}", field=field) from None


def draft(row: Row) -> PostDraft:
    """One that is there, as its author is told of it."""
    error, _, field = (row["error"] or "").partition(" ")
    return PostDraft(
        draft_id=row["draft_id"],
        post=DraftedPost.model_validate(row["body"]),
        publish_at=row["publish_at"],
        error=error or None,
        error_field=field or None,
        updated_at=row["updated_at"],
    )


def fitting_drafts(drafts: list[PostDraft]) -> list[PostDraft]:
    """As many of the first as fit into one reply, and at least one."""
    size = 0
    for count, one in enumerate(drafts):
        size += len(one.model_dump_json(exclude_none=True).encode())
        if size > PAGE_BYTES:
            return drafts[: max(count, 1)]
    return drafts
