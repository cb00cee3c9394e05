"""`lumina trace`: where is this message?"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click
import orjson
from rich.console import Console
from rich.table import Table

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.cli.whereabouts import Facts, UnknownMessage, Whereabouts, find, trace
from lumina_rt.config import read_database_url
from lumina_rt.store import db as store

SEARCHING = "searching in all conversations; with --conversation ID it is found at once"


@click.command("trace", short_help="Say where a message is.")
@click.argument("message_id", type=click.UUID)
@click.option("--conversation", type=click.UUID, metavar="ID",
              help="Its conversation, if you know it; otherwise all are searched.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For machines; times in ms since 1970.")
def command(message_id: UUID, conversation: UUID | None, as_json: bool) -> None:
    """Say what became of the message MESSAGE_ID: when it was committed, which nodes have passed it
    on, and to which sessions of which members. Never what it says.

    It asks the nodes on their private ports, so run it where these can be reached. Exits with 1
    when there is no such message.

    \b
    Examples:
      lumina trace 019bc119-4268-7b04-a1de-3c5f8e2d9071
      lumina trace 019bc119-4268-7b04-a1de-3c5f8e2d9071 --conversation 019bc119-3e80-... --json
    """
    adopt_dev_settings()
    try:
        found = asyncio.run(look(read_database_url(), message_id, conversation))
    except UnknownMessage as unknown:
        raise click.ClickException(str(unknown)) from None
    if as_json:
        click.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))
    else:
        show(found)


async def look(url: str, message_id: UUID, conversation: UUID | None) -> Whereabouts:
    """Raises StoreUnreachable or UnknownMessage."""
    conn = await store.connect_alone(url)
    try:
        tx = store.Tx(conn)
        if conversation is None:
            conversation = await find(tx, message_id, lambda: click.echo(SEARCHING, err=True))
        return await trace(tx, conversation, message_id)
    finally:
        await conn.close()


def show(found: Whereabouts) -> None:
    console = Console(highlight=False)
    for name, value in story(found):
        console.print(f"{name:<13} {value}", soft_wrap=True, markup=False)
    console.print()
    console.print(nodes_table(found))
    console.print()
    console.print(members_table(found))


def story(found: Whereabouts) -> list[tuple[str, str]]:
    message = found.message
    lines = [
        ("message", message["message_id"]),
        ("conversation", message["conversation_id"]),
        ("made", f"by {message['sender']}, {_at(message['accepted_at'])} by the clock of the app"),
        ("committed", f"seq {message['seq']}, rev {message['rev']}, {_at(message['created_at'])}"),
    ]
    if message["changed_rev"]:
        lines.append(("changed", f"{_changes(message)}, now rev {message['changed_rev']}"))
    if message["expires_at"]:
        lines.append(("expires", _at(message["expires_at"])))
    return [*lines, ("outbox", _kept(found.outbox))]


def _changes(message: Facts) -> str:
    if message["is_deleted"]:
        return f"deleted {_at(message['deleted_at'])}"
    return "edited" if message["is_edited"] else "by a reaction or the like"


def _kept(outbox: Facts) -> str:
    match outbox["state"]:
        case "kept":
            return f"by {outbox['node']}, {outbox['age_ms'] / 1000:.1f} s ago"
        case "older":
            return "older than the outbox keeps"
    return "missing, though the outbox goes back that far"


def nodes_table(found: Whereabouts) -> Table:
    grid = _grid("node", "private port", "passed on")
    for node in found.nodes:
        passed = (
            node["error"]
            or {True: "yes", False: "not yet", None: "unknown: nothing of the conversation"}[
                node["passed"]
            ]
        )
        grid.add_row(node["node"], node["url"] or "-", passed)
    return grid


def members_table(found: Whereabouts) -> Table:
    grid = _grid(
        "member", "sees it", "acked", "session", "on", "connected (UTC)", "state", "heard of"
    )
    passed = {node["node"]: node["passed"] for node in found.nodes}
    for member in found.members:
        who = member["username"], sees(member), acked(member)
        for session in member["sessions"]:
            cells = _session(session, found, passed[session["node"]], member["may_see"])
            grid.add_row(*who, *cells)
            who = "", "", ""
        if not member["sessions"]:
            grid.add_row(*who, "none", "", "", "", "")
    return grid


def _session(
    session: Facts, found: Whereabouts, passed: bool | None, may_see: bool
) -> tuple[str, ...]:
    state = delivery(session, found.message["created_at"], passed=passed, may_see=may_see)
    heard = f"within {session['heard_within_s']:g} s"
    return (
        session["connection_id"],
        session["node"],
        _at(session["connected_at"])[:19],
        state,
        heard,
    )


def sees(member: Facts) -> str:
    if not member["may_see"]:
        return "no, joined later or left"
    if member["has_hidden"]:
        return "no, has hidden it"
    if not member["is_active"]:
        return "account not active"
    return "yes" if member["is_member"] else "yes, has left since"


def acked(member: Facts) -> str:
    return "read" if member["read"] else "delivered" if member["delivered"] else "-"


def delivery(session: Facts, created_at: int, *, passed: bool | None, may_see: bool) -> str:
    """How far it has come on the way to one session, by what is known without looking inside."""
    if not may_see:
        return "-"
    if session["connected_at"] > created_at:
        return "connected later"
    if passed is None:
        return "unknown"
    if not passed:
        return "not passed on"
    waiting = session["waiting_bytes"]
    return f"{waiting:,} bytes wait" if waiting else "written"


def _grid(*columns: str) -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid


def _at(ms: Any) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"
