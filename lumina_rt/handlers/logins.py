"""What a user is logged in with: to see it, and to end it."""

from __future__ import annotations

from lumina_protocol.errors import NotFound
from lumina_protocol.logins import (
    DeviceChanged,
    Devices,
    Ended,
    EndOtherSessions,
    EndSession,
    KnownDevice,
    ListDevices,
    ListSessions,
    LoginSession,
    RemoveDevice,
    RenameDevice,
    Sessions,
)

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

LIST = query("sessions.list")
END = query("sessions.end")
END_OTHERS = query("sessions.end_others")
LIST_DEVICES = query("devices.list")
RENAME = query("devices.rename")
REMOVE = query("devices.remove")

MAX_LISTED = 200


@handles(ListSessions)
async def list_sessions(ctx: Ctx, request: ListSessions) -> Sessions:
    async with ctx.db.read() as tx:
        rows = await tx.all(LIST, user_id=ctx.user_id, limit=MAX_LISTED)
    return Sessions(
        sessions=[LoginSession(**row, current=row["session_id"] == ctx.session_id) for row in rows]
    )


@handles(EndSession)
async def end_session(ctx: Ctx, request: EndSession) -> Ended:
    async with ctx.db.tx() as tx:
        ended = await tx.maybe(END, session_id=request.session_id, user_id=ctx.user_id)
    if ended is None:
        raise NotFound("There is no such login of yours.", field="session_id")
    ctx.services.sessions_ended()
    return Ended(ended=1)


@handles(EndOtherSessions)
async def end_other_sessions(ctx: Ctx, request: EndOtherSessions) -> Ended:
    kept = None if request.this else ctx.session_id
    async with ctx.db.tx() as tx:
        ended = await tx.all(END_OTHERS, user_id=ctx.user_id, kept=kept)
    ctx.services.sessions_ended()
    return Ended(ended=len(ended))


@handles(ListDevices)
async def list_devices(ctx: Ctx, request: ListDevices) -> Devices:
    async with ctx.db.read() as tx:
        rows = await tx.all(LIST_DEVICES, user_id=ctx.user_id, limit=MAX_LISTED)
    return Devices(devices=[KnownDevice(**row) for row in rows])


@handles(RenameDevice)
async def rename_device(ctx: Ctx, request: RenameDevice) -> DeviceChanged:
    async with ctx.db.tx() as tx:
        key = {"device_id": request.device_id, "user_id": ctx.user_id}
        if await tx.maybe(RENAME, name=request.name, **key) is None:
            raise _no_device()
    return DeviceChanged()


@handles(RemoveDevice)
async def remove_device(ctx: Ctx, request: RemoveDevice) -> DeviceChanged:
    async with ctx.db.tx() as tx:
        key = {"device_id": request.device_id, "user_id": ctx.user_id}
        if await tx.maybe(REMOVE, **key) is None:
            raise _no_device()
    ctx.services.sessions_ended()
    return DeviceChanged()


def _no_device() -> NotFound:
    return NotFound("There is no such device of yours.", field="device_id")
