"""What others do with a story, under the lock of its row; its author reads what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Conflict, Forbidden, Invalid, NotFound
from lumina_protocol.story_answers import (
    AnswerPage,
    AnswerSticker,
    ListAnswers,
    ListViewers,
    ReactToStory,
    StoriesViewed,
    StoryAnswer,
    StoryChanged,
    StoryViewer,
    ViewerPage,
    ViewStories,
)

from lumina_rt import access, stories
from lumina_rt.notifying import Cause, notify, withdraw
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK = query("stories.lock")
VIEWERS = query("story_answers.viewers")
REACT = query("story_answers.react")
UNREACT = query("story_answers.unreact")
FIND = query("story_answers.find")
ANSWER = query("story_answers.answer")
PAGE = query("story_answers.page")


@handles(ViewStories)
async def view(ctx: Ctx, request: ViewStories) -> StoriesViewed:
    async with ctx.db.tx() as tx:
        await stories.saw(tx, ctx.user_id, request.story_ids)
    return StoriesViewed()


@handles(ListViewers)
async def viewers(ctx: Ctx, request: ListViewers) -> ViewerPage:
    async with ctx.db.read() as tx:
        await _own(ctx, tx, request.story_id)
        rows = await tx.all(VIEWERS, story_id=request.story_id, **_page(ctx, request))
    found = [StoryViewer(**row) for row in rows[: request.limit]]
    return ViewerPage(viewers=found, more=len(rows) > request.limit)


@handles(ListAnswers)
async def answers(ctx: Ctx, request: ListAnswers) -> AnswerPage:
    async with ctx.db.read() as tx:
        story = await _own(ctx, tx, request.story_id)
        _sticker(story, request.sticker_no)
        where = {"story_id": request.story_id, "sticker_no": request.sticker_no}
        rows = await tx.all(PAGE, **where, **_page(ctx, request))
    found = [StoryAnswer(**row) for row in rows[: request.limit]]
    return AnswerPage(answers=found, more=len(rows) > request.limit)


@handles(ReactToStory)
@once
async def react(ctx: Ctx, tx: Tx, request: ReactToStory) -> StoryChanged:
    where = {"story_id": request.story_id, "user_id": ctx.user_id}
    story = await _of_another(ctx, tx, request.story_id)
    cause = Cause(
        "reaction",
        [story["user_id"]],
        f"reaction:story:{request.story_id}",
        "reacted to your story",
        actor_id=ctx.user_id,
        story_id=request.story_id,
    )
    if request.reaction is None:
        changed = await tx.maybe(UNREACT, **where)
        await withdraw(tx, cause)
    else:
        changed = await tx.maybe(REACT, reaction=request.reaction, **where)
        await stories.saw(tx, ctx.user_id, [request.story_id])
        await notify(tx, cause)
    tx.touched(request.story_id)
    return StoryChanged(changed=changed is not None)


@handles(AnswerSticker)
@once
async def answer(ctx: Ctx, tx: Tx, request: AnswerSticker) -> StoryChanged:
    story = await _of_another(ctx, tx, request.story_id)
    given = _given(_sticker(story, request.sticker_no), request)
    where = {
        "story_id": request.story_id,
        "sticker_no": request.sticker_no,
        "user_id": ctx.user_id,
    }
    before = await tx.maybe(FIND, **where)
    if before is not None and before["answer"] == given:
        return StoryChanged(changed=False)
    if before is not None and "option_no" in given:
        raise Conflict("Who has voted does not vote again.", field="option_no")
    await tx.run(ANSWER, answer=given, **where)
    await stories.saw(tx, ctx.user_id, [request.story_id])
    cause = Cause(
        "comment",
        [story["user_id"]],
        f"answer:story:{request.story_id}",
        "answered your story",
        actor_id=ctx.user_id,
        text=request.text or "",
        story_id=request.story_id,
    )
    await notify(tx, cause)
    tx.touched(request.story_id)
    return StoryChanged(changed=True)


async def _own(ctx: Ctx, tx: Tx, story_id: UUID) -> Row:
    """Raises NotFound, Forbidden."""
    story = await access.story(tx, user_id=ctx.user_id, story_id=story_id)
    if story["user_id"] != ctx.user_id:
        raise Forbidden("This story is somebody else's.", field="story_id")
    return story


async def _of_another(ctx: Ctx, tx: Tx, story_id: UUID) -> Row:
    """That has not expired. Raises NotFound, Forbidden."""
    await tx.run(LOCK, story_id=story_id)
    return await access.live_story(tx, user_id=ctx.user_id, story_id=story_id)


def _sticker(story: Row, sticker_no: int) -> dict[str, object]:
    stickers: list[dict[str, object]] = story["stickers"]
    if sticker_no >= len(stickers):
        raise NotFound("The story has no such sticker.", field="sticker_no")
    return stickers[sticker_no]


def _given(sticker: dict[str, object], request: AnswerSticker) -> dict[str, object]:
    """What is kept of an answer. Raises Invalid."""
    match sticker:
        case {"type": "poll", "options": list(options)} if request.option_no is not None:
            if request.option_no < len(options):
                return {"option_no": request.option_no}
            raise Invalid("option_no: the poll has fewer options", field="option_no")
        case {"type": "question"} if request.text is not None:
            return {"text": request.text}
    raise Invalid("sticker_no: it takes no such answer", field="sticker_no")


def _page(ctx: Ctx, request: ListViewers | ListAnswers) -> dict[str, object]:
    before_ms, before_id = request.before or (None, None)
    return {
        "user_id": ctx.user_id,
        "before_ms": before_ms,
        "before_id": before_id,
        "limit": request.limit + 1,
    }
