from __future__ import annotations

import asyncio
import multiprocessing
import os

from loadtest.drive.worker import listen


async def test_what_is_larger_than_a_pipe_holds_comes_whole() -> None:
    ours, theirs = multiprocessing.Pipe()
    come: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    with ours, theirs:
        listen(ours, lambda: come.set_result(ours.recv()))
        assert os.get_blocking(ours.fileno()), "it waits for the next piece"
        await asyncio.to_thread(theirs.send, b"x" * 10_000_000)
        assert len(await asyncio.wait_for(come, 10)) == 10_000_000
        asyncio.get_running_loop().remove_reader(ours.fileno())
