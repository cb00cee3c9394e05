"""Moderation: read what was reported, decide, and decide anew when it is appealed against.

Locks are taken in this order: the conversation, the subject and its post, the user, and their
streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Forbidden, Invalid, NotFound, Stale
from lumina_protocol.messages import Message
from lumina_protocol.moderation import (
    DecideAppeal,
    Decided,
    DecideReport,
    ReadQueue,
    ReadReportsOf,
    Report,
    ReportPage,
)
from lumina_protocol.reports import Decision, ModerationActed, ReportDecided

from lumina_rt import access, changes, commenting, posting
from lumina_rt.notifying import Cause, look_again, notify
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from uuid import UUID

    from lumina_rt.store.db import Row

QUEUE = query("moderation.queue")
APPEALS = query("moderation.appeals")
OF = query("moderation.of")
ONE = query("moderation.one")
DECIDE = query("moderation.decide")
DECIDE_APPEAL = query("moderation.decide_appeal")
SUSPEND = query("moderation.suspend")
LOCK_USER = query("moderation.lock_user")
LOCK_STREAMS = query("user_events.lock")
SHOW = {kind: query(f"moderation.show_{kind}") for kind in ("post", "comment", "story")}
ACT_AS = query("reports.act_as")
LOCK_SUBJECT = query("reports.lock_subject")
LOCK_CONVERSATION = query("conversations.lock")
MESSAGE = query("messages.one")
TOPICS = query("topics.of_post")
END_ALL = query("sessions.end_others")


@handles(ReadQueue)
async def read_queue(ctx: Ctx, request: ReadQueue) -> ReportPage:
    async with ctx.db.read() as tx:
        await access.staff(tx, user_id=ctx.user_id)
        asked = APPEALS if request.appeals else QUEUE
        rows = await tx.all(asked, after_id=request.after, limit=request.limit + 1)
    return _page(rows, request.limit)


@handles(ReadReportsOf)
async def read_reports_of(ctx: Ctx, request: ReadReportsOf) -> ReportPage:
    async with ctx.db.read() as tx:
        await access.staff(tx, user_id=ctx.user_id)
        what = {"kind": request.kind, "subject_id": request.subject_id}
        rows = await tx.all(OF, after_id=request.after, limit=request.limit + 1, **what)
    return _page(rows, request.limit)


def _page(rows: list[Row], limit: int) -> ReportPage:
    return ReportPage(reports=[Report(**row) for row in rows[:limit]], more=len(rows) > limit)


@handles(DecideReport)
async def decide(ctx: Ctx, request: DecideReport) -> Decided:
    decided = await _decide(ctx, request)
    ctx.services.sessions_ended()
    return decided


@once
async def _decide(ctx: Ctx, tx: Tx, request: DecideReport) -> Decided:
    role = await access.staff(tx, user_id=ctx.user_id)
    report = await _lock(ctx, tx, request.report_id)
    if report["status"] != "pending":
        raise Stale("Somebody has decided this already.", field="report_id")
    await _refuse_wrong_action(tx, request, report)
    await _refuse_unfit(ctx, tx, role, request.action, report)
    status = "dismissed" if request.action == "dismiss" else "actioned"
    rows = await tx.all(
        DECIDE,
        report_id=report["report_id"],
        kind=report["kind"],
        subject_id=report["subject_id"],
        user_id=ctx.user_id,
        status=status,
        action=request.action,
        note=request.note,
        days=request.days,
    )
    await _act(tx, request.action, report)
    decided = await tx.one(ONE, report_id=report["report_id"])
    await _tell(tx, decided, [row["reporter_id"] for row in rows])
    return Decided(status=status, reports=len(rows), until=decided["until"])


@handles(DecideAppeal)
@once
async def decide_appeal(ctx: Ctx, tx: Tx, request: DecideAppeal) -> Decided:
    await access.staff(tx, user_id=ctx.user_id)
    report = await _lock(ctx, tx, request.report_id)
    if report["status"] != "appealed":
        raise Stale("There is no appeal to be decided.", field="report_id")
    if ctx.user_id in (report["owner_id"], report["decided_by"]):
        raise Forbidden("Another moderator decides about this.", field="report_id")
    await tx.maybe(LOCK_USER, user_id=report["owner_id"])
    rows = await tx.all(
        DECIDE_APPEAL,
        report_id=report["report_id"],
        kind=report["kind"],
        subject_id=report["subject_id"],
        user_id=ctx.user_id,
        status=request.outcome,
        note=request.note,
    )
    if request.outcome == "overturned":
        await _undo(tx, report)
    decided = await tx.one(ONE, report_id=report["report_id"])
    await _tell(tx, decided, [row["reporter_id"] for row in rows])
    return Decided(status=request.outcome, reports=len(rows), until=decided["until"])


async def _lock(ctx: Ctx, tx: Tx, report_id: UUID) -> Row:
    """The report, for no one else until the commit. Raises NotFound."""
    await tx.run(ACT_AS, user_id=ctx.user_id)
    found = await tx.maybe(ONE, report_id=report_id)
    if found is None:
        raise NotFound("There is no such report.", field="report_id")
    if found["kind"] == "message":
        await tx.run(LOCK_CONVERSATION, conversation_id=found["conversation_id"])
    await tx.run(LOCK_SUBJECT, kind=found["kind"], subject_id=found["subject_id"])
    if found["kind"] == "comment":
        await commenting.lock_of(tx, found["subject_id"])
    return await tx.one(ONE, report_id=report_id)


async def _refuse_wrong_action(tx: Tx, request: DecideReport, report: Row) -> None:
    """Raises Invalid when this cannot be done about such a thing."""
    if (request.action == "suspend") is (request.days is None):
        raise Invalid("days: needed to suspend, and for nothing else", field="days")
    if request.action == "remove" and report["kind"] in ("user", "conversation"):
        raise Invalid(f"action: a {report['kind']} cannot be removed", field="action")
    if request.action in ("warn", "suspend") and report["owner_id"] is None:
        raise Invalid("action: there is nobody whom it could be against", field="action")


async def _refuse_unfit(ctx: Ctx, tx: Tx, role: str, action: str, report: Row) -> None:
    """Raises Forbidden when this moderator may not decide so about this user, whom it locks."""
    if report["owner_id"] == ctx.user_id:
        raise Forbidden("Nobody decides about themselves.", field="report_id")
    owner = await tx.maybe(LOCK_USER, user_id=report["owner_id"])
    if action == "suspend" and owner and owner["staff_role"] == "admin" and role != "admin":
        raise Forbidden("Only an admin suspends an admin.", field="action")


async def _act(tx: Tx, action: str, report: Row) -> None:
    if action == "suspend":
        await tx.run(SUSPEND, user_id=report["owner_id"])
        tx.sees_changed(report["owner_id"])
        await posting.touch_topics_of(tx, report["owner_id"])
        await tx.all(END_ALL, user_id=report["owner_id"], kept=None)
    elif action == "remove" and report["kind"] == "message":
        where = {"conversation_id": report["conversation_id"], "message_id": report["subject_id"]}
        await changes.delete(tx, Message.model_validate(dict(await tx.one(MESSAGE, **where))))
    elif action == "remove":
        await _show(tx, report, hidden=True)


async def _undo(tx: Tx, report: Row) -> None:
    """Of a message nothing is left that could be shown again."""
    if report["action"] == "suspend":
        await tx.run(SUSPEND, user_id=report["owner_id"])
        tx.sees_changed(report["owner_id"])
        await posting.touch_topics_of(tx, report["owner_id"])
    elif report["action"] == "remove" and report["kind"] != "message":
        await _show(tx, report, hidden=False)


async def _show(tx: Tx, report: Row, *, hidden: bool) -> None:
    what = {"owner_id": report["owner_id"], "subject_id": report["subject_id"]}
    changed = await tx.maybe(SHOW[report["kind"]], hidden=hidden, **what)
    if report["kind"] == "comment":
        if changed:
            above = [changed["parent_comment_id"]] if changed["parent_comment_id"] else []
            await commenting.number(tx, changed["post_id"], [report["subject_id"], *above])
            await look_again(tx, comment_id=report["subject_id"])
        return
    tx.touched(report["subject_id"])
    if report["kind"] == "post":
        topics = await tx.all(TOPICS, post_id=report["subject_id"])
        tx.touched(*(row["topic_id"] for row in topics))
    if hidden:
        tx.sees_changed(report["owner_id"])
        await look_again(tx, **{f"{report['kind']}_id": report["subject_id"]})


async def _tell(tx: Tx, decided: Row, reporters: list[UUID]) -> None:
    """Both sides. The streams of all are locked at once: two decisions about users who have
    reported each other would wait for each other."""
    against = (
        [decided["owner_id"]] if decided["action"] != "dismiss" and decided["owner_id"] else []
    )
    await tx.run(LOCK_STREAMS, user_ids=[*reporters, *against])
    told = ReportDecided(
        kind=decided["kind"],
        subject_id=decided["subject_id"],
        status=decided["status"],
        decision_id=decided["decision_id"],
    )
    tx.tell(told, to=sorted(set(reporters)))
    if against:
        tx.tell(ModerationActed(decision=Decision(**decided)), to=against)
        key, title = f"moderation:{decided['decision_id']}", "Moderators have decided about you"
        await notify(tx, Cause("system", against, key, title, text=decided["note"] or ""))
