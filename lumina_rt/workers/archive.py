"""What is in the archive of an export, and the writing of it: batch by batch, however large."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

from lumina_rt.keyring import Keyring
from lumina_rt.letters import ADDRESS
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import Query, query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

BATCH = 500
"""Lines that are in memory at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the archive, named as its statement."""

    statement: Query
    what: str

    @property
    def name(self) -> str:
        return self.statement.name.partition(".")[2] + ".jsonl"


PARTS = (
    Part(query("archive.account"), "Your account"),
    Part(query("archive.settings"), "Your settings"),
    Part(query("archive.former_names"), "Names that you gave up, while they are held for you"),
    Part(query("archive.devices"), "Your devices"),
    Part(query("archive.logins"), "Where you are logged in"),
    Part(query("archive.bots"), "Tokens that you have made for bots, without the tokens"),
    Part(query("archive.exports"), "Archives that you have asked for"),
    Part(query("archive.following"), "Whom you follow"),
    Part(query("archive.followers"), "Who follows you"),
    Part(query("archive.follow_requests"), "Requests to follow that wait, yours and to you"),
    Part(query("archive.blocked"), "Whom you have blocked"),
    Part(query("archive.muted"), "Whom you have muted"),
    Part(query("archive.audiences"), "Lists of people that posts of yours are for"),
    Part(query("archive.conversations"), "Your conversations, and how far you have read"),
    Part(query("archive.messages"), "Messages that you have sent"),
    Part(query("archive.message_edits"), "What they said before you edited them, for 30 days"),
    Part(query("archive.message_reactions"), "Your reactions to messages"),
    Part(query("archive.message_pins"), "Messages that you have pinned"),
    Part(query("archive.message_hides"), "Messages that you have deleted for yourself"),
    Part(query("archive.mentions"), "Messages that name you"),
    Part(query("archive.message_drafts"), "Messages that you have begun to write"),
    Part(query("archive.scheduled_messages"), "Messages that are to be sent later"),
    Part(query("archive.invites"), "Links into groups that you have made, without the codes"),
    Part(query("archive.posts"), "Your posts, with their polls, topics and edits"),
    Part(query("archive.post_drafts"), "Posts that you have not published"),
    Part(query("archive.coauthored"), "Posts of which you are, or are asked to be, an author"),
    Part(query("archive.post_mentions"), "Posts that name you"),
    Part(query("archive.shares"), "Posts that you have shared"),
    Part(query("archive.votes"), "Your votes in polls"),
    Part(query("archive.reactions"), "Your reactions to posts"),
    Part(query("archive.comments"), "Your comments"),
    Part(query("archive.comment_likes"), "Comments that you like"),
    Part(query("archive.stories"), "Your stories"),
    Part(query("archive.highlights"), "Your highlights"),
    Part(query("archive.topics"), "Topics that you follow"),
    Part(query("archive.bookmarks"), "Posts that you keep"),
    Part(query("archive.bookmark_collections"), "Your collections of them"),
    Part(query("archive.notifications"), "Notifications"),
    Part(query("archive.reports"), "What you have reported"),
    Part(query("archive.decisions"), "What moderators have decided about you, or what is yours"),
    Part(query("archive.media"), "Pictures, videos and sounds that you have uploaded"),
)  # fmt: skip


async def write(tx: Tx, user_id: UUID, keyring: Keyring, file: BinaryIO) -> None:
    """A zip with a file of JSON lines for each part, and a README.txt that names them.

    `tx` is a snapshot: all parts are of one moment. Compressing is done in a thread.
    """
    counts: dict[str, int] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in PARTS:
            with archive.open(part.name, "w", force_zip64=True) as member:
                counts[part.name] = 0
                async for rows in tx.batches(part.statement, BATCH, user_id=user_id):
                    counts[part.name] += len(rows)
                    await asyncio.to_thread(member.write, _lines(rows, keyring, user_id))
        archive.writestr("README.txt", _about(counts))


def _lines(rows: Sequence[Row], keyring: Keyring, user_id: UUID) -> bytes:
    lines = [_opened(row, keyring, user_id) if "sealed" in row else row["line"] for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def _opened(row: Row, keyring: Keyring, user_id: UUID) -> str:
    email = keyring.open(row["sealed"], ADDRESS, user_id) if row["sealed"] else None
    return json.dumps({**json.loads(row["line"]), "email": email}, ensure_ascii=False)


def _about(counts: dict[str, int]) -> str:
    rows = [f"{part.name:<28}{counts[part.name]:>9}  {part.what}" for part in PARTS]
    head = f"{'File':<28}{'Lines':>9}"
    text = "Each line of a file is one thing, as JSON (jsonlines.org). Times are in UTC."
    return "\n".join([text, "", head, *rows, ""])
