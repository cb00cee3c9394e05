from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
import structlog
from lumina_protocol.accounts import Login, Register
from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Reply, Request
from lumina_protocol.session import Authenticate, Ping

from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.router import HANDLERS, Ctx
from lumina_rt.telemetry import Telemetry, setup_logging
from tests.house import PASSWORD, nodes, register

Capture = pytest.CaptureFixture[str]
LEVELS = ["debug", "info", "warning", "error"]
Form = Literal["json", "console"]


@pytest.fixture(autouse=True)
def _restore_logging(capsys: Capture) -> Iterator[None]:
    """What these tests set up writes to a stderr that is gone after the test."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


def logged(capsys: Capture) -> list[dict[str, Any]]:
    """What was logged since the last look; each line must be JSON."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_log_line_is_json_and_says_when_where_and_how_bad(capsys: Capture) -> None:
    setup_logging("json", "info")
    Telemetry("node7").log.warning("bus entry skipped", cause="version 2\nof 'x'", at="ü")
    (line,) = logged(capsys)
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert line == {
        "event": "bus entry skipped",
        "node": "node7",
        "level": "warning",
        "cause": "version 2\nof 'x'",
        "at": "ü",
    }


def test_a_failed_task_is_logged_with_its_cause_and_counted(capsys: Capture) -> None:
    setup_logging("json", "info")
    telemetry = Telemetry("node7")
    telemetry.task_failed("heartbeat", ConnectionResetError("gone"), 0.12345)
    (line,) = logged(capsys)
    assert (line["node"], line["level"], line["task"]) == ("node7", "error", "heartbeat")
    assert line["cause"] == "ConnectionResetError: gone"
    assert line["retry_s"] == 0.12
    assert b'lumina_task_failures_total{task="heartbeat"} 1.0' in telemetry.metrics()


def test_what_libraries_log_is_json_as_well(capsys: Capture) -> None:
    setup_logging("json", "info")
    logging.getLogger("asyncio").warning("slow callback %s", "x")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    slow, failed = logged(capsys)
    assert (slow["event"], slow["level"]) == ("slow callback x", "warning")
    assert failed["event"] == "it failed"
    assert "ValueError: two\nlines" in failed["exception"]


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_below_the_level_is_not_logged(capsys: Capture, level: str) -> None:
    setup_logging("json", level)
    for log in (Telemetry("node7").log, logging.getLogger("some.library")):
        for line_level in LEVELS:
            getattr(log, line_level)("a line")
    assert [line["level"] for line in logged(capsys)] == LEVELS[LEVELS.index(level) :] * 2


def test_nodes_in_one_process_count_for_themselves() -> None:
    one, two = Telemetry("one"), Telemetry("two")
    one.request_done("ping", "ok", 0.003)
    assert b'lumina_request_seconds_count{op="ping",outcome="ok"} 1.0' in one.metrics()
    assert b'outcome="ok"' not in two.metrics()


async def fail(ctx: Ctx, request: Request[Any]) -> Reply:
    raise RuntimeError("a fault of ours")


async def test_a_fault_gives_the_client_an_id_and_the_log_the_cause(
    settings: Settings, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_logging("json", "info")
    monkeypatch.setitem(HANDLERS, "ping", fail)
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        with pytest.raises(LuminaError) as refused:
            await client.call(Ping())
        metrics = node.telemetry.metrics()
    body = refused.value.body
    assert (body.code, body.temporary, body.field) == ("internal", True, None)
    told = re.fullmatch(
        r"The server failed; its log has the cause under ([0-9a-f]{8})\.", body.message
    )
    assert told, body.message
    (line,) = (line for line in logged(capsys) if line["event"] == "request failed")
    assert (line["error_id"], line["op"], line["node"]) == (told[1], "ping", "node1")
    assert line["level"] == "error"
    assert "Traceback" in line["exception"]
    assert "RuntimeError: a fault of ours" in line["exception"]
    assert b'lumina_request_seconds_count{op="ping",outcome="internal"} 1.0' in metrics


async def test_a_fault_does_not_end_the_connection(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        with monkeypatch.context() as broken:
            broken.setitem(HANDLERS, "ping", fail)
            for _ in range(3):
                with pytest.raises(LuminaError, match="internal"):
                    await client.call(Ping())
        await client.call(Ping())


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_secret_is_logged_when_requests_fail(
    settings: Settings, capsys: Capture, monkeypatch: pytest.MonkeyPatch, form: Form
) -> None:
    setup_logging(form, "debug")
    token = "a-token-that-nobody-may-read"
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        await register(node, "alice")
        requests: tuple[Request[Any], ...] = (
            Login(username="alice", password=PASSWORD),
            Register(username="bob", password=PASSWORD),
            Authenticate(token=token),
        )
        with pytest.raises(LuminaError, match="invalid_token"):
            await client.call(requests[2])
        for request in requests:
            monkeypatch.setitem(HANDLERS, request.op, fail)
            with pytest.raises(LuminaError, match="internal"):
                await client.call(request)
    shown = capsys.readouterr().err
    assert shown.count("RuntimeError: a fault of ours") == 3
    secrets = (PASSWORD, token, settings.secret.get_secret_value())
    assert [secret for secret in secrets if secret in shown] == []
