"""Reports: complain of something that one may see, and hear what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Stale,
)
from lumina_protocol.reports import (
    AppealDecision,
    AppealMade,
    AppealSuspension,
    CreateReport,
    Decision,
    ListReports,
    ModerationActed,
    OwnReport,
    ReportCreated,
    ReportMade,
    Reports,
)

from lumina_rt import second_factor
from lumina_rt.logins import recognise
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from uuid import UUID

    from lumina_rt.store.db import Row, Tx

ACT_AS = query("reports.act_as")
LOCK_SUBJECT = query("reports.lock_subject")
SEE_MESSAGE = query("reports.see_message")
SEE = {
    kind: query(f"reports.see_{kind}")
    for kind in ("user", "conversation", "post", "comment", "story")
}
CREATE = query("reports.create")
SAME = query("reports.same")
MINE = query("reports.mine")
AGAINST = query("reports.against")
ONE = query("moderation.one")
APPEAL = query("moderation.appeal")
APPEALED = query("moderation.appealed")
SUSPENSION = query("moderation.suspension")

LISTED = 100


@handles(CreateReport)
async def create(ctx: Ctx, request: CreateReport) -> ReportMade:
    async with ctx.db.tx() as tx:
        await tx.run(ACT_AS, user_id=ctx.user_id)
        key = {"kind": request.kind, "subject_id": request.subject_id}
        await tx.run(LOCK_SUBJECT, **key)
        said = {**key, "user_id": ctx.user_id, "reason": request.reason}
        if same := await tx.maybe(SAME, **said):
            return ReportMade(**same)
        subject = await _see(tx, ctx.user_id, request)
        row = await tx.maybe(
            CREATE,
            **said,
            report_id=request.report_id,
            conversation_id=request.conversation_id,
            owner_id=_owner(ctx.user_id, request, subject),
            description=request.description,
            evidence=subject["evidence"],
        )
        if row is None:
            raise Conflict(field="report_id")
        tx.tell(ReportCreated(report=OwnReport(**row)), to=[ctx.user_id])
    return ReportMade(report_id=row["report_id"], status=row["status"])


async def _see(tx: Tx, user_id: UUID, request: CreateReport) -> Row:
    """The subject, if the user may see it. Raises NotFound, Invalid, Gone, Forbidden."""
    if (request.kind == "message") is (request.conversation_id is None):
        why = "conversation_id: needed for a message, and for nothing else"
        raise Invalid(why, field="conversation_id")
    what = {"subject_id": request.subject_id, "user_id": user_id}
    if request.kind == "message":
        found = await tx.maybe(SEE_MESSAGE, conversation_id=request.conversation_id, **what)
    else:
        found = await tx.maybe(SEE[request.kind], **what)
    if found is None:
        raise NotFound(field="subject_id")
    if request.kind == "message":
        _refuse_note_or_deleted(found)
    return found


def _refuse_note_or_deleted(message: Row) -> None:
    if message["is_deleted"]:
        raise Gone("This message was deleted.", field="subject_id")
    if message["is_note"]:
        raise Forbidden("This was said by the server.", field="subject_id")


def _owner(user_id: UUID, request: CreateReport, subject: Row) -> UUID | None:
    """Whom it is against. Nobody, when it is a conversation of the user's own. Raises Forbidden."""
    owner_id: UUID | None = subject["owner_id"]
    if owner_id != user_id:
        return owner_id
    if request.kind != "conversation":
        raise Forbidden("This is your own.", field="subject_id")
    return None


@handles(ListReports)
async def list_reports(ctx: Ctx, request: ListReports) -> Reports:
    async with ctx.db.read() as tx:
        made = await tx.all(MINE, user_id=ctx.user_id, limit=LISTED)
        against = await tx.all(AGAINST, user_id=ctx.user_id, limit=LISTED)
    return Reports(
        made=[OwnReport(**row) for row in made], against=[Decision(**row) for row in against]
    )


@handles(AppealDecision)
async def appeal(ctx: Ctx, request: AppealDecision) -> AppealMade:
    async with ctx.db.tx() as tx:
        return await _appeal(tx, ctx.user_id, request.report_id, request.text)


@handles(AppealSuspension)
async def appeal_suspension(ctx: Ctx, request: AppealSuspension) -> AppealMade:
    user = await recognise(ctx, request.username, request.password)
    async with ctx.db.tx() as tx:
        found = await tx.maybe(SUSPENSION, user_id=user["user_id"])
        if found is None:
            raise NotFound("This account is not suspended.")
        await second_factor.ask(ctx, tx, user["user_id"], request.code)
        return await _appeal(tx, user["user_id"], found["report_id"], request.text)


async def _appeal(tx: Tx, user_id: UUID, report_id: UUID, text: str) -> AppealMade:
    """Raises NotFound, Stale."""
    await tx.run(ACT_AS, user_id=user_id)
    key = {"report_id": report_id, "user_id": user_id}
    if await tx.maybe(APPEAL, text=text, **key):
        decision = Decision(**await tx.one(ONE, report_id=report_id))
        tx.tell(ModerationActed(decision=decision), to=[user_id])
        return AppealMade(status="appealed")
    found = await tx.maybe(APPEALED, **key)
    if found is None:
        raise NotFound("There is no such decision against you.", field="report_id")
    if found["appeal"] != text:
        raise Stale("You have appealed against this already.", field="report_id")
    return AppealMade(status=found["status"])
