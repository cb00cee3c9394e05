"""Conversations: open one with somebody, list one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.conversations import (
    ConversationPage,
    ConversationReply,
    CreateConversation,
    ListConversations,
    MemberTyping,
    TellTyping,
    TypingTold,
)
from lumina_protocol.errors import Invalid, NotFound
from lumina_protocol.fields import username_key
from lumina_protocol.preferences import MAX_PINNED

from lumina_rt import access, opening
from lumina_rt.pages import describe, describe_all
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

BY_USERNAME = query("accounts.by_username")
BY_USERNAMES = query("members.by_usernames")
PAGE = query("conversations.page")
PINNED = query("conversations.pinned")
LISTENERS = query("conversations.listeners")


@handles(CreateConversation)
async def create(ctx: Ctx, request: CreateConversation) -> ConversationReply:
    async with ctx.db.tx() as tx:
        key = username_key(request.username)
        peer = await tx.maybe(BY_USERNAME, username_key=key)
        if peer is None:
            raise NotFound("There is no user of this name.", field="username")
        if peer["user_id"] == ctx.user_id:
            raise Invalid("A conversation is with somebody else.", field="username")
        pair = ctx.user_id, peer["user_id"]
        if there := await opening.found(tx, *pair):
            return await _reply(tx, ctx.user_id, there, created=False)
        await access.lock_pair(tx, user_id=ctx.user_id, other_id=peer["user_id"])
        if not await tx.maybe(BY_USERNAMES, username_keys=[key], user_id=ctx.user_id):
            raise NotFound("There is no user of this name.", field="username")  # or a block
        await access.may_open(tx, user_id=ctx.user_id, other_id=peer["user_id"])
        there, created = await opening.opened(tx, *pair, request.conversation_id)
        if created:
            await opening.tell(tx, there, [*pair])
        return await _reply(tx, ctx.user_id, there, created=created)


async def _reply(
    tx: Tx, user_id: UUID, conversation_id: UUID, *, created: bool
) -> ConversationReply:
    conversation = await describe(tx, user_id, conversation_id)
    return ConversationReply(conversation=conversation, created=created)


@handles(ListConversations)
async def list_own(ctx: Ctx, request: ListConversations) -> ConversationPage:
    async with ctx.db.read() as tx:
        if request.pinned:
            rows, limit = await tx.all(PINNED, user_id=ctx.user_id), MAX_PINNED
        else:
            rows, limit = await _page(ctx, tx, request), request.limit
        page = [row["conversation_id"] for row in rows[:limit]]
        found = await describe_all(tx, ctx.user_id, page)
    return ConversationPage(
        conversations=[found[conversation_id] for conversation_id in page],
        more=len(rows) > limit,
    )


async def _page(ctx: Ctx, tx: Tx, request: ListConversations) -> list[Row]:
    before_ms, before_id = request.before or (None, None)
    return await tx.all(
        PAGE,
        user_id=ctx.user_id,
        before_ms=before_ms,
        before_id=before_id,
        archived=request.archived,
        limit=request.limit + 1,
    )


@handles(TellTyping)
async def typing(ctx: Ctx, request: TellTyping) -> TypingTold:
    who = {"user_id": ctx.user_id, "conversation_id": request.conversation_id}
    async with ctx.db.read() as tx:
        await access.member(tx, **who)
        writing, where = ctx.services.writing, (ctx.user_id, request.conversation_id)
        if not (writing.begins(where) if request.typing else writing.ends(where)):
            return TypingTold()
        listeners = [row["user_id"] for row in await tx.all(LISTENERS, **who)]
    ctx.whisper(MemberTyping(typing=request.typing, **who), to=listeners)
    return TypingTold()
