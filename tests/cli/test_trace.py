"""trace, through the command, beside two nodes that run."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import DeleteMessage, EditMessage, MessageSent

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.cli.command import COMMAND, complaint, environment, lumina
from tests.house import created, nodes, open_conversation, register, say, user

pytestmark = pytest.mark.timeout(120)
SECRET_WORDS = "the treasure is under the oak"


async def trace(settings: Settings, *args: object) -> subprocess.CompletedProcess[str]:
    env = {**environment(database_url=settings.database_url), "COLUMNS": "250"}
    return await asyncio.to_thread(lumina, "trace", *map(str, args), env=env)


async def traced(settings: Settings, sent: MessageSent, talk: UUID) -> dict[str, Any]:
    done = await trace(settings, sent.message_id, "--conversation", talk, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET_WORDS not in done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def member(found: dict[str, Any], username: str) -> dict[str, Any]:
    (one,) = [member for member in found["members"] if member["username"] == username]
    return dict(one)


def session_of(client: Client) -> str:
    assert client.ready is not None
    return str(client.ready.connection_id)


async def test_a_message_is_followed_from_its_sender_to_every_session(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                sent = await say(alice, talk, SECRET_WORDS)
                await created(inbox, 1)
            async with user(one, "bob") as later:
                found = await traced(settings, sent, talk)
                sessions = {
                    s["connection_id"]: s["node"]
                    for m in found["members"]
                    for s in m["sessions"]
                    if s["waiting_bytes"] == 0 and 0 < s["heard_within_s"] <= 75
                }
                assert sessions == {
                    session_of(alice): one.bus.node_id,
                    session_of(bob): two.bus.node_id,
                    session_of(later): one.bus.node_id,
                }
    message = found["message"]
    assert (message["sender"], message["seq"], message["rev"]) == ("alice", sent.seq, sent.rev)
    assert message["created_at"] == sent.created_at
    assert message["accepted_at"] == sent.message_id.int >> 80
    assert message["changed_rev"] is None
    assert found["outbox"]["state"] == "kept"
    assert found["outbox"]["node"] == one.bus.node_id
    assert 0 <= found["outbox"]["age_ms"] < 60_000
    assert [(n["node"], n["passed"], n["error"]) for n in found["nodes"]] == sorted(
        (node.bus.node_id, True, None) for node in (one, two)
    )


async def test_it_is_said_in_words(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                sent = await say(alice, talk, SECRET_WORDS)
                await created(inbox, 1)
            async with user(one, "bob"):
                done = await trace(settings, sent.message_id)
            lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET_WORDS not in done.stdout
    (line,) = [line for line in lines if session_of(bob) in line]
    assert "written" in line
    assert sum("connected later" in line for line in lines) == 1
    assert f"seq {sent.seq}, rev {sent.rev}, " in done.stdout
    assert f"outbox        by {one.bus.node_id}, " in done.stdout


async def test_what_became_of_it_since_is_told(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            first = await say(alice, talk, "first")
            sent = await say(alice, talk, SECRET_WORDS)
            which = {"conversation_id": talk, "message_id": sent.message_id}
            edit = EditMessage(**which, op_id=uuid7(), base_rev=sent.rev, content="edited")
            edited = await alice.call(edit)
            found = await traced(settings, sent, talk)
            assert found["message"]["changed_rev"] == edited.rev
            assert (found["message"]["is_edited"], found["message"]["is_deleted"]) == (True, False)
            await alice.call(DeleteMessage(**which, op_id=uuid7()))
            assert (await traced(settings, sent, talk))["message"]["is_deleted"]
            words = (await trace(settings, sent.message_id, "--conversation", talk)).stdout
            assert "deleted 20" in words

            # bob has got the first, hidden the second, and left; carol never was there.
            await pg.execute(
                "update receipts set delivered_seq = $2, read_seq = 0 where conversation_id = $1"
                " and user_id = (select user_id from users where username = 'bob')",
                talk,
                first.seq,
            )
            await pg.execute(
                "insert into message_hides (conversation_id, seq, user_id)"
                " select $1, $2, user_id from users where username = 'bob'",
                talk,
                sent.seq,
            )
            of_first = member(await traced(settings, first, talk), "bob")
            assert (of_first["delivered"], of_first["read"]) == (True, False)
            assert of_first["may_see"]
            assert not of_first["has_hidden"]
            of_second = member(await traced(settings, sent, talk), "bob")
            assert (of_second["delivered"], of_second["has_hidden"]) == (False, True)
            await pg.execute(
                "update membership_intervals set to_seq = $2 where conversation_id = $1"
                " and user_id = (select user_id from users where username = 'bob')",
                talk,
                sent.seq,
            )
            found = await traced(settings, sent, talk)
            assert not member(found, "bob")["may_see"]
            assert member(found, "alice")["may_see"]
            assert [m["username"] for m in found["members"]] == ["alice", "bob"]


async def test_a_change_that_a_node_has_not_had_is_told(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            sent = await say(alice, talk, SECRET_WORDS)
            assert passed(await traced(settings, sent, talk), node) is True
            node.gate.forget()
            assert passed(await traced(settings, sent, talk), node) is None
            await say(alice, talk, "next")
            await pg.execute("update messages set rev = rev + 1000 where seq = $1", sent.seq)
            found = await traced(settings, sent, talk)
            assert passed(found, node) is False
            assert found["outbox"]["state"] == "missing"
            await pg.execute(
                "update messages set created_at = created_at - interval '3 hours' where seq = $1",
                sent.seq,
            )
            assert (await traced(settings, sent, talk))["outbox"]["state"] == "older"


def passed(found: dict[str, Any], node: Node) -> object:
    (one,) = found["nodes"]
    assert (one["node"], one["error"]) == (node.bus.node_id, None)
    return one["passed"]


async def test_a_node_that_cannot_be_asked_is_named_with_its_reason(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with (
        nodes(settings, 1) as (one,),
        nodes(settings, 1, node="away", private_url="http://127.0.0.1:9") as (away,),
        nodes(settings, 1, node="astray", private_url=one.private_url) as (astray,),
    ):
        await pg.execute("insert into nodes (node_id) values ('old#1')")
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            sent = await say(alice, talk, SECRET_WORDS)
            found = await traced(settings, sent, talk)
    errors = {node["node"]: node["error"] for node in found["nodes"]}
    assert errors.keys() == {one.bus.node_id, away.bus.node_id, astray.bus.node_id, "old#1"}
    assert errors[one.bus.node_id] is None
    assert "127.0.0.1:9" in errors[away.bus.node_id]
    assert "LUMINA_PRIVATE_URL" in errors[astray.bus.node_id]
    assert errors["old#1"] == "it has not said where its private port is"
    assert len(member(found, "alice")["sessions"]) == 1


async def test_an_unknown_message_is_one_line(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            sent = await say(alice, talk, SECRET_WORDS)
    nowhere, other = uuid7(), uuid7()
    assert complaint(await trace(settings, nowhere)) == f"Error: there is no message {nowhere}"
    elsewhere = complaint(await trace(settings, sent.message_id, "--conversation", other))
    assert elsewhere == f"Error: there is no message {sent.message_id} in conversation {other}"


async def test_a_search_that_takes_long_says_how_it_can_be_short(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    env = environment(database_url=settings.database_url)
    async with pg.transaction():
        await pg.execute("lock table messages")
        tracing = await asyncio.create_subprocess_exec(
            *COMMAND, "trace", str(uuid7()), env=env, cwd="/", stderr=asyncio.subprocess.PIPE
        )
        assert tracing.stderr is not None
        said = (await tracing.stderr.readline()).decode()
        assert (
            said == "searching in all conversations; with --conversation ID it is found at once\n"
        )
    assert (await tracing.communicate())[1].startswith(b"Error: there is no message ")
    assert tracing.returncode == 1


@pytest.mark.parametrize("args", [["42"], [str(uuid7()), "--conversation", "the pub"]])
def test_what_is_no_id_is_refused(args: list[str]) -> None:
    done = lumina("trace", *args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "is not a valid UUID" in done.stderr
