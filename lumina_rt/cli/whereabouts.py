"""What became of a message: what Postgres has of it, and what each live node says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiohttp import ClientError, ClientSession, ClientTimeout

from lumina_rt.http.trace import MAX_USERS
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query
from lumina_rt.workers.heartbeat import DEAD_AFTER_S

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

FIND = query("trace.find")
MESSAGE = query("trace.message")
OUTBOX = query("trace.outbox")
OUTBOX_BEGINS = query("trace.outbox_begins")
MEMBERS = query("trace.members")
LIVE = query("nodes.live")

ASK_S = 3.0
SLOW_S = 1.0
Facts = dict[str, Any]


class UnknownMessage(LookupError):
    """There is no message with this id, or not in this conversation."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Ready to be printed as JSON: ids as text, times in milliseconds since 1970."""

    message: Facts
    outbox: Facts
    """`state`: kept, older (than the outbox keeps) or missing."""
    nodes: list[Facts]
    """`passed`: whether the change has passed the gate of this node; None when the gate does not
    know the conversation. `error`: why the node could not be asked, or None."""
    members: list[Facts]
    """With their live `sessions`, each with its `node`."""


async def find(tx: Tx, message_id: UUID, slow: Callable[[], None]) -> UUID:
    """The conversation of a message; `slow` is called when that takes long.

    Raises UnknownMessage.
    """
    late = asyncio.get_running_loop().call_later(SLOW_S, slow)
    try:
        row = await tx.maybe(FIND, message_id=message_id)
    finally:
        late.cancel()
    if row is None:
        raise UnknownMessage(f"there is no message {message_id}")
    found: UUID = row["conversation_id"]
    return found


async def trace(tx: Tx, conversation_id: UUID, message_id: UUID) -> Whereabouts:
    """Raises UnknownMessage."""
    row = await tx.maybe(MESSAGE, conversation_id=conversation_id, message_id=message_id)
    if row is None:
        raise UnknownMessage(f"there is no message {message_id} in conversation {conversation_id}")
    members = await tx.all(MEMBERS, conversation_id=conversation_id, seq=row["seq"])
    nodes = await tx.all(LIVE, within_s=DEAD_AFTER_S)
    told = await _ask_all(nodes, row, [member["user_id"] for member in members])
    return Whereabouts(
        message=_message(row),
        outbox=await _outbox(tx, row),
        nodes=[one.facts() for one in told],
        members=[_member(member, row["seq"], told) for member in members],
    )


def _message(row: Row) -> Facts:
    facts = {name: value for name, value in row.items() if name != "committed"}
    facts["accepted_at"] = row["message_id"].int >> 80
    """When its sender made the id, by the sender's clock (RFC 9562 section 5.7)."""
    return {name: str(v) if isinstance(v, UUID) else v for name, v in facts.items()}


async def _outbox(tx: Tx, row: Row) -> Facts:
    found = await tx.maybe(
        OUTBOX,
        conversation_id=row["conversation_id"],
        sent_rev=row["rev"],
        committed=row["committed"],
    )
    if found is not None:
        return {"state": "kept", "node": found["node_id"], "age_ms": found["age_ms"]}
    begins = await tx.one(OUTBOX_BEGINS, committed=row["committed"])
    return {"state": "older" if begins["is_older"] else "missing", "node": None, "age_ms": None}


def _member(row: Row, seq: int, told: Sequence[Told]) -> Facts:
    user_id = str(row["user_id"])
    sessions = [
        {"node": one.node_id, **{k: v for k, v in session.items() if k != "user_id"}}
        for one in told
        for session in one.sessions
        if session["user_id"] == user_id
    ]
    return {
        **dict(row),
        "user_id": user_id,
        "delivered": row["delivered_seq"] >= seq,
        "read": row["read_seq"] >= seq,
        "sessions": sessions,
    }


@dataclass(slots=True)
class Told:
    """What one node has answered."""

    node_id: str
    url: str | None
    passed: bool | None = None
    sessions: list[Facts] = field(default_factory=list)
    error: str | None = None

    def facts(self) -> Facts:
        return {
            "node": self.node_id, "url": self.url, "passed": self.passed, "error": self.error,
        }  # fmt: skip


async def _ask_all(nodes: Sequence[Row], row: Row, users: Sequence[UUID]) -> list[Told]:
    async with ClientSession(timeout=ClientTimeout(ASK_S)) as session:

        async def ask(told: Told) -> None:
            for first in range(0, len(users), MAX_USERS):
                some = [("user", str(user)) for user in users[first : first + MAX_USERS]]
                which = [("conversation", str(row["conversation_id"])), ("rev", str(row["rev"]))]
                async with session.get(f"{told.url}/trace", params=[*which, *some]) as response:
                    response.raise_for_status()
                    _take(told, await response.json())

        all_told = [Told(node["node_id"], node["private_url"]) for node in nodes]
        await asyncio.gather(*(_reached(told, ask) for told in all_told))
    return all_told


def _take(told: Told, answer: Facts) -> None:
    if answer["node"] != told.node_id:
        told.error = f"{answer['node']} answers there; set LUMINA_PRIVATE_URL of this node"
        return
    told.passed = answer["passed"]
    told.sessions += answer["sessions"]


async def _reached(told: Told, ask: Callable[[Told], Awaitable[None]]) -> None:
    if told.url is None:
        told.error = "it has not said where its private port is"
        return
    try:
        await ask(told)
    except TimeoutError:
        told.error = f"no answer in {ASK_S:g} s"
    except (ClientError, OSError, ValueError, KeyError) as error:
        told.error = str(error) or type(error).__name__
