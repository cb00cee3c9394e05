"""What messages and names make of conversations and of other messages, for the oracle."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.conversations import Conversation, Member
from lumina_protocol.messages import EXCERPT, Message


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
    kept = members
    if note.kind in ("added", "joined", "left", "removed", "banned"):
        kept = [m for m in members if m.user_id not in people]
    if note.kind == "role":
        kept = [
            m.model_copy(update={"role": note.role}) if m.user_id in people else m for m in members
        ]
    if note.kind in ("added", "joined"):
        come = sorted(people.items())
        kept += [Member(user_id=user, username=name, role="member") for user, name in come]
    return [
        m.model_copy(update={"role": "owner"}) if m.user_id == note.owner_id else m for m in kept
    ]


def look_after(message: Message) -> dict[str, object]:
    """What a note of the server makes of how the group shows itself."""
    note = message.note
    return dict(note.group) if note and note.group else {}
