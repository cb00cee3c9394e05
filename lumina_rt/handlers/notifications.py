"""Notifications: listed, read, deleted; how much a user wants of which type. How they come to be:
lumina_rt/notifying.py."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from lumina_protocol.errors import Invalid
from lumina_protocol.notifications import (
    CountNotifications,
    DeleteNotifications,
    GetNotificationLevels,
    GroupedPage,
    LevelKept,
    ListGrouped,
    ListNotifications,
    Notification,
    NotificationLevels,
    NotificationLevelsChanged,
    NotificationPage,
    NotificationRemoved,
    NotificationsKept,
    NotificationsRead,
    ReadNotifications,
    SetNotificationLevel,
    Type,
    UnreadNotifications,
)

from lumina_rt.notifying import Name, groups
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK_STREAMS = query("user_events.lock")
PAGE = query("notifications.page")
OF_GROUP = query("notifications.of_group")
UNREAD = query("notifications.unread")
READ = query("notifications.read")
READ_UPTO = query("notifications.read_upto")
DROP = query("notifications.drop")
PREFERENCES = query("notifications.preferences")
PREFER = query("notifications.prefer")


@handles(ListNotifications)
async def list_groups(ctx: Ctx, request: ListNotifications) -> NotificationPage:
    """All of one moment."""
    user_id, (before_ms, before_key) = ctx.user_id, request.before or (None, None)
    async with ctx.db.snapshot() as tx:
        rows = await tx.all(
            PAGE,
            user_id=user_id,
            before_ms=before_ms,
            before_key=before_key,
            limit=request.limit + 1,
        )
        keys = [row["group_key"] for row in rows[: request.limit]]
        names = [Name(user_id, key) for key in keys]
        found = {group.group_key: group for _, group in await groups(tx, names)}
        unread = await _unread(tx, user_id)
    shown = [found[key] for key in keys]
    return NotificationPage(groups=shown, more=len(rows) > request.limit, unread=unread)


async def _unread(tx: Tx, user_id: UUID) -> int:
    return int((await tx.one(UNREAD, user_ids=[user_id]))["unread"])


@handles(ListGrouped)
async def of_group(ctx: Ctx, request: ListGrouped) -> GroupedPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            OF_GROUP,
            user_id=ctx.user_id,
            group_key=request.group_key,
            before_id=request.before,
            limit=request.limit + 1,
        )
    found = [Notification(**row) for row in rows[: request.limit]]
    return GroupedPage(notifications=found, more=len(rows) > request.limit)


@handles(CountNotifications)
async def unread(ctx: Ctx, request: CountNotifications) -> UnreadNotifications:
    async with ctx.db.read() as tx:
        return UnreadNotifications(unread=await _unread(tx, ctx.user_id))


@handles(ReadNotifications)
@once
async def read(ctx: Ctx, tx: Tx, request: ReadNotifications) -> NotificationsKept:
    if not request.group_keys and request.upto is None:
        raise Invalid("group_keys: name some, or upto", field="group_keys")
    user_id, keys = ctx.user_id, sorted(set(request.group_keys))
    await tx.run(LOCK_STREAMS, user_ids=[user_id])
    changed = len(await tx.all(READ, user_id=user_id, group_keys=keys))
    upto = None if request.upto is None else min(request.upto, ctx.now_ms())
    if upto is not None:
        changed += len(await tx.all(READ_UPTO, user_id=user_id, upto_ms=upto))
    left = await _unread(tx, user_id)
    if changed:
        told = NotificationsRead(group_keys=keys, upto=upto, unread=left)
        tx.tell(told, to=[user_id])
    return NotificationsKept(unread=left, changed=changed)


@handles(DeleteNotifications)
@once
async def delete(ctx: Ctx, tx: Tx, request: DeleteNotifications) -> NotificationsKept:
    user_id, keys = ctx.user_id, sorted(set(request.group_keys))
    await tx.run(LOCK_STREAMS, user_ids=[user_id])
    asked = {"user_ids": [user_id] * len(keys), "group_keys": keys}
    gone = sorted(row["group_key"] for row in await tx.all(DROP, all=True, **asked))
    left = await _unread(tx, user_id)
    if gone:
        tx.tell(NotificationRemoved(group_keys=gone, unread=left), to=[user_id])
    return NotificationsKept(unread=left, changed=len(gone))


@handles(GetNotificationLevels)
async def get_levels(ctx: Ctx, request: GetNotificationLevels) -> NotificationLevels:
    async with ctx.db.read() as tx:
        return NotificationLevels(levels=await _levels(tx, ctx.user_id))


@handles(SetNotificationLevel)
@once
async def set_level(ctx: Ctx, tx: Tx, request: SetNotificationLevel) -> LevelKept:
    await tx.run(LOCK_STREAMS, user_ids=[ctx.user_id])
    before = await _levels(tx, ctx.user_id)
    asked = {"type": request.type, "level": request.level}
    await tx.run(PREFER, user_id=ctx.user_id, **asked)
    after = await _levels(tx, ctx.user_id)
    if after != before:
        tx.tell(NotificationLevelsChanged(levels=after), to=[ctx.user_id])
    return LevelKept(changed=after != before)


async def _levels(tx: Tx, user_id: UUID) -> dict[str, str]:
    rows = await tx.all(PREFERENCES, user_id=user_id)
    set_by_user = {row["type"]: row["level"] for row in rows}
    return dict.fromkeys(get_args(Type), "on") | set_by_user
