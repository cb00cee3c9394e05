"""Moderation: what staff see of reports, and decide. For logins of staff only."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Id, Millis, without_nul
from lumina_protocol.frame import Change, Reply, Request
from lumina_protocol.reports import Kind, OwnReport

Note = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(without_nul)]
Limit = Annotated[int, Field(ge=1, le=20)]


class Report(OwnReport):
    """A report as moderators see it."""

    reporter_id: UUID
    owner_id: UUID | None = None
    """Whose the subject is: who sent or wrote it, the user, of a conversation the other one or the
    owner of the group."""
    owner: str | None = None
    """Their username."""
    evidence: str | None = None
    """What the subject said when it was reported."""
    others: int
    """How many more reports of the subject there are."""
    action: str | None = None
    note: str | None = None
    decided_by: UUID | None = None
    decided_at: Millis | None = None
    until: Millis | None = None
    appeal: str | None = None
    appealed_at: Millis | None = None
    appeal_note: str | None = None
    appeal_decided_by: UUID | None = None


class ReportPage(Reply):
    """Oldest first."""

    reports: list[Report]
    more: bool


class ReadQueue(Request[ReportPage]):
    """What waits: reports, or with `appeals` decisions that were appealed against."""

    op = "report.queue"

    appeals: bool = False
    after: Id | None = None
    """The last report had."""
    limit: Limit = 20


class ReadReportsOf(Request[ReportPage]):
    """All that was said of one subject."""

    op = "report.of"

    kind: Kind
    subject_id: Id
    after: Id | None = None
    limit: Limit = 20


class Decided(Reply):
    status: str
    reports: int
    """How many reports it was about."""
    until: Millis | None = None
    """Of a suspension."""


class DecideReport(Change[Decided]):
    """Decides about all pending reports of the subject of this one."""

    op = "report.decide"

    report_id: Id
    action: Literal["remove", "warn", "suspend", "dismiss"]
    note: Note
    """Why: is told to whom it is decided against."""
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """To suspend: needed."""


class DecideAppeal(Change[Decided]):
    """By another moderator than the first one. An overturned suspension ends at once."""

    op = "report.decide_appeal"

    report_id: Id
    outcome: Literal["upheld", "overturned"]
    note: Note
