"""One golden frame for every request, reply, event and error, with fixed ids and times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lumina_protocol.accounts import Login, Register, Token
from lumina_protocol.codec import Codec
from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationPage,
    ConversationReply,
    CreateConversation,
    ListConversations,
    Member,
    MemberTyping,
    SyncConversation,
    SyncPage,
    TellTyping,
    TypingTold,
)
from lumina_protocol.errors import ERRORS, Conflict, LuminaError, RateLimited, Unavailable
from lumina_protocol.frame import Event, Reply, Request
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
    ReadHistory,
    SendMessage,
)
from lumina_protocol.session import Authenticate, Hello, Ping, Pong, Ready

NOW = 1_768_471_200_000  # 2026-01-15T10:00:00Z
DAY = 86_400_000
# All UUIDv7 of that minute, as clients and servers make them.
ALICE = UUID("019bc119-0100-7a3e-9c41-5d0e6f7a8b90")
BOB = UUID("019bc119-0512-70b7-a1d4-3e2f1c0b9a88")
SESSION = UUID("019bc119-3a98-7c55-8f06-b2d19e4c7a31")
CONVERSATION = UUID("019bc119-4268-7e12-b3a9-0f1e2d3c4b5a")
OTHER_ID = UUID("019bc119-4a38-71f4-9d27-6c5b4a392817")
FIRST = UUID("019bc119-5208-7d6a-8e1b-a4c3f2e1d0b9")
SECOND = UUID("019bc119-59d8-7083-bc52-1928374655a4")
EDIT = UUID("019bc119-61a8-7b3c-a4d5-e6f708192a3b")
DELETION = UUID("019bc119-6978-7e0f-8192-a3b4c5d6e7f8")
TOKEN = "an-opaque-token-from-account.login"  # noqa: S105  (opens nothing)
PASSWORD = "correct horse battery"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Example:
    """A frame by name. The first word of the name is the operation, the event type or `error`."""

    name: str
    direction: str
    write: Callable[[Codec], bytes]

    @property
    def subject(self) -> str:
        return self.name.split(" ", 1)[0]


def asked(id_: int, request: Request[Any], detail: str = "") -> Example:
    name = f"{request.op} request{detail}"
    return Example(name, "client to server", lambda codec: codec.request(id_, request))


def answered(id_: int, op: str, reply: Reply, detail: str = "") -> Example:
    name = f"{op} reply{detail}"
    return Example(name, "server to client", lambda codec: codec.reply(id_, reply))


def told(event: Event, detail: str = "") -> Example:
    name = f"{event.type} event{detail}"
    return Example(name, "server to client", lambda codec: codec.event(event))


def refused(id_: int | None, error: LuminaError, detail: str) -> Example:
    name = f"error {detail}"
    return Example(name, "server to client", lambda codec: codec.error(id_, error.body))


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


HI = message(1, FIRST, ALICE, "Hi Bob")
ANSWER = message(2, SECOND, BOB, "Hi Alice, ça va? 👋")
EDITED = HI.model_copy(
    update={"rev": 3, "content": "Hi Bob, how are you?", "edited_at": NOW + 26_000}
)
DELETED = ANSWER.model_copy(update={"rev": 4, "content": "", "is_deleted": True})
LOGGED_IN = Token(user_id=ALICE, username="alice", token=TOKEN, expires_at=NOW + 30 * DAY)

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
        Ready(session_id=SESSION, user_id=ALICE, username="alice", time=NOW + 15_000, epoch=1),
    ),
    asked(9, Ping()),
    answered(9, "ping", Pong(time=NOW + 30_000)),
]

ACCOUNTS = [
    asked(
        1,
        Register(username="alice", password=PASSWORD, full_name="Alice Liddell"),
    ),
    asked(1, Register(username="alice", password=PASSWORD), ", no optional field"),
    answered(1, "account.register", LOGGED_IN),
    asked(1, Login(username="alice", password=PASSWORD)),
    answered(1, "account.login", LOGGED_IN),
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
    told(ConversationCreated(conversation=conversation())),
    asked(14, TellTyping(conversation_id=CONVERSATION)),
    answered(14, "conversation.typing", TypingTold()),
    told(MemberTyping(conversation_id=CONVERSATION, user_id=BOB)),
]

MESSAGES = [
    asked(6, SendMessage(conversation_id=CONVERSATION, message_id=FIRST, content=HI.content)),
    answered(
        6, "message.send", MessageSent(message_id=FIRST, seq=1, rev=1, created_at=HI.created_at)
    ),
    asked(7, ReadHistory(conversation_id=CONVERSATION), ", the newest"),
    asked(7, ReadHistory(conversation_id=CONVERSATION, before_seq=3, limit=2), ", before"),
    asked(7, ReadHistory(conversation_id=CONVERSATION, after_seq=0, limit=200)),
    answered(7, "message.history", MessagePage(messages=[HI, ANSWER], last_seq=2)),
    answered(8, "message.history", MessagePage(messages=[], last_seq=2), ", nothing there"),
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
    refused(10, RateLimited(retry_after_ms=21), "with retry_after_ms"),
    refused(
        2**53 - 1,
        Unavailable("Every field is here.", field="token", retry_after_ms=1000),
        "with all fields and the largest id",
    ),
    refused(None, Unavailable(), "with id null"),
    *(refused(10, error(), code) for code, error in ERRORS.items()),
]

EXAMPLES = [*SESSIONS, *ACCOUNTS, *CONVERSATIONS, *MESSAGES, *EDITS, *ERROR_FRAMES]
