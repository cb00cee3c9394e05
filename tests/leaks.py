"""Whatever nodes and programs log while the tests run is searched for secrets, where it passes."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from tests.house import PASSWORD

SECRET = "0f6b1c2d9e8a7f5b4c3d2e1f0a9b8c7d"
"""LUMINA_SECRET of nodes in tests."""
SEEN: list[str] = []
"""What was logged with a secret in it, since the test began."""
PLANTED = re.compile(
    rf"{PASSWORD}|{SECRET}|\bl(?:ref|bot)_[\w-]{{20,}}|\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]{{20,}}"
)
"""Constants of the tests, and whatever is a token by its form."""


def look(text: str) -> None:
    """At something that was logged."""
    if PLANTED.search(text):
        SEEN.append(text)


def look_at_event(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor of structlog, for as long as nobody has set it up."""
    look(repr(dict(event)))
    if event.get("exc_info"):
        look(traceback.format_exc())
    return event


class _Watched(logging.LogRecord):
    """Made for whatever is logged by way of the standard library, before any handler has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        look(self.getMessage())
        error = self.exc_info[1] if self.exc_info else None
        if error is None and isinstance(self.msg, dict) and self.msg.get("exc_info"):
            error = sys.exc_info()[1]
        if error is not None:
            look("".join(traceback.format_exception(error)))


@contextmanager
def watching() -> Iterator[None]:
    """Raises AssertionError when something was logged meanwhile that must not be."""
    SEEN.clear()
    logging.setLogRecordFactory(_Watched)
    processors = structlog.get_config()["processors"]
    if look_at_event not in processors:
        processors.insert(0, look_at_event)
    yield
    assert SEEN == [], f"a secret was logged: {SEEN[0]}"
