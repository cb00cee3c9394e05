"""Replies to stories: under the lock of the two users, and of the story."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import LuminaError
from lumina_protocol.messages import SendMessage
from lumina_protocol.story_replies import ReplyToStory, StoryReplied

from lumina_rt import access, opening, stories
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.sending import Extra, Sending, commit, content_digest
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("stories.lock")


@handles(ReplyToStory)
@once
async def reply(ctx: Ctx, tx: Tx, request: ReplyToStory) -> StoryReplied:
    asked = {"user_id": ctx.user_id, "story_id": request.story_id}
    author_id = (await access.live_story(tx, **asked))["user_id"]
    await access.lock_pair(tx, user_id=ctx.user_id, other_id=author_id)
    await tx.run(LOCK, story_id=request.story_id)
    await access.story_to_answer(tx, **asked)
    conversation_id, is_new = await _conversation(ctx, tx, author_id, request)
    sending = _sending(ctx, request, conversation_id)
    (sent,) = await commit.commit(tx, [sending])
    if isinstance(sent, LuminaError):
        raise sent
    if is_new:
        await opening.tell(tx, conversation_id, [ctx.user_id, author_id])
    await stories.saw(tx, ctx.user_id, [request.story_id])
    return StoryReplied(conversation_id=conversation_id, **sent.model_dump())


async def _conversation(
    ctx: Ctx, tx: Tx, author_id: UUID, request: ReplyToStory
) -> tuple[UUID, bool]:
    """Theirs, and whether it is new. Raises NotAccepted, Conflict."""
    if there := await opening.found(tx, ctx.user_id, author_id):
        return there, False
    await access.may_open(tx, user_id=ctx.user_id, other_id=author_id, field="story_id")
    return await opening.opened(tx, ctx.user_id, author_id, request.conversation_id)


def _sending(ctx: Ctx, request: ReplyToStory, conversation_id: UUID) -> Sending:
    message = SendMessage(
        conversation_id=conversation_id, message_id=request.op_id, content=request.content
    )
    extra: Extra = {"message_type": "story_reply", "story_id": str(request.story_id)}
    digest = content_digest(ctx.services.hash_key, request.content, extra)
    return Sending(ctx.user_id, message, extra, digest)
