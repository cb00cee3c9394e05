"""`lumina dev`: engines, schema, nodes and demo accounts, with one command."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from textwrap import indent

import click
from lumina_protocol.accounts import Login, Register, Tokens
from lumina_protocol.errors import InvalidToken, LuminaError, SessionEnded, UsernameTaken
from rich.console import Console
from rich.markup import escape

from lumina_rt import __version__
from lumina_rt.client import Client, StoredLogin
from lumina_rt.dev import catcher, engines, state
from lumina_rt.dev.catcher import Caught
from lumina_rt.dev.engines import Engines
from lumina_rt.dev.nodes import NodeError, NodeProcess
from lumina_rt.dev.state import DevState
from lumina_rt.store import migrate

HOST = "127.0.0.1"
MAX_NODES = 8
TOO_SOON_S = 3


@click.command("dev", short_help="Start everything here, for development.")
@click.option("--nodes", "count", type=click.IntRange(1, MAX_NODES), default=1, show_default=True,
              envvar="NODES", help="How many nodes share the engines.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65000), default=8080, show_default=True,
              envvar="LUMINA_PORT", help="Of the first node; the others follow.")  # fmt: skip
@click.option("--private-port", type=click.IntRange(1, 65000), default=9090, show_default=True,
              envvar="LUMINA_PRIVATE_PORT", help="Health and metrics, likewise.")  # fmt: skip
def command(count: int, port: int, private_port: int) -> None:
    """Start embedded Postgres and Valkey below .lumina, bring the schema up to date, start nodes
    and make two demo accounts. Ctrl-C stops everything; the data stays.

    \b
    Examples:
      lumina dev
      lumina dev --nodes 2
      LUMINA_DATABASE_URL=postgresql://... lumina dev     with an engine of your own
    """
    for end in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's `&` has it ignored
        signal.signal(end, signal.default_int_handler)
    screen = Screen(Console(highlight=False))
    screen.title(f"Lumina RT {__version__}, for development")
    running: list[NodeProcess] = []
    with ExitStack() as stack:
        try:
            ports = [(port + i, private_port + i) for i in range(count)]
            own = _start(screen, stack, running, ports)
            _watch(screen, running, own)
        except KeyboardInterrupt:
            for again in (signal.SIGINT, signal.SIGTERM):  # one is enough
                signal.signal(again, signal.SIG_IGN)
            screen.line("stopping", "nodes first, then the engines; what was said is kept")
        finally:
            for node in running:
                node.process.terminate()
    screen.line("stopped", f"`make dev` starts again with everything in {state.HOME}")


def _start(
    screen: Screen, stack: ExitStack, running: list[NodeProcess], ports: list[tuple[int, int]]
) -> Engines | None:
    """Everything, from the engines up; the stack stops it. Returns the engines that are ours."""
    kept = state.load() or DevState()
    own = _start_engines(screen, stack, kept)
    kept.environment |= _catch_mails(screen, stack, ports[0][0])
    _migrate(screen, {**kept.environment, **kept.owner_environment}["LUMINA_DATABASE_URL"])
    _start_nodes(screen, stack, kept, running, ports)
    kept.urls = [node.url for node in running]
    _make_accounts(screen, kept)
    state.save(kept)
    screen.next_steps(kept)
    return own


def _watch(screen: Screen, running: list[NodeProcess], own: Engines | None) -> None:
    """A node that ends is started again. Raises NodeError when one ends right after its start,
    and EngineError when an engine ends."""
    while True:
        if own:
            own.check()
        for number, node in enumerate(running, 1):
            if (code := node.process.poll()) is None:
                continue
            if time.monotonic() - node.started_at < TOO_SOON_S:
                raise NodeError(f"the node at {node.url} ended with {code}, see above")
            with screen.step(f"node {number}", f"ended with {code}; starting it again") as result:
                node.start()
                node.wait_until_ready()
                result.append(f"ended with {code}, and is back at {node.url}")
        time.sleep(0.2)


class Screen:
    """A line for each step: what is being done, then what came of it and how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def title(self, text: str) -> None:
        self.console.print(f"[bold]{text}[/]\n")

    def line(self, what: str, text: str) -> None:
        self.console.print(f"  [bold cyan]{what:<11}[/]{text}", soft_wrap=True)

    @contextmanager
    def step(self, what: str, doing: str) -> Iterator[list[str]]:
        """The block puts its result into the list it gets."""
        result: list[str] = []
        began = time.monotonic()
        with self.console.status(f"{what}: {doing}"):
            if not self.console.is_terminal:
                self.line(what, f"{doing} ...")
            yield result
        self.line(what, f"{result[-1]}  [dim]{time.monotonic() - began:.1f} s[/]")

    def mail(self, mail: Caught) -> None:
        """As it is: its text is not to be read as markup."""
        message = mail.message
        self.line("mail", f"to {escape(', '.join(mail.recipients))}")
        for line in (f"From: {message['From']}", f"Subject: {message['Subject']}", "", mail.text):
            self.console.print(indent(line, " " * 13), markup=False, soft_wrap=True)

    def next_steps(self, kept: DevState) -> None:
        for name, password in kept.accounts.items():
            self.line("account", f"{name}, password {password}")
        url = "" if len(kept.urls) == 1 else f" --url {kept.urls[1]}"
        self.console.print(
            "\nNow open two more terminals and type\n"
            "  [bold].venv/bin/lumina chat --as alice --with bob[/]\n"
            f"  [bold].venv/bin/lumina chat --as bob --with alice{url}[/]\n"
            "Ctrl-C here stops everything and keeps the data. Warnings of the nodes follow.\n",
            soft_wrap=True,
        )


