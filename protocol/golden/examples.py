"""One golden frame for every request, reply, event and error, with fixed ids and times."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.conversations import (
    ChangedMessage,
    Conversation,
    ConversationCreated,
    ConversationGone,
    ConversationJoined,
    ConversationLeft,
    ConversationPage,
    ConversationReply,
    ConversationReset,
    ConversationSynced,
    ConversationVoid,
    CreateConversation,
    ListConversations,
    Member,
    MemberTyping,
    SyncConversation,
    SyncPage,
    TellTyping,
    TypingTold,
)
from lumina_protocol.errors import (
    ERRORS,
    AccountDeleted,
    Conflict,
    RateLimited,
    Suspended,
    Unavailable,
)
from lumina_protocol.limits import GetLimits, LimitLeft, LimitsLeft
from lumina_protocol.members import AddMembers, CreateGroup, MembersChanged, RemoveMember
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    Message,
    MessageChanged,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    MessagePage,
    MessageSent,
    Note,
    Person,
    ReadHistory,
    SendMessage,
)
from lumina_protocol.session import Authenticate, Hello, Ping, Pong, Ready, Resume, Resumed

from golden.access_examples import BLOCKS, PROFILES, SETTINGS
from golden.account_examples import ACCOUNTS, BOT, BOTS, EMAILS, LOGINS, TOTP
from golden.comment_examples import COMMENTS
from golden.draft_examples import DRAFTS
from golden.export_examples import EXPORTS
from golden.feed_examples import FEED
from golden.follow_examples import AUDIENCES, FOLLOWS, MUTES, PEOPLE
from golden.frames import (
    ADDITION,
    ALICE,
    BOB,
    CAROL,
    CONNECTION,
    CONVERSATION,
    DELETION,
    EDIT,
    FIRST,
    GROUP,
    MINUTE,
    NOW,
    REMOVAL,
    SECOND,
    SESSION,
    TOKEN,
    answered,
    asked,
    refused,
    told,
)
from golden.group_examples import BANS, INVITES, MEMBERS, ROLES
from golden.lifecycle_examples import LIFECYCLE, UNTIL
from golden.media_examples import MEDIA_NEWS
from golden.message_examples import BEYOND_TEXT
from golden.mood_examples import WITH_POSTS
from golden.notification_examples import NOTIFICATIONS
from golden.post_change_examples import POST_CHANGES
from golden.post_draft_examples import POST_DRAFTS
from golden.post_examples import POSTS
from golden.post_people_examples import POST_PEOPLE
from golden.presence_examples import PRESENCE
from golden.reacting_examples import REACTING
from golden.receipt_examples import PREFERENCES, RECEIPTS
from golden.report_examples import MODERATION, REPORTS
from golden.scheduled_examples import SCHEDULED
from golden.search_examples import SEARCH
from golden.story_examples import STORIES
from golden.topic_examples import TOPICS
from golden.upload_examples import UPLOADS


def message(seq: int, id_: UUID, sender: UUID, content: str) -> Message:
    return Message(
        conversation_id=CONVERSATION,
        message_id=id_,
        seq=seq,
        rev=seq,
        sender_id=sender,
        message_type="text",
        content=content,
        created_at=NOW + 20_000 + seq * 2000,
    )


def conversation(last: Message | None = None) -> Conversation:
    return Conversation(
        conversation_id=CONVERSATION,
        conversation_type="direct",
        member_count=2,
        members=[
            Member(user_id=ALICE, username="alice"),
            Member(user_id=BOB, username="bob"),
        ],
        last_seq=last.seq if last else 0,
        last_rev=last.rev if last else 0,
        last_message=last,
        created_at=NOW + 17_000,
        updated_at=last.created_at if last else NOW + 17_000,
    )


def note(seq: int, id_: UUID, content: str, said: Note) -> Message:
    return Message(
        conversation_id=GROUP,
        message_id=id_,
        seq=seq,
        rev=seq,
        sender_id=ALICE,
        message_type="system",
        content=content,
        note=said,
        created_at=NOW + 28_000 + seq * 1000,
    )


def group(last: Message, *more: Member) -> Conversation:
    return Conversation(
        conversation_id=GROUP,
        conversation_type="group",
        title="Tea party",
        member_count=2 + len(more),
        members=[
            Member(user_id=ALICE, username="alice", role="owner"),
            Member(user_id=BOB, username="bob"),
            *more,
        ],
        last_seq=last.seq,
        last_rev=last.rev,
        last_message=last,
        created_at=NOW + 29_000,
        updated_at=last.created_at,
    )


HI = message(1, FIRST, ALICE, "Hi Bob")
ANSWER = message(2, SECOND, BOB, "Hi Alice, ça va? 👋")
EDITED = HI.model_copy(
    update={"rev": 3, "content": "Hi Bob, how are you?", "edited_at": NOW + 26_000}
)
DELETED = ANSWER.model_copy(update={"rev": 4, "content": "", "is_deleted": True})
OPENED = note(
    1,
    GROUP,
    "alice opened the group.",
    Note(kind="created", people=[Person(user_id=BOB, username="bob")], owner_id=ALICE),
)
ADDED = note(
    2,
    ADDITION,
    "alice added carol.",
    Note(kind="added", people=[Person(user_id=CAROL, username="carol")]),
)
SESSIONS = [
    told(
        Hello(
            server="lumina-rt/0.1.0",
            node="node1",
            time=NOW + 14_000,
            auth_timeout_ms=15_000,
            heartbeat_ms=25_000,
            max_frame=65_536,
            max_frame_before_auth=4096,
        )
    ),
    asked(2, Authenticate(token=TOKEN)),
    answered(
        2,
        "auth",
        Ready(
            connection_id=CONNECTION,
            session_id=SESSION,
            user_id=ALICE,
            username="alice",
            time=NOW + 15_000,
            expires_at=NOW + 15 * MINUTE,
            epoch=1,
        ),
    ),
    answered(
        2,
        "auth",
        Ready(
            connection_id=CONNECTION,
            session_id=BOT,
            user_id=ALICE,
            username="alice",
            time=NOW + 15_000,
            scopes=["messages.write"],
            epoch=1,
        ),
        ", to a bot",
    ),
    answered(
        2,
        "auth",
        Ready(
            connection_id=CONNECTION,
            session_id=SESSION,
            user_id=ALICE,
            username="alice",
            time=NOW + 15_000,
            role="moderator",
            expires_at=NOW + 15 * MINUTE,
            epoch=1,
        ),
        ", to staff",
    ),
    asked(2, Authenticate(token=TOKEN, resume=True), ", to resume"),
    asked(3, Resume(), ", for the first time"),
    asked(
        3,
        Resume(epoch=1, user_rev=4, cursors=[(GROUP, 2), (CONVERSATION, 1)]),
    ),
    answered(
        3,
        "resume",
        Resumed(epoch=1, user_rev=5, cursors=[(GROUP, 2, 2), (CONVERSATION, 4, 2)], stale=[]),
    ),
    answered(
        3,
        "resume",
        Resumed(
            epoch=2,
            user_rev=5,
            reset=True,
            cursors=[(GROUP, 2, 2), (CONVERSATION, 4, 2)],
            stale=[CONVERSATION],
        ),
        ", of another epoch",
    ),
    asked(17, GetLimits()),
    answered(
        17,
        "limits.get",
        LimitsLeft(
            limits=[
                LimitLeft(
                    name="message",
                    count=60,
                    period_ms=1000,
                    burst=300,
                    remaining=298,
                    full_in_ms=34,
                ),
                LimitLeft(
                    name="search",
                    count=30,
                    period_ms=60_000,
                    burst=10,
                    remaining=10,
                    full_in_ms=0,
                ),
            ]
        ),
    ),
    asked(9, Ping()),
    answered(9, "ping", Pong(time=NOW + 30_000)),
]

CONVERSATIONS = [
    asked(3, CreateConversation(conversation_id=CONVERSATION, username="bob")),
    answered(
        3, "conversation.create", ConversationReply(conversation=conversation(), created=True)
    ),
    answered(
        4,
        "conversation.create",
        ConversationReply(conversation=conversation(HI), created=False),
        ", there already",
    ),
    asked(5, ListConversations(), ", first page"),
    asked(5, ListConversations(before=(HI.created_at, CONVERSATION), limit=20)),
    answered(
        5,
        "conversation.list",
        ConversationPage(conversations=[conversation(HI)], more=False),
    ),
    told(ConversationCreated(conversation=conversation(), user_rev=4)),
    told(
        ConversationSynced(
            conversation_id=CONVERSATION,
            messages=[EDITED, DELETED],
            from_rev=1,
            to_rev=4,
            last_rev=4,
        )
    ),
    told(
        ConversationSynced(
            conversation_id=CONVERSATION,
            messages=[ANSWER.model_copy(update={"seq": 902, "rev": 904})],
            from_rev=1,
            to_rev=905,
            last_rev=905,
            limited=True,
            changed=[ChangedMessage(seq=1, rev=905, is_deleted=True)],
        ),
        ", limited",
    ),
    told(ConversationVoid(conversation_id=CONVERSATION, rev=5)),
    told(ConversationReset(conversation_id=CONVERSATION, last_rev=5)),
    told(ConversationGone(conversation_id=CONVERSATION)),
    asked(14, TellTyping(conversation_id=CONVERSATION)),
    answered(14, "conversation.typing", TypingTold()),
    asked(15, TellTyping(conversation_id=CONVERSATION, typing=False), ", the end"),
    told(MemberTyping(conversation_id=CONVERSATION, user_id=BOB)),
]

GROUPS = [
    asked(14, CreateGroup(conversation_id=GROUP, title="Tea party", usernames=["bob"])),
    answered(
        14, "conversation.create_group", ConversationReply(conversation=group(OPENED), created=True)
    ),
    asked(15, AddMembers(conversation_id=GROUP, usernames=["carol"], op_id=ADDITION)),
    answered(15, "member.add", MembersChanged(user_ids=[CAROL], seq=2, rev=2)),
    answered(15, "member.add", MembersChanged(user_ids=[]), ", in it already"),
    asked(16, RemoveMember(conversation_id=GROUP, user_id=CAROL, op_id=REMOVAL)),
    answered(16, "member.remove", MembersChanged(user_ids=[CAROL], seq=3, rev=3)),
    told(MessageCreated(message=ADDED), ", a note"),
    told(
        ConversationJoined(
            conversation=group(ADDED, Member(user_id=CAROL, username="carol")), user_rev=5
        )
    ),
    told(ConversationLeft(conversation_id=GROUP, rev=3, user_rev=6)),
]

MESSAGES = [
    asked(6, SendMessage(conversation_id=CONVERSATION, message_id=FIRST, content=HI.content)),
    answered(
        6, "message.send", MessageSent(message_id=FIRST, seq=1, rev=1, created_at=HI.created_at)
    ),
    asked(7, ReadHistory(conversation_id=CONVERSATION), ", the newest"),
    asked(7, ReadHistory(conversation_id=CONVERSATION, before_seq=3, limit=2), ", before"),
    asked(7, ReadHistory(conversation_id=CONVERSATION, after_seq=0, limit=200)),
    asked(7, ReadHistory(conversation_id=CONVERSATION, around_seq=1), ", around a seq"),
    asked(
        7, ReadHistory(conversation_id=CONVERSATION, around_message_id=FIRST), ", around a message"
    ),
    answered(7, "message.history", MessagePage(messages=[HI, ANSWER], last_seq=2, last_rev=2)),
    answered(
        7,
        "message.history",
        MessagePage(messages=[ANSWER], last_seq=3, last_rev=3, more_before=True, more_after=True),
        ", more on both sides",
    ),
    answered(
        8, "message.history", MessagePage(messages=[], last_seq=2, last_rev=2), ", nothing there"
    ),
    told(MessageCreated(message=ANSWER)),
]

EDITS = [
    asked(
        11,
        EditMessage(
            conversation_id=CONVERSATION,
            message_id=FIRST,
            op_id=EDIT,
            base_rev=HI.rev,
            content=EDITED.content,
        ),
    ),
    answered(
        11,
        "message.edit",
        MessageEdited(message_id=FIRST, seq=1, rev=3, edited_at=NOW + 26_000),
    ),
    told(MessageChanged(message=EDITED)),
    asked(12, DeleteMessage(conversation_id=CONVERSATION, message_id=SECOND, op_id=DELETION)),
    answered(12, "message.delete", MessageDeleted(message_id=SECOND, seq=2, rev=4)),
    told(MessageChanged(message=DELETED), ", deleted"),
    asked(13, SyncConversation(conversation_id=CONVERSATION, after_rev=1, limit=200)),
    answered(
        13,
        "conversation.sync",
        SyncPage(messages=[EDITED, DELETED], from_rev=1, to_rev=4, last_rev=4),
    ),
]

ERROR_FRAMES = [
    refused(6, Conflict(field="message_id"), "with a field"),
    refused(10, RateLimited(retry_after_ms=21, limit="message"), "with retry_after_ms"),
    refused(
        2**53 - 1,
        Unavailable(
            "Every field is here.",
            field="token",
            retry_after_ms=1000,
            limit="message",
            until=UNTIL,
        ),
        "with all fields and the largest id",
    ),
    refused(None, Unavailable(), "with id null"),
    refused(2, Suspended("This account is suspended: spam", until=NOW + MINUTE), "with until"),
    refused(1, AccountDeleted(until=UNTIL), "of a deleted account, with until"),
    *(refused(10, error(), code) for code, error in ERRORS.items()),
]

EXAMPLES = [
    *SESSIONS,
    *ACCOUNTS,
    *LOGINS,
    *BOTS,
    *LIFECYCLE,
    *EXPORTS,
    *UPLOADS,
    *MEDIA_NEWS,
    *EMAILS,
    *TOTP,
    *CONVERSATIONS,
    *GROUPS,
    *ROLES,
    *INVITES,
    *BANS,
    *MEMBERS,
    *MESSAGES,
    *BEYOND_TEXT,
    *EDITS,
    *REACTING,
    *DRAFTS,
    *NOTIFICATIONS,
    *SCHEDULED,
    *POSTS,
    *POST_CHANGES,
    *POST_DRAFTS,
    *POST_PEOPLE,
    *FEED,
    *TOPICS,
    *WITH_POSTS,
    *RECEIPTS,
    *PREFERENCES,
    *SEARCH,
    *REPORTS,
    *MODERATION,
    *FOLLOWS,
    *MUTES,
    *AUDIENCES,
    *PEOPLE,
    *BLOCKS,
    *SETTINGS,
    *PRESENCE,
    *COMMENTS,
    *STORIES,
    *PROFILES,
    *ERROR_FRAMES,
]
