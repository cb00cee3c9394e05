"""Who may see and do what: the one place where permission is asked.

A hot write asks inside its statement, so that the answer belongs to the same commit
(sql/messages.sql, `send`), and a list does, so that a page is full; everything else asks here. The
rules between two users are SQL functions, which all of them use: sql/migrations/0029_access.sql.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import (
    AdminsOnly,
    Blocked,
    Forbidden,
    Gone,
    LuminaError,
    NotAccepted,
    NotFound,
    Suspended,
)
from lumina_protocol.messages import Message

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

MAX_MEMBERS = 5000
"""Of a group."""

MEMBERSHIP = query("conversations.membership")
SEEN = query("messages.seen")
STAFF = query("moderation.staff_role")
VISIBLE = query("access.visible")
CLOSED_TO = query("access.closed_to")
NOT_ACCEPTING = query("access.not_accepting")
LOCK_PAIR = query("blocks.lock_pair")
POST = query("access.post")
STORY = query("stories.seen")
NO_COMMENT = query("comments.closed")
BLOCKED = query("comments.blocked")
FOLLOWABLE = query("follows.followable")
PROFILE = query("profiles.get")
MEDIA = query("media_urls.visible")
TOPIC = query("topics.seen")


async def member(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> Row:
    """The counters (last_seq, last_rev) of a conversation that the user is a member of.

    Raises NotFound, for a stranger as for a conversation that does not exist.
    """
    row = await tx.maybe(MEMBERSHIP, user_id=user_id, conversation_id=conversation_id)
    if row is None:
        raise not_found()
    return row


def not_found() -> NotFound:
    return NotFound("There is no such conversation, or not for you.", field="conversation_id")


async def group_admin(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> Row:
    """The same, of a group whose members the user may choose. Raises NotFound, Forbidden."""
    row = await member(tx, user_id=user_id, conversation_id=conversation_id)
    if row["conversation_type"] != "group":
        raise Forbidden("A direct conversation is between two.", field="conversation_id")
    if row["role"] not in ("owner", "admin"):
        raise Forbidden("Only its owner and its admins do this.", field="conversation_id")
    return row


async def message(tx: Tx, *, user_id: UUID, conversation_id: UUID, message_id: UUID) -> Message:
    """One that the user may see, a tombstone too. Raises NotFound, with the field of what there is
    not."""
    await member(tx, user_id=user_id, conversation_id=conversation_id)
    where = {"conversation_id": conversation_id, "message_id": message_id}
    row = await tx.maybe(SEEN, user_id=user_id, **where)
    if row is None:
        raise NotFound("The conversation has no such message.", field="message_id")
    return Message.model_validate(dict(row))


async def said(tx: Tx, *, user_id: UUID, conversation_id: UUID, message_id: UUID) -> Message:
    """One that somebody has said, and that is still there. Raises Gone, Forbidden as well."""
    where = {"conversation_id": conversation_id, "message_id": message_id}
    found = await message(tx, user_id=user_id, **where)
    if found.is_deleted:
        raise Gone("This message was deleted.", field="message_id")
    if found.message_type == "system":
        raise Forbidden("What the server notes stays as it is.", field="message_id")
    return found


def may_set_role(own: str, before: str, after: str) -> None:
    """Of somebody who chooses the members, by the role that is theirs. Raises Forbidden."""
    if own != "owner" and "owner" in (before, after):
        raise Forbidden("Only an owner decides who is one.", field="role")


def may_send_away(role: str | None) -> None:
    """Somebody who has this role. Raises Forbidden."""
    if role == "owner":
        raise Forbidden(
            "Nobody sends an owner away: take that role from them first.", field="user_id"
        )


async def staff(tx: Tx, *, user_id: UUID) -> str:
    """The role of a moderator or an admin. Raises Forbidden for everybody else."""
    row = await tx.maybe(STAFF, user_id=user_id)
    if row is None:
        raise Forbidden("Only staff do this.")
    return str(row["staff_role"])


def refuse_suspended(user: Row) -> None:
    """Of a row that has both columns. Raises Suspended, which says until when and why."""
    if user["suspended_until"] is not None:
        why = f"This account is suspended: {user['suspended_reason']}"
        raise Suspended(why, until=user["suspended_until"])


async def visible(
    tx: Tx,
    *,
    viewer_id: UUID,
    owner_id: UUID,
    shown_to: str = "public",
    audience_id: UUID | None = None,
) -> bool:
    """Whether somebody may see what another shows to these: "public", "followers", "friends" (who
    follow each other), "close_friends", "custom" (the audience) or "private"."""
    asked = {"user_id": viewer_id, "other_id": owner_id}
    row = await tx.maybe(VISIBLE, shown_to=shown_to, audience_id=audience_id, **asked)
    return row is not None


async def lock_pair(tx: Tx, *, user_id: UUID, other_id: UUID) -> None:
    """First of all for whoever changes what is between two users: what it is, the next statement
    sees. Before any lock of a conversation."""
    await tx.run(LOCK_PAIR, user_id=user_id, other_id=other_id)


async def followable(tx: Tx, *, user_id: UUID, other_id: UUID) -> Row:
    """Whom a user may follow, or ask to: `is_private`. Raises NotFound, and Blocked for whom the
    user has blocked."""
    row = await tx.maybe(FOLLOWABLE, user_id=user_id, other_id=other_id)
    if row is None:
        raise no_user()
    if row["blocked"]:
        raise Blocked("You have blocked this user.", field="user_id")
    return row


async def lists_of(tx: Tx, *, user_id: UUID, other_id: UUID) -> None:
    """Whom somebody follows, and who follows them: for those who see their whole profile. Raises
    NotFound, Forbidden."""
    row = await tx.maybe(PROFILE, user_id=user_id, other_id=other_id)
    if row is None:
        raise no_user()
    if not row["whole"]:
        raise Forbidden("This user does not show that to you.", field="user_id")


def no_user() -> NotFound:
    return NotFound("There is no such user, or not for you.", field="user_id")


async def may_open(tx: Tx, *, user_id: UUID, other_id: UUID, field: str = "username") -> None:
    """A first direct conversation with somebody. Raises NotAccepted."""
    if await tx.maybe(NOT_ACCEPTING, user_id=user_id, other_id=other_id) is not None:
        raise NotAccepted(field=field)


async def may_say(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> None:
    """Something that others have not heard yet, as a member. Raises Blocked, NotAccepted,
    AdminsOnly."""
    row = await tx.maybe(CLOSED_TO, user_id=user_id, conversation_id=conversation_id)
    if row is not None:
        raise closed(row["why"])


async def may_react(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> None:
    """To what was said, as a member: also where only admins say something. Raises Blocked,
    NotAccepted."""
    with suppress(AdminsOnly):
        await may_say(tx, user_id=user_id, conversation_id=conversation_id)


def closed(why: str) -> LuminaError:
    """What `closed_to` says, as an error."""
    if why == "blocked":
        return Blocked()
    refused = AdminsOnly if why == "admins_only" else NotAccepted
    return refused(field="conversation_id")


async def post(tx: Tx, *, user_id: UUID, post_id: UUID) -> None:
    """That the user may see. Raises NotFound, as for one that there is not."""
    if await tx.maybe(POST, user_id=user_id, post_id=post_id) is None:
        raise no_post()


def no_post() -> NotFound:
    return NotFound("There is no such post, or not for you.", field="post_id")


async def topic(tx: Tx, *, user_id: UUID, topic_id: UUID, field: str = "topic_id") -> None:
    """That is there for the user. Raises NotFound with this field, as for one that there is not."""
    if await tx.maybe(TOPIC, user_ids=[user_id], topic_id=topic_id) is None:
        raise no_topic(field)


def no_topic(field: str = "topic_id") -> NotFound:
    return NotFound("There is no such topic, or not for you.", field=field)


async def story(tx: Tx, *, user_id: UUID, story_id: UUID) -> Row:
    """That the user may see now: its author, its stickers, and whether it has not expired (else it
    is in a highlight). Raises NotFound, as for one that there is not."""
    row = await tx.maybe(STORY, user_id=user_id, story_id=story_id)
    if row is None:
        raise no_story()
    return row


async def live_story(tx: Tx, *, user_id: UUID, story_id: UUID) -> Row:
    """Of somebody else, that has not expired. Raises NotFound, Forbidden."""
    found = await story(tx, user_id=user_id, story_id=story_id)
    if not found["is_live"]:
        raise no_story()
    if found["user_id"] == user_id:
        raise Forbidden("This story is one's own.", field="story_id")
    return found


async def story_to_answer(tx: Tx, *, user_id: UUID, story_id: UUID) -> Row:
    """Likewise, by a message to its author: a block hides it from staff as well."""
    found = await live_story(tx, user_id=user_id, story_id=story_id)
    if await tx.maybe(BLOCKED, user_id=user_id, other_id=found["user_id"]) is not None:
        raise no_story()
    return found


def no_story() -> NotFound:
    return NotFound("There is no such story, or not for you.", field="story_id")


async def may_comment(tx: Tx, *, user_id: UUID, post_id: UUID) -> None:
    """On a post. Raises NotFound, Blocked, Forbidden."""
    await post(tx, user_id=user_id, post_id=post_id)
    row = await tx.maybe(NO_COMMENT, user_id=user_id, post_id=post_id)
    if row is None:
        return
    if row["why"] == "blocked":
        raise Blocked
    if row["why"] == "closed":
        raise Forbidden("This post takes no comments.", field="post_id")
    raise Forbidden("Its author does not take your comments on this post.", field="post_id")


async def comment_of(tx: Tx, *, user_id: UUID, other_id: UUID, field: str = "comment_id") -> None:
    """Of somebody else, on a post that the user sees: a block hides it, both ways. Raises
    NotFound."""
    if await tx.maybe(BLOCKED, user_id=user_id, other_id=other_id) is not None:
        raise no_comment(field)


def no_comment(field: str = "comment_id") -> NotFound:
    return NotFound("The post has no such comment, or not for you.", field=field)


async def media(
    tx: Tx, *, user_id: UUID, media_ids: Sequence[UUID], conversation_id: UUID | None
) -> list[Row]:
    """Those of these that the user may see, by what shows them; those of messages, where they are
    in this conversation."""
    where = {"user_id": user_id, "conversation_id": conversation_id}
    return await tx.all(MEDIA, media_ids=media_ids, **where)
