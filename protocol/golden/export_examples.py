"""Golden frames of the export of an account."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.exports import (
    Export,
    ExportAccount,
    ExportChanged,
    ExportLink,
    ExportReply,
    Exports,
    ListExports,
)

from golden.frames import MINUTE, NOW, SESSION, answered, asked, told

EXPORT = UUID("019bc11a-9f70-7b1d-a6c2-3e58d90b7f14")
UNTIL = NOW + 60 * MINUTE
LINK = f"/v1/exports/{EXPORT}?login={SESSION}&until={UNTIL}&signature=9f2c"

PENDING = Export(export_id=EXPORT, status="pending", created_at=NOW)
READY = Export(
    export_id=EXPORT,
    status="ready",
    created_at=NOW,
    size_bytes=48_213,
    expires_at=NOW + 7 * 1440 * MINUTE,
)

EXPORTS = [
    asked(5, ExportAccount(export_id=EXPORT)),
    answered(5, "account.export", ExportReply(export=PENDING)),
    told(ExportChanged(export=READY, user_rev=8)),
    asked(6, ListExports()),
    answered(
        6,
        "account.exports",
        Exports(exports=[READY], links=[ExportLink(export_id=EXPORT, link=LINK, until=UNTIL)]),
    ),
]
