"""One conversation while `lumina chat` shows it: what is known of it, and what comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from lumina_protocol.conversations import (
    Conversation,
    ConversationGone,
    ConversationLeft,
    ConversationReset,
    Member,
    MemberTyping,
    TellTyping,
)
from lumina_protocol.errors import LuminaError, NotFound
from lumina_protocol.frame import Request
from lumina_protocol.hides import MessagesHidden
from lumina_protocol.lifecycle import UserRenamed
from lumina_protocol.messages import Message, MessageChanged, MessageCreated, Note, ReadHistory
from lumina_protocol.preferences import PreferencesChanged
from lumina_protocol.presence import MAX_WATCHED, PresenceChanged, WatchPresence
from lumina_protocol.profiles import GetUser
from lumina_protocol.receipts import ReadConversation, ReceiptsTold

from lumina_rt.cli.chat_screen import Screen
from lumina_rt.client import Client, ClientError, Connected, Interrupted, News

PAGE = 200
CAME = ("created", "added", "joined")
WENT = ("left", "removed", "banned")


class Talk:
    """What is known of the conversation. `redraw` is called when `status` says something else."""

    def __init__(
        self, client: Client, conversation: Conversation, screen: Screen,
        redraw: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        assert client.ready
        self.client = client
        self.screen = screen
        self.id = conversation.conversation_id
        self.group = conversation.conversation_type == "group"
        self.me = client.ready.user_id
        self.members = {member.user_id: member for member in conversation.members}
        self.more_members = conversation.member_count - len(conversation.members)
        self.preferences = conversation.preferences
        self.messages: dict[int, Message] = {}
        """Those that were shown, by seq."""
        self.online: dict[UUID, str] = {}
        self.typing: dict[UUID, float] = {}
        """Until when, by the monotonic clock in seconds."""
        self.own_seq = 0
        """Of the last own message."""
        self.leaving = False
        self.begun = asyncio.Event()
        """What was said before is on the screen."""
        self._redraw = redraw
        self._met: set[UUID] = set()
        self._seq = 0
        self._read = 0
        self._rev = 0
        self._moved = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def others(self) -> list[Member]:
        return [member for member in self.members.values() if member.user_id != self.me]

    async def live(self, history: int) -> None:
        """What was said, then what comes. Raises NotFound when the user is no longer a member."""
        with self.client.inbox() as inbox:  # opened before history is read, so nothing is missed
            await self._begin(history)
            self._redraw()
            async for news in inbox:
                await self._take(news)
                self._redraw()
                if isinstance(news, ConversationLeft) and news.conversation_id == self.id:
                    return  # by the user's own will: otherwise `_take` has raised

    async def until(self, rev: int) -> None:
        """Wait until this change is on the screen."""
        while self._rev < rev:
            self._moved.clear()
            await self._moved.wait()

    async def keep_reading(self) -> None:
        """Tells how far the screen is, as often as the server answers."""
        while True:
            await self.tell_read()
            if self._seq <= self._read:
                self._moved.clear()
                await self._moved.wait()

    async def tell_read(self) -> None:
        if (newest := self._seq) > self._read:
            self._read = newest
            await self._try(ReadConversation(conversation_id=self.id, seq=newest))

    def tell_typing(self, typing: bool) -> None:
        """Not waited for, and not said later than it is true."""
        if self.client.connected:
            asked = TellTyping(conversation_id=self.id, typing=typing)
            task = asyncio.create_task(self._try(asked))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def message(self, seq: int) -> Message | None:
        """As it is on the screen, or as the server has it."""
        if seq in self.messages:
            return self.messages[seq]
        asked = ReadHistory(conversation_id=self.id, around_seq=seq, limit=1)
        try:
            return (await self.client.call(asked)).messages[0]
        except LuminaError as error:
            if error.body.code != NotFound.code:
                raise
            return None

    async def _begin(self, history: int) -> None:
        asked = ReadHistory(conversation_id=self.id, limit=max(1, min(history, PAGE)))
        page = await self.client.call(asked)
        self.client.begin(self.id, rev=page.last_rev, seq=page.last_seq)
        for message in page.messages[-history:] if history else ():
            await self._show(message)
        self._shown(page.last_rev)
        self.begun.set()
        await self._watch()

    async def _take(self, news: News) -> None:
        match news:
            case Connected():
                self.screen.note("connected again")
                await self._watch()
            case Interrupted(code, reason):
                self.online.clear()
                self.screen.note(f"connection lost ({code} {reason}), connecting again ...")
            case UserRenamed(user_id=user_id, username=username):
                self.screen.know(user_id, username)
            case PresenceChanged(user_id=user_id, state=state):
                self.online[user_id] = state
            case MessageCreated(message=message) | MessageChanged(message=message):
                if message.conversation_id == self.id:
                    await self._said(news)
            case _ if getattr(news, "conversation_id", None) == self.id:
                await self._of_conversation(news)

    async def _said(self, news: MessageCreated | MessageChanged) -> None:
        message = news.message
        known = self.messages.get(message.seq)
        if known and known.rev >= message.rev:
            return
        if isinstance(news, MessageCreated):
            await self._show(message)
            await self._meet(message.sender_id)
            if message.note:
                await self._note(message.note)
        else:
            await self.learn(message)
            self.messages[message.seq] = message
            self.screen.changed(message)
        self._shown(message.rev)

    async def _of_conversation(self, news: News) -> None:
        match news:
            case MemberTyping(user_id=user_id, typing=typing, expires_ms=expires_ms):
                self.typing[user_id] = time.monotonic() + expires_ms / 1000 if typing else 0
            case ReceiptsTold(receipts=receipts):
                for receipt in receipts:
                    if member := self.members.get(receipt.user_id):
                        update = receipt.model_dump(exclude={"user_id"})
                        self.members[receipt.user_id] = member.model_copy(update=update)
            case MessagesHidden(hidden=hidden):
                numbers = ", ".join(str(each.seq) for each in hidden)
                self.screen.note(f"deleted for you: {numbers}")
            case PreferencesChanged(preferences=preferences):
                self.preferences = preferences
            case ConversationReset():
                await self._again()
            case ConversationGone() | ConversationLeft() if not self.leaving:
                raise NotFound("You are not in this conversation any more.")

    async def _again(self) -> None:
        """What the events did not tell."""
        self.messages.clear()
        while True:
            asked = ReadHistory(conversation_id=self.id, after_seq=self._seq, limit=PAGE)
            page = await self.client.call(asked)
            for message in page.messages:
                await self._show(message)
            if not page.messages or not page.more_after:
                self._seq = page.last_seq  # smaller than before, when the history was restored
                return self._shown(page.last_rev)

    async def _show(self, message: Message) -> None:
        await self.learn(message)
        self.messages[message.seq] = message
        self.typing.pop(message.sender_id, None)
        self._seq = max(self._seq, message.seq)
        if message.sender_id == self.me and message.message_type != "system":
            self.own_seq = message.seq
        self.screen.message(message)

    def _shown(self, rev: int) -> None:
        self._rev = max(self._rev, rev)
        self._moved.set()

    async def _meet(self, user_id: UUID) -> None:
        """Who has written for the first time may show only now that they are online."""
        known = user_id in self._met or self.online.get(user_id) == "online"
        self._met.add(user_id)
        if user_id != self.me and not known:
            await self._watch()

    async def _note(self, note: Note) -> None:
        """Who is a member now."""
        for person in note.people:
            self.screen.know(person.user_id, person.username)
            if note.kind in WENT:
                self.members.pop(person.user_id, None)
            elif note.kind in CAME:
                new = Member(user_id=person.user_id, username=person.username)
                self.members.setdefault(person.user_id, new)
            if (member := self.members.get(person.user_id)) and note.role:
                self.members[person.user_id] = member.model_copy(update={"role": note.role})
        if owner := self.members.get(note.owner_id) if note.owner_id else None:
            self.members[owner.user_id] = owner.model_copy(update={"role": "owner"})
        if note.kind in (*WENT, *CAME):
            await self._watch()

    async def learn(self, message: Message) -> None:
        """The names of who wrote this and what it answers."""
        ids = {message.sender_id} | ({message.reply_to.sender_id} if message.reply_to else set())
        for user_id in ids - self.screen.names.keys():
            name = "?"
            with suppress(LuminaError, ClientError):
                name = (await self.client.call(GetUser(user_id=user_id))).profile.username
            self.screen.know(user_id, name)

    async def _watch(self) -> None:
        """Who is online, from now on."""
        ids = [member.user_id for member in self.others][:MAX_WATCHED]
        with suppress(LuminaError, ClientError):
            watched = await self.client.call(WatchPresence(user_ids=ids))
            self.online = {user.user_id: user.state for user in watched.users}

    async def _try(self, request: Request[Any]) -> None:
        with suppress(LuminaError, ClientError):
            await self.client.call(request)
