"""Media in a bucket of S3, or of what speaks its protocol. Uploads go there, in parts."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as NotReached
from botocore.exceptions import BotoCoreError, ClientError

from lumina_rt.blobs.store import CHUNK, Received, Shown, Stat, away_when, checked
from lumina_rt.config import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef, GetObjectOutputTypeDef

PART = 8 * 1024 * 1024
"""Bytes; what is larger we put in parts, so that only one is in memory."""
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
NO_UPLOAD = "NoSuchUpload"
CONFIG = AioConfig(
    signature_version="s3v4",
    connect_timeout=5,
    read_timeout=30,
    retries={"max_attempts": 1},
    max_pool_connections=50,
    # The checksums that AWS has added since 2024 are not known to every other store.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
PATHS = CONFIG.merge(AioConfig(s3={"addressing_style": "path"}))


@asynccontextmanager
async def open_bucket(settings: Settings) -> AsyncIterator[S3Blobs]:
    """Its connections end with the block. Nothing is asked of it yet."""
    key, secret = settings.blobs_s3_access_key, settings.blobs_s3_secret_key
    assert settings.blobs_s3_bucket
    async with get_session().create_client(
        "s3",
        region_name=settings.blobs_s3_region,
        endpoint_url=settings.blobs_s3_endpoint,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=PATHS if settings.blobs_s3_endpoint else CONFIG,
    ) as client:
        yield S3Blobs(client, settings.blobs_s3_bucket)


@dataclass(frozen=True, slots=True)
class S3Blobs:
    """As blobs/store.py says."""

    client: S3Client
    bucket: str
    in_parts: bool = True

    @property
    def where(self) -> str:
        return f"bucket {self.bucket} at {self.client.meta.endpoint_url}"

    async def examine(self) -> None:
        probe = f"probes/{secrets.token_hex(8)}"
        with _reached():
            await self.client.put_object(Bucket=self.bucket, Key=probe, Body=b"lumina")
            await self.client.delete_object(Bucket=self.bucket, Key=probe)

    async def put(self, key: str, source: Path, content_type: str) -> None:
        key = checked(key)
        with _reached(), source.open("rb") as file:
            if (data := await _piece(file)) and len(data) == PART:
                await self._put_parts(key, content_type, data, file)
                return
            await self.client.put_object(
                Bucket=self.bucket, Key=key, Body=data, ContentType=content_type
            )

    async def _put_parts(self, key: str, content_type: str, data: bytes, file: BinaryIO) -> None:
        upload_id = await self._begin(key, content_type)
        done: list[CompletedPartTypeDef] = []
        try:
            while data:
                made = await self.client.upload_part(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=len(done) + 1,
                    Body=data,
                )
                done.append({"PartNumber": len(done) + 1, "ETag": made["ETag"]})
                data = await _piece(file)
            await self._complete(key, upload_id, done)
        except BaseException:
            await asyncio.shield(self._abort(key, upload_id))
            raise

    async def _begin(self, key: str, content_type: str) -> str:
        begun = await self.client.create_multipart_upload(
            Bucket=self.bucket, Key=key, ContentType=content_type
        )
        return begun["UploadId"]

    async def _complete(self, key: str, upload_id: str, done: list[CompletedPartTypeDef]) -> None:
        await self.client.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done}
        )

    async def fetch(self, key: str, target: Path) -> None:
        with target.open("wb") as file:
            async for data in self.read(key):
                await asyncio.to_thread(file.write, data)

    async def stat(self, key: str) -> Stat | None:
        try:
            with _reached():
                head = await self.client.head_object(Bucket=self.bucket, Key=checked(key))
        except FileNotFoundError:
            return None
        return Stat(key, head["ContentLength"], head["LastModified"].timestamp())

    async def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        wanted = f"bytes={first}-{'' if last is None else last}"
        name = self.bucket, checked(key)
        with _reached():
            found = await self._get(*name, wanted if first or last is not None else None)
            async with found["Body"] as body:
                while data := await body.read(CHUNK):
                    yield data

    async def _get(self, bucket: str, key: str, wanted: str | None) -> GetObjectOutputTypeDef:
        if wanted is None:  # an empty file has no range
            return await self.client.get_object(Bucket=bucket, Key=key)
        return await self.client.get_object(Bucket=bucket, Key=key, Range=wanted)

    async def sha256(self, key: str) -> bytes:
        digest = hashlib.sha256()
        async for data in self.read(key):
            await asyncio.to_thread(digest.update, data)
        return digest.digest()

    async def delete(self, key: str) -> None:
        """Uploads of that key as well, whoever has begun them and not kept their id."""
        with _reached():
            found = await self.client.list_multipart_uploads(
                Bucket=self.bucket, Prefix=checked(key)
            )
            for upload in found.get("Uploads", []):
                if upload["Key"] == key:
                    await self._abort(key, upload["UploadId"])
            await self.client.delete_object(Bucket=self.bucket, Key=key)

    async def _abort(self, key: str, upload_id: str) -> None:
        with _unless(NO_UPLOAD):
            await self.client.abort_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id
            )

    async def delete_all(self, prefix: str) -> None:
        async for found in self.walk(prefix):
            with _reached():
                await self.client.delete_object(Bucket=self.bucket, Key=found.key)

    async def walk(self, prefix: str) -> AsyncIterator[Stat]:
        checked(prefix.rstrip("/"))
        pages = self.client.get_paginator("list_objects_v2")
        with _reached():
            async for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for found in page.get("Contents", []):
                    yield Stat(found["Key"], found["Size"], found["LastModified"].timestamp())

    async def unfinished(self, prefix: str) -> AsyncIterator[Stat]:
        checked(prefix.rstrip("/"))
        pages = self.client.get_paginator("list_multipart_uploads")
        with _reached():
            async for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for found in page.get("Uploads", []):
                    yield Stat(found["Key"], 0, found["Initiated"].timestamp())

    async def begin(self, key: str, content_type: str) -> str | None:
        with _reached():
            return await self._begin(checked(key), content_type)

    async def received(self, key: str, upload_id: str | None) -> Received:
        """Of a finished one, the whole file."""
        parts = {number: size for number, size, _ in await self._parts(key, upload_id)}
        if not parts and (found := await self.stat(key)):
            return Received(found.size)
        return Received(sum(parts.values()), parts)

    async def _parts(self, key: str, upload_id: str | None) -> list[tuple[int, int, str]]:
        """Number, bytes and ETag of each; none when there is no such upload any more."""
        pages = self.client.get_paginator("list_parts")
        parts: list[tuple[int, int, str]] = []
        with _reached(), _unless(NO_UPLOAD):
            async for page in pages.paginate(
                Bucket=self.bucket, Key=checked(key), UploadId=upload_id or ""
            ):
                parts += [(p["PartNumber"], p["Size"], p["ETag"]) for p in page.get("Parts", [])]
        return parts

    async def part_urls(
        self, key: str, upload_id: str | None, parts: Mapping[int, int], ttl_s: int
    ) -> list[str]:
        """Their length is signed too: more or less is refused by the store."""
        name = {"Bucket": self.bucket, "Key": checked(key), "UploadId": upload_id}
        given = [{**name, "PartNumber": n, "ContentLength": size} for n, size in parts.items()]
        with _reached():
            return [await self._signed("upload_part", each, ttl_s) for each in given]

    async def _signed(
        self, method: Literal["upload_part", "get_object"], given: dict[str, Any], ttl_s: int
    ) -> str:
        return await self.client.generate_presigned_url(method, Params=given, ExpiresIn=ttl_s)

    async def finish(self, key: str, upload_id: str | None) -> None:
        parts = await self._parts(key, upload_id)
        if not parts:
            return
        done: list[CompletedPartTypeDef] = [{"PartNumber": n, "ETag": tag} for n, _, tag in parts]
        with _reached(), _unless(NO_UPLOAD):
            await self._complete(checked(key), upload_id or "", done)

    async def url(self, key: str, shown: Shown, ttl_s: int) -> str | None:
        given = {
            "Bucket": self.bucket,
            "Key": checked(key),
            "ResponseContentType": shown.content_type,
            "ResponseContentDisposition": shown.disposition,
        }
        with _reached():
            return await self._signed("get_object", given, ttl_s)


async def _piece(file: BinaryIO) -> bytes:
    return await asyncio.to_thread(file.read, PART)


@contextmanager
def _reached() -> Iterator[None]:
    """Raises FileNotFoundError, Unavailable."""
    with away_when(BotoCoreError, ClientError, NotReached, OSError, TimeoutError):
        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in MISSING:
                raise FileNotFoundError(os.strerror(2)) from error
            raise


@contextmanager
def _unless(code: str) -> Iterator[None]:
    """What says this is no failure."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != code:
            raise
