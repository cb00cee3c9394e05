"""Reports and staff for tests, through the front door."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import asyncpg
from lumina_protocol.fields import uuid7
from lumina_protocol.moderation import DecideAppeal, Decided, DecideReport, ReadQueue
from lumina_protocol.reports import AppealDecision, CreateReport, Reason, ReportMade

from lumina_rt.client import Client

Action = Literal["remove", "warn", "suspend", "dismiss"]


async def appoint(pg: asyncpg.Connection, username: str, role: str | None) -> None:
    await pg.execute("update users set staff_role = $2 where username = $1", username, role)


def complaint(message_id: UUID, conversation_id: UUID, reason: Reason = "spam") -> CreateReport:
    return CreateReport(
        report_id=uuid7(),
        kind="message",
        subject_id=message_id,
        conversation_id=conversation_id,
        reason=reason,
        description="again and again",
    )


def of_user(user_id: UUID, reason: Reason = "harassment") -> CreateReport:
    return CreateReport(report_id=uuid7(), kind="user", subject_id=user_id, reason=reason)


async def report(client: Client, asked: CreateReport) -> ReportMade:
    return await client.call(asked)


def decision(report_id: UUID, action: Action, days: int | None = None) -> DecideReport:
    return DecideReport(
        report_id=report_id, op_id=uuid7(), action=action, note="against the rules", days=days
    )


async def decide(
    client: Client, report_id: UUID, action: Action, days: int | None = None
) -> Decided:
    return await client.call(decision(report_id, action, days))


async def appeal(client: Client, report_id: UUID, text: str = "it was a joke") -> str:
    return (await client.call(AppealDecision(report_id=report_id, text=text))).status


async def decide_appeal(
    client: Client, report_id: UUID, outcome: Literal["upheld", "overturned"]
) -> Decided:
    return await client.call(
        DecideAppeal(report_id=report_id, op_id=uuid7(), outcome=outcome, note="looked again")
    )


async def queue(client: Client, *, appeals: bool = False) -> list[UUID]:
    page = await client.call(ReadQueue(appeals=appeals))
    return [report.report_id for report in page.reports]
