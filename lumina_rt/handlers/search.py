"""Search in the messages of the conversations that one is in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Invalid
from lumina_protocol.messages import Message
from lumina_protocol.search import SearchHit, SearchMessages, SearchPage

from lumina_rt import access
from lumina_rt.highlights import highlights
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

READ = query("search.read")
FIND = query("search.find")

NOBODY = UUID(int=0)
"""No conversation: a cursor with it and 0 is before all that was sent in its millisecond."""
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""The Snowball dictionaries of PostgreSQL 15 (`\\dFd *_stem`)."""


@handles(SearchMessages)
async def search(ctx: Ctx, request: SearchMessages) -> SearchPage:
    stemmer = f"{STEMMERS[request.language]}_stem" if request.language else None
    async with ctx.db.read() as tx:
        if request.conversation_id is not None:
            await access.member(tx, user_id=ctx.user_id, conversation_id=request.conversation_id)
        asked = await tx.one(READ, asked=request.query, stemmer=stemmer)
        if asked["wanted"] is None:
            raise Invalid("It has no word to look for.", field="query")
        found = await tx.all(FIND, wanted=asked["wanted"], **_filters(request, ctx.user_id))
    looked_ms = found.pop()["looked_ms"] if found and found[-1]["looked_ms"] is not None else None
    rows = fitting(found[: request.limit])
    cursor = None if looked_ms is None else (looked_ms, NOBODY, 0)
    return SearchPage(
        hits=[_hit(row, asked["terms"]) for row in rows],
        cursor=_place(rows[-1]) if len(rows) < len(found) else cursor,
    )


def _filters(request: SearchMessages, user_id: UUID) -> dict[str, object]:
    """One more than the page, to tell if more follow."""
    at_ms, at_id, at_seq = request.cursor or (None, None, None)
    return {
        "user_id": user_id,
        "conversation_id": request.conversation_id,
        "from_user_id": request.from_user_id,
        "before_ms": request.before,
        "after_ms": request.after,
        "has_media": request.has_media,
        "at_ms": at_ms,
        "at_id": at_id,
        "at_seq": at_seq,
        "limit": request.limit + 1,
    }


def _hit(row: Row, terms: list[str]) -> SearchHit:
    message = Message.model_validate(dict(row))
    return SearchHit(message=message, highlights=highlights(message.content, terms))


def _place(row: Row) -> tuple[int, UUID, int]:
    return row["created_at"], row["conversation_id"], row["seq"]
