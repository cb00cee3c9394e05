"""Uploads: a picture, sent in two pieces, verified, and processed."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
from functools import cache
from uuid import UUID

import aiohttp
from lumina_protocol.fields import uuid7
from PIL import Image

from loadtest.drive import ledger
from loadtest.drive.backstage import Backstage
from loadtest.drive.line import Lost
from loadtest.drive.run import Run
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import Body, User

READY, UPLOADED = "ready ", "uploaded "
"""Before the id of a picture, in the books."""
PROCESSED_S = 120
"""So long may what is uploaded wait to be processed, at the end of a run."""
LOOK_S = 0.2
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


class Uploads(Scenario):
    """A picture is announced, sent in two pieces by tus 1.0, with a look in between at how far it
    has come, and completed: the server has its bytes and their hash is right. It is processed
    after that. In the end each must have become ready, once."""

    name = "uploads"
    unit = "upload"
    users = 20
    rate = 2
    options = {"pixels": Option(640, "Of each side of a picture.", least=16, most=8000)}

    async def act(self, user: User, at: float) -> None:
        data, media_id = self.picture(), uuid7()
        user.memory[media_id.hex] = at
        asked = {"media_id": media_id, "kind": "image", "bytes": len(data),
                 "sha256": hashlib.sha256(data).hexdigest(),
                 "content_type": "image/jpeg"}  # fmt: skip
        upload = (await user.ask("upload.create", asked))["upload"]
        try:
            await _send(user, user.host + upload["url"], data)
        except aiohttp.ClientError as error:
            raise Lost(f"by tus: {error}") from error
        await user.ask("upload.complete", {"media_id": media_id})
        user.note(UPLOADED + media_id.hex, 1)

    def picture(self) -> bytes:
        return noise(self.chosen["pixels"])

    def took(self, user: User, kind: str, body: Body) -> None:
        if kind == "media.ready":
            media_id = UUID(bytes=body["media"]["media_id"]).hex
            if media_id not in user.memory:
                user.fault("a picture has become ready twice")
                return
            user.took("to ready", user.memory.pop(media_id))
            user.note(READY + media_id, 1)
        elif kind == "media.failed":
            user.fault(f"a picture was not taken: {body['code']}")
            user.note(READY + UUID(bytes=body["media_id"]).hex, 0)

    async def check(self, stage: Backstage, run: Run) -> list[str]:
        waiting = 0
        for _ in range(int(PROCESSED_S / LOOK_S)):
            notes = [what for _, what in ledger.merged(await run.crew.ask("books")).notes]
            done = {what.removeprefix(READY) for what in notes if what.startswith(READY)}
            sent = {what.removeprefix(UPLOADED) for what in notes if what.startswith(UPLOADED)}
            if not (waiting := len(sent - done)):
                return []
            await asyncio.sleep(LOOK_S)
        return [f"{waiting} uploads have not become ready within {PROCESSED_S} s"]


async def _send(user: User, url: str, data: bytes) -> None:
    """On a connection of its own, as an app does. Raises aiohttp.ClientError."""
    half = len(data) // 2
    async with aiohttp.ClientSession(headers=TUS, raise_for_status=True) as http:
        async with http.patch(url, data=data[:half], headers={"Upload-Offset": "0"}):
            pass
        async with http.head(url) as answer:
            come = int(answer.headers["Upload-Offset"])
        if come != half:
            user.fault(f"of {half} bytes that were sent {come} have come")
        async with http.patch(url, data=data[come:], headers={"Upload-Offset": str(come)}):
            pass


@cache
def noise(pixels: int) -> bytes:
    """Noise, which does not shrink: of 640 pixels about 200 KB, the same for all."""
    file = io.BytesIO()
    colours = random.Random(pixels).randbytes(3 * pixels * pixels)
    Image.frombytes("RGB", (pixels, pixels), colours).save(file, "JPEG", quality=60)
    return file.getvalue()
