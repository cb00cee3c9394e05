"""All that a user has, as an archive to be fetched."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from lumina_protocol.fields import Millis, NewId
from lumina_protocol.frame import PersonalEvent, Reply, Request, Wire

ExportStatus = Literal["pending", "ready", "failed", "gone"]


class Export(Wire):
    export_id: UUID
    status: ExportStatus
    """`pending` until it is made; `gone` when its time is over."""
    created_at: Millis
    size_bytes: int | None = None
    expires_at: Millis | None = None
    """Until when the archive is kept, while it is `ready`."""


class ExportLink(Wire):
    export_id: UUID
    link: str
    """Path and query on the same host: `GET` fetches the archive, parts of it too (`Range`)."""
    until: Millis
    """Until when the link is good; it ends sooner with the login that has asked for it."""


class ExportReply(Reply):
    export: Export


class ExportAccount(Request[ExportReply]):
    """Three in 7 days, one at a time."""

    op = "account.export"

    export_id: NewId


class Exports(Reply):
    exports: list[Export]
    """The newest 10, newest first."""
    links: list[ExportLink]
    """One to each that is `ready`."""


class ListExports(Request[Exports]):
    op = "account.exports"


class ExportChanged(PersonalEvent):
    """To the own devices: one was asked for, is `ready`, has `failed`, or is `gone`."""

    type = "export.changed"

    export: Export
