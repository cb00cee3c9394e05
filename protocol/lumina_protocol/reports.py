"""Reports: complain of something, and hear what became of it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from lumina_protocol.accounts import Code
from lumina_protocol.fields import Id, Millis, NewId, Password, Username, username_key, without_nul
from lumina_protocol.frame import PersonalEvent, Reply, Request, Wire

Kind = Literal["message", "user", "conversation", "post", "comment", "story"]
Reason = Literal["spam", "harassment", "inappropriate", "copyright", "impersonation", "other"]
Description = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(without_nul)
]


class OwnReport(Wire):
    """A report as who made it sees it."""

    report_id: UUID
    kind: str
    subject_id: UUID
    conversation_id: UUID | None = None
    """Of a message."""
    reason: str
    description: str | None = None
    status: str
    """"pending", "dismissed", "actioned"; after an appeal "upheld" or "overturned"."""
    decision_id: UUID | None = None
    """With which decision; one holds for all reports of a thing that waited for it."""
    created_at: Millis


class Decision(Wire):
    """What was decided against a user; who reported is not told."""

    report_id: UUID
    """For `report.appeal`."""
    kind: str
    subject_id: UUID
    conversation_id: UUID | None = None
    reason: str
    """Of the report that it was decided on."""
    action: str
    """"remove", "warn" or "suspend"."""
    note: str
    """Why, in a moderator's words."""
    status: str
    """"actioned", "appealed", "upheld" or "overturned"."""
    until: Millis | None = None
    """Of a suspension."""
    decided_at: Millis


class ReportMade(Reply):
    report_id: UUID
    """Of the report that stands: another one when the user has said the same before."""
    status: str


class CreateReport(Request[ReportMade]):
    """Complains of something that the user may see. The same complaint twice is one."""

    op = "report.create"
    limited_as = "report"

    report_id: NewId
    kind: Kind
    subject_id: Id
    conversation_id: Id | None = None
    """Of a message: needed."""
    reason: Reason
    description: Description | None = None


class Reports(Reply):
    """The newest 100 of each."""

    made: list[OwnReport]
    against: list[Decision]


class ListReports(Request[Reports]):
    """What the user has reported, and what was decided against them."""

    op = "report.list"


class AppealMade(Reply):
    status: str


class AppealDecision(Request[AppealMade]):
    """Asks for another moderator, once. Asked again with the same words it answers the same."""

    op = "report.appeal"

    report_id: Id
    text: Description


class AppealSuspension(Request[AppealMade]):
    """The same against the suspension that keeps the user out, for who cannot log in."""

    op = "report.appeal_suspension"
    public = True
    limited_as = "login"

    username: Username
    password: Password
    code: Code | None = None
    """Of the second factor, as with `account.login`."""
    text: Description

    def account_tried(self) -> str:
        return username_key(self.username)


class ReportCreated(PersonalEvent):
    """To all devices of who has reported something."""

    type = "report.created"

    report: OwnReport


class ReportDecided(PersonalEvent):
    """To all who reported this: those of their reports of it that were pending, or that have this
    `decision_id`, have this status now."""

    type = "report.decided"

    kind: str
    subject_id: UUID
    status: str
    decision_id: UUID


class ModerationActed(PersonalEvent):
    """To whom it was decided against, and again when it is appealed against and decided anew."""

    type = "moderation.acted"

    decision: Decision
