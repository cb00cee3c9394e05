"""That secrets in logs would be seen: each way of logging, with one in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

import pytest

from lumina_rt.telemetry import Telemetry, setup_logging
from lumina_rt.tokens import AccessTokens, RefreshTokens, new_bot_token
from tests.cli.command import environment, lumina
from tests.house import PASSWORD
from tests.leaks import SECRET, SEEN, watching
from tests.test_telemetry import Form, _restore_logging

__all__ = ["_restore_logging"]

ID = UUID(int=7)
SECRETS = [
    PASSWORD,
    SECRET,
    new_bot_token(),
    RefreshTokens([SECRET]).first(ID),
    AccessTokens([SECRET], 60).issue(ID, ID)[0],
]


def in_a_value(secret: str) -> None:
    Telemetry("node").log.info("said", what=f"<{secret}>")


def in_an_exception(secret: str) -> None:
    try:
        raise ValueError(f"not {secret}")
    except ValueError:
        Telemetry("node").request_failed("ping", "1")


def in_a_library(secret: str) -> None:
    logging.getLogger("library").warning("%s is wrong", secret)


def in_an_exception_of_a_library(secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("library").exception("wrong")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", ["json", "console", None])
@pytest.mark.parametrize(
    "leak", [in_a_value, in_an_exception, in_a_library, in_an_exception_of_a_library]
)
def test_a_secret_is_seen_however_it_is_logged(
    leak: Callable[[str], None], form: Form | None, secret: str
) -> None:
    if form:
        setup_logging(form, "info")
    with pytest.raises(AssertionError, match="a secret was logged"), watching():
        leak(secret)
    SEEN.clear()
    with watching():
        leak("lref_ and lbot_ of nobody")


def test_a_secret_that_a_program_writes_is_seen() -> None:
    with pytest.raises(AssertionError, match="a secret was logged"), watching():
        lumina("serve", "--", SECRET, env=environment())
    SEEN.clear()
