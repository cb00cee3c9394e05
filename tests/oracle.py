"""The oracle: what a client knew before, plus the events it got, is what a fresh client sees.

After Zulip's `verify_action` tests, which compare `fetch_initial_state + events` with a new fetch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.blocks import BlockedUser, ListBlocks, UserBlocked, UserUnblocked
from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationJoined,
    ConversationLeft,
    ListConversations,
)
from lumina_protocol.drafts import Draft, DraftChanged, ListDrafts
from lumina_protocol.exports import Export, ExportChanged, ListExports
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.hides import MessagesHidden
from lumina_protocol.lifecycle import AccountChanged, UserRenamed
from lumina_protocol.messages import (
    Message,
    MessageChanged,
    MessageCreated,
    ReadHistory,
)
from lumina_protocol.notifications import (
    GetNotificationLevels,
    ListNotifications,
    NotificationChanged,
    NotificationGroup,
    NotificationLevelsChanged,
    NotificationRemoved,
    NotificationsRead,
)
from lumina_protocol.post_changes import ListArchivedPosts
from lumina_protocol.post_drafts import ListPostDrafts, PostDraft, PostDraftChanged
from lumina_protocol.posts import ListPosts, Post, PostChanged, PostCreated, PostDeleted
from lumina_protocol.preferences import PreferencesChanged
from lumina_protocol.profile_changes import OwnProfile, ProfileChanged
from lumina_protocol.receipts import MOST_UNREAD, ReadTo, ReceiptsTold
from lumina_protocol.reports import (
    Decision,
    ListReports,
    ModerationActed,
    OwnReport,
    ReportCreated,
    ReportDecided,
)
from lumina_protocol.scheduled import ListScheduled, ScheduledChanged, ScheduledMessage
from lumina_protocol.settings import GetSettings, SettingsChanged, UserSettings

from lumina_rt.client import Client, Connected, Inbox, News
from lumina_rt.showing import as_told
from tests.agreeing import badges_agree, pins_agree
from tests.circle import Circle, circle_of
from tests.own_profile import own_profile
from tests.own_stories import OwnStories, as_read, own_stories_of
from tests.shelf import Shelf, shelf_of
from tests.talks import look_after, members_after, renamed, requoted
from tests.traces import Traces, traces_of

SETTLE_S = 4


@dataclass
class World:
    """All that one user may see."""

    user_id: UUID | None = None
    conversations: dict[UUID, Conversation] = field(default_factory=dict)
    messages: dict[tuple[UUID, int], Message] = field(default_factory=dict)
    hidden: set[tuple[UUID, int]] = field(default_factory=set, compare=False)
    """What the user does not see, or not any more; what comes of it is dropped."""
    made: dict[UUID, OwnReport] = field(default_factory=dict)
    """What they have reported."""
    against: dict[UUID, Decision] = field(default_factory=dict)
    blocks: dict[UUID, BlockedUser] = field(default_factory=dict)
    circle: Circle = field(default_factory=Circle)
    stories: OwnStories = field(default_factory=OwnStories)
    traces: Traces = field(default_factory=Traces)
    settings: UserSettings | None = None
    profile: OwnProfile | None = None
    drafts: dict[UUID, Draft] = field(default_factory=dict)
    scheduled: dict[UUID, ScheduledMessage] = field(default_factory=dict)
    notices: dict[str, NotificationGroup] = field(default_factory=dict)
    unread_notices: int = 0
    levels: dict[str, str] = field(default_factory=dict)
    posts: dict[UUID, Post] = field(default_factory=dict)
    """One's own, without numbers."""
    post_drafts: dict[UUID, PostDraft] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)
    was_away: bool = field(default=False, compare=False)
    exports: dict[UUID, Export] = field(default_factory=dict)
    told: set[object] = field(default_factory=set, compare=False)
    """What events have told of; an event may be later than the snapshot that has it already."""

    def apply(self, news: News) -> None:
        if isinstance(news, PersonalEvent):
            self._once(("own", news.user_rev))
            self._conversations(news)
            self._own(news)
            self.circle.apply(news)
            self.stories.apply(news)
            self.traces.apply(news)
            self._notices(news)
            self._account(news)
            self._reports(news)
            self._posts(news)
            self.shelf.apply(news, self.posts)
        else:
            self._messages(news)
            self._receipts(news)

    def _own(self, news: PersonalEvent) -> None:
        """What the user has read, and set for themselves."""
        match news:
            case ReadTo(conversation_id=id_, read_seq=seq):
                if old := self.conversations.get(id_):
                    unmarked = old.preferences.model_copy(update={"marked_unread": False})
                    self._change(id_, read_seq=seq, preferences=unmarked)
            case PreferencesChanged(conversation_id=id_):
                self._change(id_, preferences=news.preferences)
            case DraftChanged(conversation_id=id_, draft=draft):
                self.drafts.pop(id_, None)
                if draft:
                    self.drafts[id_] = draft
            case ScheduledChanged(message_id=id_, scheduled=scheduled):
                self.scheduled.pop(id_, None)
                if scheduled:
                    self.scheduled[id_] = scheduled

    def _notices(self, news: PersonalEvent) -> None:
        match news:
            case NotificationChanged(group=group, unread=unread):
                self.notices[group.group_key] = group
                self.unread_notices = unread
            case NotificationRemoved(group_keys=keys, unread=unread):
                for key in keys:
                    self.notices.pop(key, None)
                self.unread_notices = unread
            case NotificationsRead(group_keys=keys, upto=upto, unread=unread):
                for key, group in self.notices.items():
                    if key in keys or group.updated_at <= (upto or -1):
                        self.notices[key] = group.model_copy(update={"is_read": True})
                self.unread_notices = unread
            case NotificationLevelsChanged(levels=levels):
                self.levels = levels

    def _posts(self, news: PersonalEvent) -> None:
        match news:
            case PostCreated(post=post) | PostChanged(post=post):
                assert as_told(post) == post, "numbers in an event"
                self.posts[post.post_id] = post
            case PostDeleted(post_id=post_id):
                self.posts.pop(post_id, None)
            case PostDraftChanged(draft_id=draft_id, draft=draft):
                self.post_drafts.pop(draft_id, None)
                if draft:
                    self.post_drafts[draft_id] = draft

    def _receipts(self, news: News) -> None:
        """Positions of members. What is told while a client is away, only the list tells."""
        match news:
            case ReceiptsTold(conversation_id=id_):
                moved = {one.user_id: one.model_dump() for one in news.receipts}
                members = self.conversations[id_].members if id_ in self.conversations else []
                told = [m.model_copy(update=moved.get(m.user_id, {})) for m in members]
                self._change(id_, members=told)
            case Connected():
                self.was_away = True

    def _change(self, conversation_id: UUID, **changes: object) -> None:
        if old := self.conversations.get(conversation_id):
            self.conversations[conversation_id] = old.model_copy(update=changes)
            self.count(conversation_id)

    def count(self, conversation_id: UUID) -> None:
        """What is unread follows from the messages and the position."""
        old = self.conversations[conversation_id]
        unread = sum(
            message.conversation_id == conversation_id
            and message.seq > old.read_seq
            and message.sender_id != self.user_id
            and message.message_type != "system"
            and not message.is_deleted
            for message in self.messages.values()
        )
        changed = old.model_copy(update={"unread": min(unread, MOST_UNREAD)})
        self.conversations[conversation_id] = changed

    def _conversations(self, news: PersonalEvent) -> None:
        match news:
            case ConversationCreated(conversation=new) | ConversationJoined(conversation=new):
                self.conversations.setdefault(new.conversation_id, new)
                for message in list(self.messages.values()):
                    self._moved(message)
            case ConversationLeft(conversation_id=left):
                self.conversations.pop(left, None)
                self.drafts.pop(left, None)
                self.messages = {k: v for k, v in self.messages.items() if k[0] != left}
            case MessagesHidden(conversation_id=conversation_id, hidden=hidden):
                self._hide(conversation_id, {message.seq for message in hidden})

    def _hide(self, conversation_id: UUID, seqs: set[int]) -> None:
        self.hidden |= {(conversation_id, seq) for seq in seqs}
        self.messages = {k: v for k, v in self.messages.items() if k not in self.hidden}
        if (old := self.conversations.get(conversation_id)) and old.last_seq in seqs:
            hidden = old.model_copy(update={"last_message": None})
            self.conversations[conversation_id] = hidden

    def had(self, client: Client) -> None:
        """Of changes of what they do not see users are told no more than the number."""
        for id_ in {conversation_id for conversation_id, _ in self.hidden}:
            if old := self.conversations.get(id_):
                rev = max(old.last_rev, client._order.rev(id_))
                self.conversations[id_] = old.model_copy(update={"last_rev": rev})

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
            case ProfileChanged(profile=profile):
                self.profile = profile
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
                if key not in self.hidden:
                    self.messages.setdefault(key, message)
                self._moved(message)
            case MessageChanged(message=message):
                key = message.conversation_id, message.seq
                self._once((*key, message.rev))
                if key in self.hidden:
                    return
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
        if message.conversation_id not in self.conversations:
            return
        self.count(message.conversation_id)
        old = self.conversations[message.conversation_id]
        if message.rev <= old.last_rev:
            return
        changes: dict[str, object] = {"last_rev": message.rev}
        if message.seq > old.last_seq:
            changes |= {"last_seq": message.seq, "updated_at": message.created_at}
            members = members_after(old.members, message)
            changes |= {"members": members, "member_count": len(members)}
            changes |= look_after(message)
        if message.seq >= old.last_seq:
            seen = (message.conversation_id, message.seq) not in self.hidden
            changes["last_message"] = message if seen else None
        self.conversations[message.conversation_id] = old.model_copy(update=changes)


