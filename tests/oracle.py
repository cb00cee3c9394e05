"""The oracle: what a client knew before, plus the events it got, is what a fresh client sees.

After Zulip's `verify_action` tests, which compare `fetch_initial_state + events` with a new fetch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.blocks import BlockedUser, ListBlocks, UserBlocked, UserUnblocked
from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationJoined,
    ConversationLeft,
    ListConversations,
    Member,
)
from lumina_protocol.exports import Export, ExportChanged, ListExports
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.lifecycle import AccountChanged, UserRenamed
from lumina_protocol.messages import (
    EXCERPT,
    Message,
    MessageChanged,
    MessageCreated,
    ReadHistory,
)
from lumina_protocol.reports import (
    Decision,
    ListReports,
    ModerationActed,
    OwnReport,
    ReportCreated,
    ReportDecided,
)
from lumina_protocol.settings import GetSettings, SettingsChanged, UserSettings

from lumina_rt.client import Client, Inbox, News

SETTLE_S = 5


@dataclass
class World:
    """All that one user may see."""

    conversations: dict[UUID, Conversation] = field(default_factory=dict)
    messages: dict[tuple[UUID, int], Message] = field(default_factory=dict)
    made: dict[UUID, OwnReport] = field(default_factory=dict)
    """What they have reported."""
    against: dict[UUID, Decision] = field(default_factory=dict)
    blocks: dict[UUID, BlockedUser] = field(default_factory=dict)
    settings: UserSettings | None = None
    exports: dict[UUID, Export] = field(default_factory=dict)
    told: set[object] = field(default_factory=set, compare=False)
    """What events have told of; an event may be later than the snapshot that has it already."""

    def apply(self, news: News) -> None:
        if isinstance(news, PersonalEvent):
            self._once(("own", news.user_rev))
            self._conversations(news)
            self._account(news)
            self._reports(news)
        else:
            self._messages(news)

    def _conversations(self, news: PersonalEvent) -> None:
        match news:
            case ConversationCreated(conversation=new) | ConversationJoined(conversation=new):
                self.conversations.setdefault(new.conversation_id, new)
                for message in list(self.messages.values()):
                    self._moved(message)
            case ConversationLeft(conversation_id=left):
                self.conversations.pop(left, None)
                self.messages = {k: v for k, v in self.messages.items() if k[0] != left}

    def _account(self, news: PersonalEvent) -> None:
        match news:
            case AccountChanged() | UserRenamed():
                self.conversations = {
                    key: renamed(conversation, news.user_id, news.username)
                    for key, conversation in self.conversations.items()
                }
            case UserBlocked(user=blocked):
                self.blocks[blocked.user_id] = blocked
            case UserUnblocked(user_id=user_id):
                self.blocks.pop(user_id, None)
            case SettingsChanged(settings=settings):
                self.settings = settings
            case ExportChanged(export=export):
                self.exports[export.export_id] = export

    def _reports(self, news: PersonalEvent) -> None:
        match news:
            case ReportCreated(report=report):
                self.made.setdefault(report.report_id, report)
            case ReportDecided():
                self._decided(news)
            case ModerationActed(decision=decision):
                self.against[decision.report_id] = decision

    def _messages(self, news: News) -> None:
        match news:
            case MessageCreated(message=message):
                key = message.conversation_id, message.seq
                self._once((*key, "created"))
                self.messages.setdefault(key, message)
                self._moved(message)
            case MessageChanged(message=message):
                key = message.conversation_id, message.seq
                self._once((*key, message.rev))
                old = self.messages[key]
                kept = ("message_id", "sender_id", "message_type", "created_at")
                assert all(getattr(old, name) == getattr(message, name) for name in kept)
                if message.rev > old.rev:
                    self.messages[key] = message
                    self._moved(message)
                    self._requoted(message)

    def _requoted(self, original: Message) -> None:
        """What the answers to a message show of it, wherever they are kept."""
        for key, answer in self.messages.items():
            self.messages[key] = requoted(answer, original)
        for id_, old in self.conversations.items():
            if old.last_message is not None:
                last = requoted(old.last_message, original)
                self.conversations[id_] = old.model_copy(update={"last_message": last})

    def _decided(self, news: ReportDecided) -> None:
        """A report of it that was there before, and that the decision was about."""
        for id_, old in self.made.items():
            of_it = (old.kind, old.subject_id) == (news.kind, news.subject_id)
            if of_it and (old.status == "pending" or old.decision_id == news.decision_id):
                changes = {"status": news.status, "decision_id": news.decision_id}
                self.made[id_] = old.model_copy(update=changes)

    def _once(self, thing: object) -> None:
        assert thing not in self.told, f"told of {thing} twice"
        self.told.add(thing)

    def _moved(self, message: Message) -> None:
        """What the list of conversations shows of its newest message, and of its members."""
        old = self.conversations.get(message.conversation_id)
        if old is None or message.rev <= old.last_rev:
            return
        changes: dict[str, object] = {"last_rev": message.rev}
        if message.seq > old.last_seq:
            changes |= {"last_seq": message.seq, "updated_at": message.created_at}
            members = members_after(old.members, message)
            changes |= {"members": members, "member_count": len(members)}
        if message.seq >= old.last_seq:
            changes["last_message"] = message
        self.conversations[message.conversation_id] = old.model_copy(update=changes)


def requoted(answer: Message, original: Message) -> Message:
    if answer.reply_to is None or answer.reply_to.message_id != original.message_id:
        return answer
    now = {"excerpt": original.content[:EXCERPT], "is_deleted": original.is_deleted}
    return answer.model_copy(update={"reply_to": answer.reply_to.model_copy(update=now)})


def renamed(conversation: Conversation, user_id: UUID, username: str) -> Conversation:
    members = [
        member.model_copy(update={"username": username}) if member.user_id == user_id else member
        for member in conversation.members
    ]
    return conversation.model_copy(update={"members": members})


def members_after(members: list[Member], message: Message) -> list[Member]:
    """What a note of the server makes of them."""
    if (note := message.note) is None:
        return members
    people = {person.user_id: person.username for person in note.people}
    kept = [m for m in members if m.user_id not in people or note.kind == "created"]
    if note.kind == "added":
        come = sorted(people.items())
        kept += [Member(user_id=user, username=name, role="member") for user, name in come]
    return [
        m.model_copy(update={"role": "owner"}) if m.user_id == note.owner_id else m for m in kept
    ]


async def snapshot(client: Client) -> World:
    world = World(settings=(await client.call(GetSettings())).settings)
    blocks = await client.call(ListBlocks(limit=100))
    assert not blocks.more
    world.blocks = {user.user_id: user for user in blocks.users}
    world.exports = {e.export_id: e for e in (await client.call(ListExports())).exports}
    page = await client.call(ListConversations(limit=40))
    assert not page.more
    for conversation in page.conversations:
        world.conversations[conversation.conversation_id] = conversation
        after, last = 0, conversation.last_seq
        while after < last:
            asked = ReadHistory(
                conversation_id=conversation.conversation_id, after_seq=after, limit=200
            )
            for message in (await client.call(asked)).messages:
                world.messages[message.conversation_id, message.seq] = message
                after = message.seq
    reports = await client.call(ListReports())
    world.made = {report.report_id: report for report in reports.made}
    world.against = {decision.report_id: decision for decision in reports.against}
    return world


@asynccontextmanager
async def oracle(*clients: Client) -> AsyncIterator[None]:
    """Whatever happens in the block: afterwards each client's events explain the difference."""
    async with AsyncExitStack() as stack:
        watched = [
            (client, stack.enter_context(client.inbox()), await snapshot(client))
            for client in clients
        ]
        yield
        for client, inbox, before in watched:
            await _settle(before, inbox, await snapshot(client))


async def _settle(world: World, inbox: Inbox, fresh: World) -> None:
    try:
        async with asyncio.timeout(SETTLE_S):
            while world != fresh:
                world.apply(await anext(aiter(inbox)))
    except TimeoutError:
        assert world == fresh, "the events do not explain what changed"