def _start_engines(screen: Screen, stack: ExitStack, kept: DevState) -> Engines | None:
    """An engine whose URL is given is used as it is; otherwise both are started here."""
    started = None
    given = {name: os.environ.get(name, "") for name in ("LUMINA_DATABASE_URL", "LUMINA_REDIS_URL")}
    kept.owner_environment = {}
    if not all(given.values()):
        with screen.step("engines", "starting Postgres and Valkey") as result:
            started = engines.start(state.HOME, say=lambda line: screen.line("engines", line))
            stack.callback(started.stop)
            if not given["LUMINA_DATABASE_URL"]:
                given["LUMINA_DATABASE_URL"] = started.database_url(user=engines.WRITER)
                kept.owner_environment = {"LUMINA_DATABASE_URL": started.database_url()}
            given["LUMINA_REDIS_URL"] = given["LUMINA_REDIS_URL"] or started.redis_url
            result.append(
                f"Postgres and {started.binaries.redis.name}, data in {started.home.data}"
            )
    kept.environment = {
        **given,
        "LUMINA_SECRET": kept.secret,
        "LUMINA_ENVIRONMENT": "development",
        "LUMINA_BLOB_DIR": str((state.HOME / "blobs").resolve()),
        "LUMINA_DRAIN_WAIT_S": "0",
        "LUMINA_DRAIN_SPREAD_S": "0",
        "LUMINA_LOG_FORMAT": "console",
        "LUMINA_LOG_LEVEL": os.environ.get("LUMINA_LOG_LEVEL", "warning"),
    }
    return started


def _catch_mails(screen: Screen, stack: ExitStack, port: int) -> dict[str, str]:
    """The settings with which nodes send here; none, when a mail server is given."""
    if os.environ.get("LUMINA_SMTP_URL"):
        return {}
    at = stack.enter_context(catcher.in_thread(screen.mail))
    screen.line("mail", f"caught at {HOST}:{at}, and shown here")
    return {
        "LUMINA_SMTP_URL": f"smtp://{HOST}:{at}",
        "LUMINA_MAIL_FROM": "Lumina <lumina@example.com>",
        "LUMINA_PUBLIC_URL": f"http://{HOST}:{port}",
    }


def _migrate(screen: Screen, database_url: str) -> None:
    with screen.step("schema", "applying migrations") as result:
        status = asyncio.run(
            migrate.migrate(database_url, tell=lambda line: screen.line("schema", line))
        )
        result.append(f"at {status.level}")


def _start_nodes(
    screen: Screen,
    stack: ExitStack,
    kept: DevState,
    running: list[NodeProcess],
    ports: list[tuple[int, int]],
) -> None:
    for number, (port, private_port) in enumerate(ports, 1):
        environment = {**kept.environment, "LUMINA_NODE": f"node{number}"}
        node = NodeProcess(HOST, port, private_port, environment)
        stack.callback(node.stop)
        running.append(node)
    for number, node in enumerate(running, 1):
        with screen.step(f"node {number}", "starting") as result:
            node.wait_until_ready()
            result.append(f"{node.url}   health {node.health}")


def _make_accounts(screen: Screen, kept: DevState) -> None:
    with screen.step("accounts", "making the demo accounts") as result:
        asyncio.run(_register(kept))
        result.append(" and ".join(kept.accounts))


async def _register(kept: DevState) -> None:
    """Through the front door. A login that still lasts shows that the account is there."""
    for username, password in kept.accounts.items():
        try:
            remember = partial(_remember, kept, username)
            login = StoredLogin(kept.refresh_tokens.get(username, "none"))
            async with Client(kept.urls[0], login=login, keep=remember):
                continue
        except LuminaError as error:
            if error.body.code not in (InvalidToken.code, SessionEnded.code):
                raise
        async with Client(kept.urls[0]) as client:
            tokens = await _log_in(client, username, password)
            _remember(kept, username, StoredLogin(tokens.refresh_token))


def _remember(kept: DevState, username: str, login: StoredLogin) -> None:
    kept.refresh_tokens[username] = login.refresh_token


async def _log_in(client: Client, username: str, password: str) -> Tokens:
    try:
        return await client.call(Register(username=username, password=password))
    except LuminaError as error:
        if error.body.code != UsernameTaken.code:
            raise
    return await client.call(Login(username=username, password=password))