async def snapshot(client: Client, among: Collection[UUID] = ()) -> World:
    """`among`: users of whose posts and stories it is to know what the client has left there."""
    assert client.ready
    world = World(client.ready.user_id, settings=(await client.call(GetSettings())).settings)
    world.profile = await own_profile(client)
    blocks = await client.call(ListBlocks(limit=100))
    assert not blocks.more
    world.blocks = {user.user_id: user for user in blocks.users}
    world.circle = await circle_of(client)
    world.stories = await own_stories_of(client)
    world.traces = await traces_of(client, among)
    world.exports = {e.export_id: e for e in (await client.call(ListExports())).exports}
    drafts = await client.call(ListDrafts(limit=100))
    assert not drafts.more
    world.drafts = {draft.conversation_id: draft for draft in drafts.drafts}
    waiting = await client.call(ListScheduled())
    assert not waiting.more
    world.scheduled = {message.message_id: message for message in waiting.messages}
    posts = await client.call(ListPosts(user_id=client.ready.user_id, limit=50))
    archived = await client.call(ListArchivedPosts(limit=50))
    assert not posts.more
    assert not archived.more
    world.posts = {
        post.post_id: as_told(post)
        for post in posts.posts + archived.posts
        if post.author.user_id == world.user_id
    }
    post_drafts = await client.call(ListPostDrafts(limit=50))
    assert not post_drafts.more
    world.post_drafts = {draft.draft_id: draft for draft in post_drafts.drafts}
    world.shelf = await shelf_of(client)
    talks = await client.call(ListConversations(limit=40))
    assert not talks.more
    for conversation in talks.conversations:
        world.conversations[conversation.conversation_id] = conversation
        after, last = 0, conversation.last_seq
        while after < last:
            asked = ReadHistory(
                conversation_id=conversation.conversation_id, after_seq=after, limit=200
            )
            page = (await client.call(asked)).messages
            for message in page:
                world.messages[message.conversation_id, message.seq] = message
            after = page[-1].seq if page else last
        seqs = {(conversation.conversation_id, seq) for seq in range(1, last + 1)}
        world.hidden |= seqs - world.messages.keys()
        await pins_agree(client, world, conversation.conversation_id)
    await badges_agree(client, world)
    notices = await client.call(ListNotifications(limit=100))
    assert not notices.more
    world.notices = {group.group_key: group for group in notices.groups}
    world.unread_notices = notices.unread
    assert notices.unread == sum(not group.is_read for group in notices.groups)
    world.levels = (await client.call(GetNotificationLevels())).levels
    reports = await client.call(ListReports())
    world.made = {report.report_id: report for report in reports.made}
    world.against = {decision.report_id: decision for decision in reports.against}
    return world


