"""doctor, token, migrate and the helps: what an operator types."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lumina_protocol.accounts import Register

from lumina_rt.cli import COMMANDS
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.cli.command import complaint, environment, lumina
from tests.house import PASSWORD, nodes

SECRET = "5b1f0c6e9d2a4f7c8e3b6a1d0f9c2e7b"


def env(settings: Settings, **changes: str) -> dict[str, str]:
    values = {
        "database_url": settings.database_url,
        "redis_url": settings.redis_url,
        "secret": SECRET,
        "environment": "development",
        "blob_dir": str(settings.blob_dir),
    }
    return environment(**{**values, **changes})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str) -> None:
    shown = lumina(command, "--help")
    assert shown.returncode == 0
    assert "Example" in shown.stdout


def test_doctor_shows_engines_and_schema(settings: Settings) -> None:
    shown = lumina("doctor", env=env(settings))
    assert shown.returncode == 0, shown.stdout
    for expected in ("PostgreSQL", "embedded", "0052_reacting_together.sql", "noeviction"):
        assert expected in shown.stdout


def test_doctor_says_what_is_not_set_up(settings: Settings, tmp_path: Path) -> None:
    shown = lumina("doctor", env={**env(settings), "PATH": "/nowhere"})
    without = " ".join(shown.stdout.split())
    assert shown.returncode == 0
    assert "mail not set up set LUMINA_SMTP_URL" in without
    assert "media no ffmpeg on the PATH install ffmpeg" in without
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).touch(mode=0o700)
    given = env(
        settings,
        smtp_url="smtp://me:hunter2@mail.example",
        mail_from="no-reply@example.com",
        public_url="https://chat.example",
    )
    shown = lumina("doctor", env={**given, "PATH": str(tmp_path)})
    assert shown.returncode == 0
    assert "mail.example:587, from no-reply@example.com" in " ".join(shown.stdout.split())
    assert "media ffmpeg, 1 at once" in " ".join(shown.stdout.split())
    assert "hunter2" not in shown.stdout


def test_doctor_tells_everything_that_is_wrong_at_once(
    settings: Settings, empty_database_url: str
) -> None:
    wrong = env(settings, database_url=empty_database_url, redis_url="redis://127.0.0.1:9")
    shown = lumina("doctor", env=wrong)
    said = " ".join(shown.stdout.split())
    assert shown.returncode == 1
    assert "run: lumina migrate" in said
    assert "see LUMINA_REDIS_URL" in said
    assert "Traceback" not in shown.stdout + shown.stderr


def test_doctor_without_settings_says_which_are_missing() -> None:
    shown = lumina("doctor")
    assert shown.returncode == 1
    assert "openssl rand -hex 32" in " ".join(shown.stdout.split())


async def test_a_token_from_the_command_line_lets_a_client_in(settings: Settings) -> None:
    own = settings.model_copy(update={"secret": type(settings.secret)(SECRET)})
    async with nodes(own, 1) as (node,):
        async with Client(node.url) as stranger:
            await stranger.call(Register(username="alice", password=PASSWORD))
        printed = await in_thread("token", "Alice", "--hours", "1", settings=settings)
        async with Client(node.url, token=printed.strip()) as alice:
            assert alice.ready is not None
            assert alice.ready.username == "alice"


async def in_thread(*args: str, settings: Settings) -> str:
    done = await asyncio.to_thread(lumina, *args, env=env(settings))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_token_for_nobody_is_refused(settings: Settings) -> None:
    assert "no active user 'nobody'" in complaint(lumina("token", "nobody", env=env(settings)))


async def test_staff_are_made_and_unmade_by_the_operator(settings: Settings) -> None:
    own = settings.model_copy(update={"secret": type(settings.secret)(SECRET)})
    async with nodes(own, 1) as (node,):
        async with Client(node.url) as stranger:
            await stranger.call(Register(username="alice", password=PASSWORD))
        for role, told in (("admin", "alice is admin now"), ("none", "alice is no staff now")):
            said = await in_thread("staff", "Alice", "--role", role, settings=settings)
            assert said.strip() == told
            async with Client(node.url, username="alice", password=PASSWORD) as alice:
                assert alice.ready
                assert alice.ready.role == (None if role == "none" else role)


def test_a_role_for_nobody_or_of_another_name_is_refused(settings: Settings) -> None:
    nobody = lumina("staff", "nobody", "--role", "admin", env=env(settings))
    assert "no active user 'nobody'" in complaint(nobody)
    assert lumina("staff", "alice", "--role", "king", env=env(settings)).returncode == 2
