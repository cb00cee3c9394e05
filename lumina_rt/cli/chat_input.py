"""What is typed into `lumina chat`, or comes through a pipe."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.patch_stdout import patch_stdout

TYPING_EVERY_S = 3.0
REDRAW_EVERY_S = 1.0
"""So that who has stopped typing disappears from the toolbar."""


class Keyboard:
    """Lines, and around the prompt what a terminal shows besides."""

    def __init__(self) -> None:
        self.terminal = sys.stdin.isatty()
        self.toolbar: Callable[[], str] = lambda: ""
        self.typed: Callable[[str], None] = lambda text: None
        """Told of the unfinished line whenever it changes."""
        self._session: PromptSession[str] | None = None

    def redraw(self) -> None:
        if self._session:
            self._session.app.invalidate()

    async def lines(self) -> AsyncGenerator[str, None]:
        """One after another, without empty ones, until Ctrl-D or the end of the pipe."""
        if not self.terminal:
            while raw := await asyncio.to_thread(sys.stdin.readline):
                if line := raw.strip():
                    yield line
            return
        session: PromptSession[str] = PromptSession(
            "> ",
            erase_when_done=True,
            bottom_toolbar=lambda: self.toolbar() or None,
            refresh_interval=REDRAW_EVERY_S,
        )
        self._session = session
        session.default_buffer.on_text_changed += self._changed
        with patch_stdout(raw=True), suppress(EOFError, KeyboardInterrupt):
            while True:
                if line := (await session.prompt_async()).strip():
                    yield line

    def _changed(self, buffer: Buffer) -> None:
        self.typed(buffer.text)


class OwnTyping:
    """When the others are to be told that somebody writes here, and that they have stopped."""

    def __init__(
        self, tell: Callable[[bool], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._told_at: float | None = None

    def typed(self, text: str) -> None:
        if text.strip() and (not text.startswith("/") or text.startswith(("//", "/reply "))):
            now = self._clock()
            if self._told_at is None or now - self._told_at >= TYPING_EVERY_S:
                self._told_at = now
                self._tell(True)
        elif self._told_at is not None:
            self._told_at = None
            self._tell(False)

    def entered(self) -> None:
        """The line is sent: the message itself says that its writing is over."""
        self._told_at = None