@asynccontextmanager
async def oracle(*clients: Client) -> AsyncIterator[None]:
    """Whatever happens in the block: afterwards each client's events explain the difference."""
    async with AsyncExitStack() as stack:
        users = {client.ready.user_id for client in clients if client.ready}
        watched = [
            (client, stack.enter_context(client.inbox()), await snapshot(client, users))
            for client in clients
        ]
        yield
        for client, inbox, before in watched:
            await _settle(client, before, inbox, users)


def as_listed(world: World, fresh: World) -> None:
    """With the positions of members that the list has: after a reconnect they are read there."""
    for id_, old in world.conversations.items():
        listed = fresh.conversations.get(id_, old)
        now = {one.user_id: (one.delivered_seq, one.read_seq) for one in listed.members}
        members = [
            one.model_copy(update=dict(zip(("delivered_seq", "read_seq"), place, strict=True)))
            for one in old.members
            if (place := now.get(one.user_id, (one.delivered_seq, one.read_seq)))
        ]
        world.conversations[id_] = old.model_copy(update={"members": members})


def as_read_now(world: World, fresh: World) -> None:
    """Without the stories that are gone by now, and of what is shown by now."""
    world.traces = world.traces.of_what_is_shown(fresh.traces)
    for key, old in world.messages.items():
        world.messages[key] = as_read(old, fresh.messages.get(key))
    for id_, talk in world.conversations.items():
        if talk.last_message and id_ in fresh.conversations:
            last = as_read(talk.last_message, fresh.conversations[id_].last_message)
            world.conversations[id_] = talk.model_copy(update={"last_message": last})


async def _settle(client: Client, world: World, inbox: Inbox, users: Collection[UUID]) -> None:
    """What a worker has done behind the first snapshot is in the second."""
    for _ in range(2):
        fresh = await snapshot(client, users)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await _explain(client, world, inbox, fresh)
            return
    assert world == fresh, "the events do not explain what changed"


async def _explain(client: Client, world: World, inbox: Inbox, fresh: World) -> None:
    while True:
        as_read_now(world, fresh)
        if world.was_away:
            as_listed(world, fresh)
        if world == fresh:
            return
        if news := await _next(inbox, world):
            world.apply(news)
        else:
            world.had(client)


async def _next(inbox: Inbox, world: World) -> News | None:
    """None when nothing comes: how far the client is, it knows itself, for what it does not see
    is not in its inbox."""
    if not world.hidden:
        return await anext(aiter(inbox))
    try:
        return await asyncio.wait_for(anext(aiter(inbox)), 0.05)
    except TimeoutError:
        return None
