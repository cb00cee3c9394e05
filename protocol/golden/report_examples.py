"""Golden frames of reports and moderation."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.moderation import (
    DecideAppeal,
    Decided,
    DecideReport,
    ReadQueue,
    ReadReportsOf,
    Report,
    ReportPage,
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
    ReportDecided,
    ReportMade,
    Reports,
)

from golden.account_examples import PASSWORD
from golden.frames import (
    ALICE,
    BOB,
    CAROL,
    CONVERSATION,
    MINUTE,
    NOW,
    SECOND,
    answered,
    asked,
    told,
)

REPORT = UUID("019bc119-8100-7b1c-9d2e-3f4a5b6c7d8e")
OTHER_REPORT = UUID("019bc119-8200-7c2d-8e3f-4a5b6c7d8e9f")
DECIDED_BY = UUID("019bc119-8300-7d3e-9f4a-5b6c7d8e9fa0")
DECISION_OP = UUID("019bc119-8400-7e4f-8a5b-6c7d8e9fa0b1")
APPEAL_OP = UUID("019bc119-8500-7f5a-9b6c-7d8e9fa0b1c2")
DAY = 1440 * MINUTE
MADE = OwnReport(
    report_id=REPORT,
    kind="message",
    subject_id=SECOND,
    conversation_id=CONVERSATION,
    reason="harassment",
    description="Every day the same.",
    status="pending",
    created_at=NOW + MINUTE,
)
AGAINST = Decision(
    report_id=OTHER_REPORT,
    kind="user",
    subject_id=ALICE,
    reason="spam",
    action="suspend",
    note="Advertising, after a warning.",
    status="actioned",
    until=NOW + 3 * DAY,
    decided_at=NOW + 3 * MINUTE,
)
SEEN = Report(
    **MADE.model_dump(),
    reporter_id=ALICE,
    owner_id=BOB,
    owner="bob",
    evidence="Hi Alice, \u00e7a va? \U0001f44b",
    others=2,
)
APPEALED = Report(
    report_id=OTHER_REPORT,
    kind="user",
    subject_id=ALICE,
    reason="spam",
    status="appealed",
    decision_id=OTHER_REPORT,
    created_at=NOW + 2 * MINUTE,
    reporter_id=CAROL,
    owner_id=ALICE,
    owner="alice",
    evidence="alice\nAlice Liddell",
    others=0,
    action="suspend",
    note=AGAINST.note,
    decided_by=DECIDED_BY,
    decided_at=AGAINST.decided_at,
    until=AGAINST.until,
    appeal="It was an invitation.",
    appealed_at=NOW + 4 * MINUTE,
)

REPORTS = [
    asked(
        1,
        CreateReport(
            report_id=REPORT,
            kind="message",
            subject_id=SECOND,
            conversation_id=CONVERSATION,
            reason="harassment",
            description=MADE.description,
        ),
    ),
    asked(
        1,
        CreateReport(report_id=REPORT, kind="user", subject_id=BOB, reason="spam"),
        ", no optional field",
    ),
    answered(1, "report.create", ReportMade(report_id=REPORT, status="pending")),
    asked(2, ListReports()),
    answered(2, "report.list", Reports(made=[MADE], against=[AGAINST])),
    asked(3, AppealDecision(report_id=OTHER_REPORT, text="It was an invitation.")),
    answered(3, "report.appeal", AppealMade(status="appealed")),
    asked(1, AppealSuspension(username="alice", password=PASSWORD, text="It was an invitation.")),
    asked(
        1,
        AppealSuspension(
            username="alice", password=PASSWORD, code="287082", text="It was an invitation."
        ),
        ", with a code",
    ),
    answered(1, "report.appeal_suspension", AppealMade(status="appealed")),
    told(ReportCreated(report=MADE, user_rev=7)),
    told(
        ReportDecided(
            kind="message", subject_id=SECOND, status="actioned", decision_id=REPORT, user_rev=8
        )
    ),
    told(ModerationActed(decision=AGAINST, user_rev=9)),
]

MODERATION = [
    asked(1, ReadQueue(), ", first page"),
    asked(1, ReadQueue(appeals=True, after=REPORT, limit=10)),
    answered(1, "report.queue", ReportPage(reports=[SEEN], more=True)),
    asked(2, ReadReportsOf(kind="user", subject_id=ALICE, after=REPORT, limit=10)),
    asked(2, ReadReportsOf(kind="user", subject_id=ALICE), ", first page"),
    answered(2, "report.of", ReportPage(reports=[APPEALED], more=False)),
    asked(
        3,
        DecideReport(
            report_id=OTHER_REPORT,
            op_id=DECISION_OP,
            action="suspend",
            note=AGAINST.note,
            days=3,
        ),
    ),
    asked(
        3,
        DecideReport(
            report_id=REPORT, op_id=DECISION_OP, action="remove", note="Harassment is not welcome."
        ),
        ", to remove",
    ),
    answered(3, "report.decide", Decided(status="actioned", reports=1, until=AGAINST.until)),
    answered(3, "report.decide", Decided(status="actioned", reports=3), ", to remove"),
    asked(
        4,
        DecideAppeal(
            report_id=OTHER_REPORT,
            op_id=APPEAL_OP,
            outcome="overturned",
            note="It was one, indeed.",
        ),
    ),
    answered(
        4, "report.decide_appeal", Decided(status="overturned", reports=1, until=AGAINST.until)
    ),
]
