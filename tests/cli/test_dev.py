"""`lumina dev` and `lumina chat`, as somebody at a terminal meets them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from lumina_protocol.emails import SetEmail
from lumina_protocol.totp import BeginTotp, ConfirmTotp

from lumina_rt.client import Client
from lumina_rt.dev.state import DEMO_PASSWORD
from lumina_rt.second_factor import STEP_S, Secret
from tests.cli.command import COMMAND, complaint, environment, free_ports, lumina, open_folder
from tests.leaks import look

pytestmark = [pytest.mark.embedded_only, pytest.mark.timeout(60)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def ports() -> list[str]:
    """--port and --private-port with room for two nodes each, below the ephemeral ports."""
    first = 20_000 + os.getpid() % 2_500 * 4
    return ["--port", str(first), "--private-port", str(first + 2)]


@contextmanager
def dev(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Running and ready, stopped with Ctrl-C unless the block has ended it."""
    env = {**environment(), "HOME": str(folder)}
    process = subprocess.Popen(
        [*COMMAND, "dev", *args], cwd=folder, env=env, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said = read_until(process, "Ctrl-C here stops everything")
        assert process.poll() is None, said
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(20)
        assert process.stdout
        look(process.stdout.read())
        process.stdout.close()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    said = ""
    assert process.stdout
    for line in process.stdout:
        said += line
        look(line)
        if words in line:
            break
    return said


def chat(folder: Path, me: str, peer: str, text: str, *args: str) -> list[str]:
    """What is on the screen after these lines were typed, without the times."""
    done = lumina("chat", "--as", me, "--with", peer, *args, cwd=folder, text=text)
    assert done.returncode == 0, done.stderr
    return [line[6:].strip() for line in done.stdout.splitlines() if not line.startswith("--")]


def urls(folder: Path) -> list[str]:
    found: list[str] = json.loads((folder / ".lumina" / "dev.json").read_text())["urls"]
    return found


def test_two_people_chat_across_two_nodes_and_all_of_it_is_kept(
    folder: Path, ports: list[str]
) -> None:
    with dev(folder, "--nodes", "2", *ports) as process:
        one, two = urls(folder)
        assert chat(folder, "alice", "bob", "hello\n", "--url", one) == ["alice  hello"]
        seen = chat(folder, "bob", "alice", "hi alice\n\nbye\n", "--url", two)
        assert seen == ["alice  hello", "bob  hi alice", "bob  bye"]
        doctor = lumina("doctor", cwd=folder)
        assert doctor.returncode == 0, doctor.stdout
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read() if process.stdout else ""
        assert process.wait(20) == 0
        assert "stopped" in rest
        assert "Traceback" not in rest
    with dev(folder, *ports):
        seen = chat(folder, "alice", "bob", "")
        assert seen == ["alice  hello", "bob  hi alice", "bob  bye"]


def test_lines_of_a_pipe_that_begin_with_a_slash_are_obeyed(folder: Path, ports: list[str]) -> None:
    with dev(folder, *ports):
        typed = "hello\n/react 1 curious\n/edit 1 hello you\n"
        assert chat(folder, "alice", "bob", typed) == [
            "alice  hello",
            "alice  hello  [curious 1]",
            "alice  hello you (edited)  [curious 1]",
        ]
        seen = chat(folder, "bob", "alice", "/reply 1 hi\n", "--numbers")
        assert seen[1:] == ["> 1 alice: hello you", "2   bob  hi"]
        assert seen[0].startswith("1 alice  hello you")
        listed = lumina("chat", "--as", "alice", cwd=folder, text="1\n")
        assert listed.returncode == 0, listed.stderr
        assert "bob: hi" in listed.stdout.splitlines()[1]
        assert listed.stdout.splitlines()[-1].endswith("bob  hi")


def test_who_has_a_second_factor_is_asked_for_a_code(folder: Path, ports: list[str]) -> None:
    async def protect(url: str) -> list[str]:
        async with Client(url, username="alice", password=DEMO_PASSWORD) as alice:
            secret = Secret((await alice.call(BeginTotp(password=DEMO_PASSWORD))).secret)
            code = secret.code(int(time.time()) // STEP_S)
            return (await alice.call(ConfirmTotp(code=code))).recovery_codes

    with dev(folder, *ports):
        codes = asyncio.run(protect(urls(folder)[0]))
        assert chat(folder, "alice", "bob", f"{codes[0]}\nit is me\n") == ["alice  it is me"]
        again = lumina("chat", "--as", "alice", "--with", "bob", cwd=folder, text=f"{codes[0]}\n")
        assert "code" in complaint(again)


def test_what_is_mailed_is_shown_on_the_screen(folder: Path, ports: list[str]) -> None:
    async def ask(url: str) -> None:
        async with Client(url, username="alice", password=DEMO_PASSWORD) as alice:
            await alice.call(SetEmail(email="alice@example.com", password=DEMO_PASSWORD))

    with dev(folder, *ports) as process:
        asyncio.run(ask(urls(folder)[0]))
        said = read_until(process, "/verify-email#")
    assert "to alice@example.com" in said
    assert "From: Lumina <lumina@example.com>" in said
    assert "Subject: Confirm your e-mail address" in said
    assert f"http://127.0.0.1:{ports[1]}/verify-email#" in said


def test_after_kill_9_of_everything_the_history_is_there(folder: Path, ports: list[str]) -> None:
    with dev(folder, *ports) as process:
        assert chat(folder, "alice", "bob", "remember this\n") == ["alice  remember this"]
        everything = psutil.Process(process.pid).children(recursive=True)
        assert len(everything) >= 3
        for each in [psutil.Process(process.pid), *everything]:
            with suppress(psutil.NoSuchProcess):  # those whose parent is dead end by themselves
                each.kill()
        psutil.wait_procs(everything, timeout=10)
    with dev(folder, *ports):
        assert chat(folder, "bob", "alice", "") == ["alice  remember this"]


def test_an_engine_that_dies_is_said_and_everything_ends(folder: Path, ports: list[str]) -> None:
    with dev(folder, *ports) as process:
        children = psutil.Process(process.pid).children()
        (postgres,) = [child for child in children if "postgres" in child.name()]
        postgres.kill()
        rest = process.stdout.read() if process.stdout else ""
        assert process.wait(30) == 1
    assert "postgres ended with -9; its log is" in rest
    assert "Traceback" not in rest


def test_killing_the_supervisor_leaves_no_engine_behind(folder: Path, ports: list[str]) -> None:
    with dev(folder, *ports) as process:
        children = psutil.Process(process.pid).children()
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=15)
        assert alive == []


def test_a_second_one_in_the_same_folder_is_told_who_runs(folder: Path, ports: list[str]) -> None:
    with dev(folder, *ports) as process:
        second = lumina("dev", cwd=folder, within_s=50)
        assert second.returncode == 1
        assert f"in use by process {process.pid}" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_port_in_use_is_said_and_everything_is_stopped(folder: Path, ports: list[str]) -> None:
    with socket.create_server(("127.0.0.1", int(ports[1]))):
        done = lumina("dev", *ports, cwd=folder, within_s=50)
    assert done.returncode == 1
    assert "set LUMINA_PORT to a free port" in done.stderr
    assert "Traceback" not in done.stderr
    with dev(folder, *ports):  # nothing of the first try holds the folder
        pass


def test_an_engine_that_does_not_start_is_said_in_its_own_words(folder: Path) -> None:
    with dev(
        folder,
        *[
            f"--{kind}={port}"
            for kind, port in zip(("port", "private-port"), free_ports(2), strict=True)
        ],
    ):
        pass
    (folder / ".lumina" / "engines" / "pg" / "PG_VERSION").write_text("9.6\n")
    done = lumina("dev", cwd=folder, within_s=50)
    assert done.returncode == 1
    assert "postgres did not start" in done.stderr
    assert "postgres.log" in done.stderr
    assert "Traceback" not in done.stderr


def test_chat_without_a_server_says_how_to_start_one(folder: Path) -> None:
    url = f"ws://127.0.0.1:{free_ports(1)[0]}/v1/socket"
    env = environment(password="whatever-it-is")
    said = complaint(
        lumina("chat", "--as", "a1b", "--with", "bob", "--url", url, env=env, cwd=folder)
    )
    assert "make dev" in said
