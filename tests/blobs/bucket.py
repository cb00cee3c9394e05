"""A bucket: of moto, served by this process, which is fast but checks no signatures; or, by
LUMINA_TEST_S3 (`ENDPOINT KEY SECRET`), of a real S3, see `make test-s3`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from aiobotocore.session import get_session
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from types_aiobotocore_s3 import S3Client

REAL = os.environ.get("LUMINA_TEST_S3")


@dataclass
class Bucket:
    server: ThreadedMotoServer | None
    client: S3Client
    name: str
    endpoint: str
    key: str
    secret: str

    @property
    def settings(self) -> dict[str, object]:
        """Of a node that keeps its uploads there."""
        return {
            "blobs_s3_bucket": self.name,
            "blobs_s3_endpoint": self.endpoint,
            "blobs_s3_access_key": SecretStr(self.key),
            "blobs_s3_secret_key": SecretStr(self.secret),
        }

    def stop(self) -> None:
        """Be away. A real one is left alone, and so the test ends."""
        if self.server is None:
            pytest.skip("stops the store")
        self.server.stop()

    def start(self) -> None:
        """Again, at the same address and with what was in it."""
        port = int(self.endpoint.rpartition(":")[2])
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self.server.start()

    async def keys(self) -> set[str]:
        found = await self.client.list_objects_v2(Bucket=self.name)
        return {each["Key"] for each in found.get("Contents", [])}

    async def under_way(self) -> int:
        found = await self.client.list_multipart_uploads(Bucket=self.name)
        return len(found.get("Uploads", []))


@asynccontextmanager
async def s3() -> AsyncIterator[Bucket]:
    """A bucket that is empty."""
    with _served() as (server, where):
        endpoint, key, secret = where.split()
        async with get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        ) as client:
            bucket = Bucket(server, client, f"media-{uuid4().hex[:8]}", endpoint, key, secret)
            await client.create_bucket(Bucket=bucket.name)
            try:
                yield bucket
            finally:
                if bucket.server is not server and bucket.server:
                    bucket.server.stop()


@contextmanager
def _served() -> Iterator[tuple[ThreadedMotoServer | None, str]]:
    if REAL:
        yield None, REAL
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield server, f"http://{host}:{port} key secret"
    finally:
        server.stop()
