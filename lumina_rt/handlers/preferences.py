"""Preferences: mute, archive, pin and mark a conversation, for oneself and on all one's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Invalid
from lumina_protocol.preferences import (
    MAX_PINNED,
    MarkUnread,
    Preferences,
    PreferencesChanged,
    PreferencesKept,
    SetPreferences,
)

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.queries import Query

LOCK = query("receipts.lock")
LOCK_USER = query("settings.lock")
GET = query("preferences.get")
SET = query("preferences.set")
PINNED_COUNT = query("preferences.pinned_count")
MARK_UNREAD = query("receipts.mark_unread")


@handles(SetPreferences)
@once
async def set_own(ctx: Ctx, tx: Tx, request: SetPreferences) -> PreferencesKept:
    conversation_id, muted = request.conversation_id, request.muted_until
    before = await _locked(tx, ctx.user_id, conversation_id)
    if request.pinned and before.pinned_at is None:
        await _refuse_too_many(tx, ctx.user_id)
    changes = {
        "forever": muted == "forever",
        "muted_ms": muted if isinstance(muted, int) else None,
        "archived": request.archived,
        "pinned": request.pinned,
    }
    return await _change(tx, ctx.user_id, conversation_id, before, SET, **changes)


@handles(MarkUnread)
@once
async def mark_unread(ctx: Ctx, tx: Tx, request: MarkUnread) -> PreferencesKept:
    before = await _locked(tx, ctx.user_id, request.conversation_id)
    return await _change(tx, ctx.user_id, request.conversation_id, before, MARK_UNREAD)


async def _locked(tx: Tx, user_id: UUID, conversation_id: UUID) -> Preferences:
    await tx.run(LOCK, conversation_id=conversation_id, user_id=user_id)
    return await _get(tx, user_id, conversation_id)


async def _get(tx: Tx, user_id: UUID, conversation_id: UUID) -> Preferences:
    """Raises NotFound, for who is not a member."""
    row = await tx.maybe(GET, conversation_id=conversation_id, user_id=user_id)
    if row is None:
        raise access.not_found()
    return Preferences.model_validate(row["preferences"])


async def _refuse_too_many(tx: Tx, user_id: UUID) -> None:
    """Two devices that pin at once come one after the other."""
    await tx.run(LOCK_USER, user_id=user_id)
    if (await tx.one(PINNED_COUNT, user_id=user_id))["count"] >= MAX_PINNED:
        raise Invalid(f"At most {MAX_PINNED} conversations are pinned.", field="pinned")


async def _change(
    tx: Tx,
    user_id: UUID,
    conversation_id: UUID,
    before: Preferences,
    change: Query,
    **values: object,
) -> PreferencesKept:
    await tx.run(change, conversation_id=conversation_id, user_id=user_id, **values)
    after = await _get(tx, user_id, conversation_id)
    if after != before:
        told = PreferencesChanged(conversation_id=conversation_id, preferences=after)
        tx.tell(told, to=[user_id])
    return PreferencesKept(changed=after != before)
