"""Messages on their way into the store: whoever sends one, at once or later, sends it like this."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

import orjson
from lumina_protocol.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    LuminaError,
    NotFound,
    SlowMode,
)
from lumina_protocol.messages import (
    MEDIA_KINDS,
    Message,
    MessageCreated,
    MessageSent,
    SendMessage,
    ToSend,
)
from lumina_protocol.scheduled import ScheduledMessage

from lumina_rt import access
from lumina_rt.store.group_commit import grouped
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

SEND = query("messages.send")

PLAIN = {"conversation_id", "message_id", "content", "send_at"}
"""The fields of a message that is nothing but text, now or later."""
Extra = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sending:
    """A message on its way to be committed."""

    sender_id: UUID
    request: SendMessage
    extra: Extra | None
    """What it has beyond its text."""
    digest: bytes

    @classmethod
    def of(cls, sender_id: UUID, request: SendMessage, hash_key: bytes) -> Self:
        extra = beyond_text(request)
        digest = content_digest(hash_key, request.content, extra)
        return cls(sender_id, request, extra, digest)

    def conversation_id(self) -> UUID:
        return self.request.conversation_id


@grouped(key=Sending.conversation_id)
async def commit(tx: Tx, items: Sequence[Sending]) -> list[MessageSent | LuminaError]:
    extras = [as_kept(item.extra) for item in items]
    rows = await tx.all(
        SEND,
        conversation_ids=[item.request.conversation_id for item in items],
        message_ids=[item.request.message_id for item in items],
        sender_ids=[item.sender_id for item in items],
        contents=[item.request.content for item in items],
        digests=[item.digest for item in items],
        extras=extras if any(extras) else None,
        node_id=tx.node_id,
    )
    count = len(items)
    made = {row["ord"]: Message.model_validate(row["state"]) for row in rows[count:]}
    members: dict[UUID, list[UUID]] = {}
    return [
        _result(tx, item, row, members, made.get(row["ord"]))
        for item, row in zip(items, rows[:count], strict=True)
    ]


def _result(
    tx: Tx, item: Sending, row: Row, members: dict[UUID, list[UUID]], made: Message | None
) -> MessageSent | LuminaError:
    """`members` of each conversation come with its first new message; `made` is a new message that
    is more than text."""
    request = item.request
    if row["status"] not in ("sent", "retry"):
        return refusal(row["status"], row["state"])
    kept = {name: row[name] for name in ("seq", "rev", "created_at")}
    if row["status"] == "sent":
        message = made or Message(
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            sender_id=item.sender_id,
            message_type="text",
            content=request.content,
            **kept,
        )
        to = row["member_ids"] or members[request.conversation_id]
        members[request.conversation_id] = to
        place = request.conversation_id, message.rev
        tx.emit(MessageCreated(message=message), to=to, place=place)
    return MessageSent(message_id=request.message_id, **kept)


REFUSALS: dict[str, tuple[type[LuminaError], str, str]] = {
    "conflict": (Conflict, "message_id", ""),
    "bad_expiry": (Invalid, "expires_at", "expires_at: must be to come, and within a year"),
    "no_answered": (NotFound, "reply_to", "The conversation has no such message, or not for you."),
    "no_origin": (NotFound, "forwarded_from", "There is no such message, or not for you."),
    "origin_gone": (Gone, "forwarded_from", "This message was deleted."),
    "origin_stays": (Forbidden, "forwarded_from", "This message is not for others."),
    "no_media": (NotFound, "media_ids", "There is no such media object, or it is not yours."),
    "media_unfinished": (Invalid, "media_ids", "media_ids: not all of them are ready"),
    "media_unfit": (Invalid, "media_ids", "media_ids: this type has attachments of other kinds"),
    "no_post": (NotFound, "post_id", "There is no such post, or not for you."),
    "no_story": (NotFound, "story_id", "There is no such story, or not for you."),
}


def refusal(status: str, wait_ms: int | None = None) -> LuminaError:
    """What `send_messages` says, as an error."""
    if status == "slow_mode":
        return SlowMode(retry_after_ms=wait_ms, field="conversation_id")
    if status == "stranger":
        return access.not_found()
    if status in REFUSALS:
        error, field, text = REFUSALS[status]
        return error(text, field=field)
    return access.closed(status)


def beyond_text(request: ToSend[Any]) -> Extra | None:
    """What was asked for beyond text, as JSON."""
    if request.model_fields_set <= PLAIN:
        return None
    asked = request.model_dump(mode="json", exclude=PLAIN, exclude_none=True)
    return {name: value for name, value in asked.items() if value not in ([], "text")} or None


def as_kept(extra: Extra | None) -> Extra | None:
    """As `send_messages` takes it: arrays of ids in the form of Postgres."""
    if extra is None or "media_ids" not in extra:
        return extra
    ids = ",".join(map(str, cast("list[str]", extra["media_ids"])))
    kinds = MEDIA_KINDS[str(extra["message_type"])]
    return {**extra, "media_ids": f"{{{ids}}}", "kinds": kinds}


def content_digest(key: bytes, content: str, extra: Extra | None) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of what the sender asked for, 16 bytes. That of text is of the text
    alone, as it was before there was anything else."""
    if extra is None:
        return hashlib.blake2b(content.encode(), key=key, digest_size=16).digest()
    asked = orjson.dumps([content, extra], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(asked, key=key, digest_size=16, person=b"beyond text").digest()


def scheduled(row: Row) -> ScheduledMessage:
    """One that waits, as its sender is told of it."""
    error, _, field = (row["error"] or "").partition(" ")
    return ScheduledMessage(
        **row["body"],
        message_id=row["message_id"],
        conversation_id=row["conversation_id"],
        send_at=row["send_at"],
        created_at=row["created_at"],
        error=error or None,
        error_field=field or None,
    )
