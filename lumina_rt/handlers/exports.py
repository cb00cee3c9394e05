"""All that a user has: asked for, and where to fetch it. workers/exports.py makes it."""

from __future__ import annotations

from lumina_protocol.errors import Conflict, RateLimited
from lumina_protocol.exports import (
    Export,
    ExportAccount,
    ExportChanged,
    ExportLink,
    ExportReply,
    Exports,
    ListExports,
)

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

LOCK = query("accounts.lock")
ASK = query("exports.ask")
ASKED_LATELY = query("exports.asked_lately")
OF_USER = query("exports.of_user")

LISTED = 10


@handles(ExportAccount)
async def export(ctx: Ctx, request: ExportAccount) -> ExportReply:
    key = {"export_id": request.export_id, "user_id": ctx.user_id}
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, user_id=ctx.user_id)
        if found := await tx.maybe(OF_USER, **key, limit=1):
            return ExportReply(export=Export(**found))
        asked = await tx.one(ASKED_LATELY, user_id=ctx.user_id)
        if asked["pending"]:
            raise Conflict("One is being made; wait for `export.changed`.", field="export_id")
        if (asked["wait_ms"] or 0) > 0:
            raise RateLimited(
                "There are three in 7 days.", retry_after_ms=asked["wait_ms"], limit="export"
            )
        if await tx.maybe(ASK, **key) is None:
            raise Conflict(field="export_id")
        export = Export(**await tx.one(OF_USER, **key, limit=1))
        tx.tell(ExportChanged(export=export), to=[ctx.user_id])
    return ExportReply(export=export)


@handles(ListExports)
async def list_exports(ctx: Ctx, request: ListExports) -> Exports:
    async with ctx.db.read() as tx:
        rows = await tx.all(OF_USER, user_id=ctx.user_id, export_id=None, limit=LISTED)
    exports = [Export(**row) for row in rows]
    return Exports(
        exports=exports,
        links=[_link(ctx, export) for export in exports if export.status == "ready"],
    )


def _link(ctx: Ctx, export: Export) -> ExportLink:
    link, until = ctx.services.links.issue(f"/v1/exports/{export.export_id}", ctx.login)
    until = min(until, export.expires_at or until)
    return ExportLink(export_id=export.export_id, link=link, until=until)
