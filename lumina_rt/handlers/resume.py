"""What became of things while somebody was away: of one conversation, and of all there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.conversations import (
    ChangedMessage,
    ConversationGone,
    ConversationJoined,
    ConversationLeft,
    ConversationReset,
    ConversationSynced,
    SyncConversation,
    SyncPage,
)
from lumina_protocol.errors import Invalid, Unavailable
from lumina_protocol.messages import Message
from lumina_protocol.session import MAX_CURSORS, Resume, Resumed

from lumina_rt import access
from lumina_rt.catch_up import CatchUp
from lumina_rt.pages import PAGE, fitting, pages_for, personal
from lumina_rt.router import Ctx, Line, handles
from lumina_rt.store.queries import query
from lumina_rt.streams import own_stream

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

CURSORS = query("conversations.cursors")
COMPARE = query("conversations.compare")
NEWEST = query("messages.newest")
KNOWN_CHANGES = query("messages.known_changes")
STREAM = query("user_events.stream")
PERSONAL = query("user_events.since")
NOW = query("outbox.now")

AT_ONCE = 20
"""Conversations that are read together."""
MISSED = 500
"""Revs of a conversation that are told; of more only the newest page, and what was changed."""
NEWEST_PAGE = 50
CHANGED = 500
"""Messages that a client is told to look at again; for more it starts anew."""
MISSED_PERSONAL = 2000
BUDGET = 5000
"""Revs that one resume tells of all conversations; the rest are stale."""


@handles(SyncConversation)
async def sync(ctx: Ctx, request: SyncConversation) -> SyncPage:
    conversation_id = request.conversation_id
    async with ctx.db.read() as tx:
        await access.member(tx, user_id=ctx.user_id, conversation_id=conversation_id)
        asked = {conversation_id: request.after_rev}
        page = (await pages_for(tx, ctx.user_id, asked, request.limit)).get(conversation_id)
    if page is None:  # they have left a moment ago
        raise access.not_found()
    return SyncPage.model_validate(page.model_dump())


@handles(Resume)
async def resume(ctx: Ctx, request: Resume) -> Resumed:
    line = ctx.line
    if line is None or line.catch_up is None or line.catch_up.live:
        raise Invalid("To resume is said in `auth`, and then done once.")
    return await Resuming(ctx, line, line.catch_up, request).run()


class Resuming:
    """One resume under way."""

    def __init__(self, ctx: Ctx, line: Line, catch_up: CatchUp, request: Resume) -> None:
        self.ctx = ctx
        self.line = line
        self.catch_up = catch_up
        self.request = request
        self.epoch = ctx.services.epoch()
        self.reset = False
        self.stale: list[UUID] = []
        self.gone: set[UUID] = set()
        self.left = BUDGET
        self.own = own_stream(ctx.user_id)

    async def run(self) -> Resumed:
        async with self._reading() as tx:
            await self._begin_personal(tx)
        cursors = await self._begin_conversations()
        while True:
            while behind := self.catch_up.behind():
                await self._read_on(behind)
            async with self._reading() as tx:
                seen = (await tx.one(NOW))["xid"]
            if not self.catch_up.behind():
                break
        self.catch_up.live = True  # in the same tick in which nothing was missing
        self.ctx.services.when_told(seen, self._settled)
        return Resumed(
            epoch=self.epoch,
            user_rev=self.catch_up.had(self.own),
            reset=self.reset,
            cursors=[cursor for cursor in cursors if cursor[0] not in self.gone],
            stale=self.stale,
        )

    def _settled(self) -> None:
        self.ctx.services.covered(self.catch_up.covered)
        self.line.settled()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Tx]:
        """Only so many resumes of a node read at once, whatever their clients take. Raises
        Unavailable when there is nobody to read for any more."""
        if self.ctx.line is None:
            raise Unavailable
        async with self.ctx.services.resumes, self.ctx.db.read() as tx:
            yield tx

    async def _begin_personal(self, tx: Tx) -> None:
        """Where the own stream begins to be told."""
        had = self.request.user_rev
        stream = await tx.one(STREAM, user_id=self.ctx.user_id)
        last = int(stream["last_rev"])
        if had is not None:
            too_much = last - had > MISSED_PERSONAL
            self.reset = too_much or not self._can_go_on(had, stream)
        begin = last if had is None or self.reset else had
        self.catch_up.begin(self.own, begin, last)

    def _can_go_on(self, had: int, stream: Row) -> bool:
        """Whether what is kept leads from there to now."""
        same = self.request.epoch == self.epoch
        return same and stream["purged_rev"] <= had <= stream["last_rev"]

    async def _begin_conversations(self) -> list[tuple[UUID, int, int]]:
        """Where each begins to be told; returns how far the newest ones are."""
        asked = dict(self.request.cursors)
        async with self._reading() as tx:
            user_id = self.ctx.user_id
            rows = await tx.all(CURSORS, user_id=user_id, limit=MAX_CURSORS)
            newest = [(row["conversation_id"], row["last_rev"], row["last_seq"]) for row in rows]
            compared = await tx.all(
                COMPARE,
                user_id=user_id,
                conversation_ids=list(asked),
                revs=list(asked.values()),
            )
        for conversation_id, rev, _ in newest:
            if conversation_id not in asked:
                self.catch_up.begin(conversation_id, rev, rev)
        for row in compared:
            await self._begin(row["conversation_id"], row["rev"], row)
        return newest

    async def _begin(self, conversation_id: UUID, had: int, now: Row) -> None:
        if now["last_rev"] is None:
            if moved := self.catch_up.moved(conversation_id):
                # For the user: so they are back, or were in it. What they claim is not believed:
                # whoever has had all that has moved would be told nothing, and nobody else either.
                self.catch_up.begin(conversation_id, min(had, moved - 1), 0)
            else:
                await self._gone(conversation_id)
            return
        missed = now["last_rev"] - had
        if not self._can_go_on(had, now):
            await self._reset(conversation_id, now["last_rev"])
        elif min(missed, MISSED) > self.left:
            self.stale.append(conversation_id)
            self.catch_up.leave(conversation_id)
        else:
            self.left -= min(missed, MISSED)
            if missed > MISSED:
                await self._newest(conversation_id, had, now["last_rev"])
            else:
                self.catch_up.begin(conversation_id, had, now["last_rev"])

    async def _gone(self, conversation_id: UUID) -> None:
        self.catch_up.leave(conversation_id)
        self.gone.add(conversation_id)
        await self.line.tell(ConversationGone(conversation_id=conversation_id))

    async def _reset(self, conversation_id: UUID, last_rev: int) -> None:
        self.catch_up.begin(conversation_id, last_rev, last_rev)
        await self.line.tell(ConversationReset(conversation_id=conversation_id, last_rev=last_rev))

    async def _newest(self, conversation_id: UUID, had: int, last_rev: int) -> None:
        """Too much to tell all of it. What is read later than `last_rev` is told once more."""
        where = {"conversation_id": conversation_id, "user_id": self.ctx.user_id}
        async with self._reading() as tx:
            newest = fitting(await tx.all(NEWEST, limit=NEWEST_PAGE, **where))[::-1]
            changes = await tx.all(KNOWN_CHANGES, after_rev=had, limit=CHANGED + 1, **where)
        if len(changes) > CHANGED:
            await self._reset(conversation_id, last_rev)
            return
        shown = {row["seq"] for row in newest}
        self.catch_up.begin(conversation_id, last_rev, last_rev)
        await self.line.tell(
            ConversationSynced(
                conversation_id=conversation_id,
                messages=[Message.model_validate(dict(row)) for row in newest],
                from_rev=had,
                to_rev=last_rev,
                last_rev=last_rev,
                limited=True,
                changed=[
                    ChangedMessage.model_validate(dict(row))
                    for row in changes
                    if row["seq"] not in shown
                ],
            )
        )

    async def _read_on(self, behind: dict[UUID, int]) -> None:
        """The next page of what has moved; one's own stream first: it says what there is."""
        if (had := behind.pop(self.own, None)) is not None:
            await self._read_personal(had)
        if not behind:
            return
        some = dict(islice(behind.items(), AT_ONCE))
        heard = {conversation_id: self.catch_up.moved(conversation_id) for conversation_id in some}
        async with self._reading() as tx:
            pages = await pages_for(tx, self.ctx.user_id, some)
        for conversation_id in some:
            if page := pages.get(conversation_id):
                await self._tell(page, heard[conversation_id])
            elif self.catch_up.moved(conversation_id) == heard[conversation_id]:
                await self._gone(conversation_id)  # else they may be back, and it is read again

    async def _tell(self, page: ConversationSynced, heard: int) -> None:
        """What was heard of before the page was read is in it, or is nothing any more."""
        whole = page.to_rev >= page.last_rev
        upto = max(page.to_rev, heard) if whole else page.to_rev
        self.catch_up.has(page.conversation_id, upto)
        self.gone.discard(page.conversation_id)
        await self.line.tell(page)

    async def _read_personal(self, had: int) -> None:
        heard = self.catch_up.moved(self.own)
        async with self._reading() as tx:
            rows = await tx.all(PERSONAL, user_ids=[self.ctx.user_id], after_revs=[had], limit=PAGE)
        for row in rows:
            event = personal(row)
            if isinstance(event, ConversationLeft):
                self.gone.add(event.conversation_id)
            elif isinstance(event, ConversationJoined):
                self.gone.discard(event.conversation.conversation_id)
            await self.line.tell(event)
        told = rows[-1]["rev"] if rows else 0
        self.catch_up.has(self.own, told if len(rows) == PAGE else max(told, heard))
