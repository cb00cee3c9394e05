"""Ctrl-C and SIGTERM end a measurement in good order, so that nothing stays behind."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

SIGNALS = signal.SIGINT, signal.SIGTERM
T = TypeVar("T")


def unwind_on_signals() -> None:
    """From here on both raise KeyboardInterrupt."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it in uvloop. A signal cancels it and raises KeyboardInterrupt once it has ended: raised
    in the middle of a callback it would be taken for a failure of a connection."""

    async def cancelled_by_signals() -> T:
        task = asyncio.current_task()
        assert task
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await main

    try:
        return uvloop.run(cancelled_by_signals())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        unwind_on_signals()  # the loop has put its own handlers there, and taken them away
