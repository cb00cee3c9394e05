"""Notifications, from their causes to what their receivers are told.

A cause calls `notify` in its own transaction, after the change and under the lock of what it
changes, and `withdraw` when it goes away: each writes one row and locks nothing. `fold` makes of
these rows what there is to be told, all of a group at once; a worker calls it some times a second
(workers/notifications.py). Whoever changes notifications locks the streams of their receivers
first, in one statement, and looks with the next.

Whether somebody is to be notified is asked when it is told, and not before: blocks, mutes,
preferences, and whether they may see what it is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from lumina_protocol.fields import uuid7
from lumina_protocol.notifications import (
    NotificationChanged,
    NotificationGroup,
    NotificationRemoved,
    Type,
)

from lumina_rt.sentences import sentence, sentence_without_numbers
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx
    from lumina_rt.store.queries import Query

ADD = query("notifications.add")
LOOK_AT_POST = query("notifications.look_at_post")
LOOK_AT_COMMENT = query("notifications.look_at_comment")
LOOK_AT_STORY = query("notifications.look_at_story")
LOCK_STREAMS = query("user_events.lock")
BETWEEN = query("notifications.between")
BETWEEN_TALKS = query("notifications.between_talks")
TAKE = query("notifications.take")
REMOVE = query("notifications.remove")
SETTLE = query("notifications.settle")
RECOUNT = query("notifications.recount")
ABLE = query("notifications.able")
OPEN = query("notifications.open")
KEEP = query("notifications.keep")
COUNT = query("notifications.count")
DROP = query("notifications.drop")
GROUPS = query("notifications.groups")
UNREAD = query("notifications.unread")
UNREAD_MESSAGES = query("message_notifications.unread")
SET_MESSAGES = query("message_notifications.set")

PAUSE_S = 5.0
"""A group is told at most once in this time, however much happens; sooner while it has less than 50
causes."""
AT_ONCE = 2000
"""Causes that one fold takes at most."""
MESSAGE, MENTION = "message:", "mention:"
"""Groups that follow from what is unread in a conversation: its id is behind it."""
TALK = re.compile(f"{MESSAGE}([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})")
ABOUT = ("post_id", "comment_id", "story_id", "conversation_id", "message_id")
REMOVED_BY = ("user_id", "group_key", "actor_id", "comment_id", "message_id")
SHOWN = (
    *("group_key", "type", "text"),
    *("is_read", "silent", "created_at", "updated_at"),
)
COLUMNS = {
    **{f"{name}s": name for name in ("user_id", "group_key", "actor_id", "title", *ABOUT)},
    "receiver_ids": "user_id",
    "notification_ids": "notification_id",
    "types": "notification_type",
    "texts": "message",
}
"""Of a cause, by the parameters of statements."""


class Name(NamedTuple):
    """Of a group."""

    user_id: UUID
    group_key: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some are to be notified. `group_key` says what is shown as one, at most 100 characters:
    `reaction:post:` and the id of the post, `mention:comment:` and that of a comment, `follow`."""

    type: Type
    user_ids: Sequence[UUID]
    """The receivers; the actor is left out."""
    group_key: str
    title: str
    """What an app shows that does not know the type, without the actor: "reacted to your post"."""
    actor_id: UUID | None = None
    """None: the server itself."""
    text: str = ""
    """An excerpt, at most 2,000 characters. It stays in the store as long as the notification."""
    post_id: UUID | None = None
    comment_id: UUID | None = None
    story_id: UUID | None = None
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    """With its conversation."""


async def notify(tx: Tx, cause: Cause) -> None:
    """The same cause of the same actor twice is one."""
    await _write(tx, "add", cause)


async def withdraw(tx: Tx, cause: Cause) -> None:
    """What the actor has caused in the group: of the comment or message that is named, or all."""
    await _write(tx, "remove", cause)


async def withdraw_group(tx: Tx, user_ids: Sequence[UUID], group_key: str) -> None:
    """All of it, whoever has caused it: its subject is gone."""
    await _write(tx, "drop", Cause("system", user_ids, group_key, ""))


async def look_again(
    tx: Tx,
    *,
    post_id: UUID | None = None,
    comment_id: UUID | None = None,
    story_id: UUID | None = None,
) -> None:
    """After one of these was deleted, or is shown to fewer: what was told of it to who may not see
    it any more is withdrawn."""
    asked: list[tuple[Query, str, UUID | None]] = [
        (LOOK_AT_POST, "post_id", post_id),
        (LOOK_AT_COMMENT, "comment_id", comment_id),
        (LOOK_AT_STORY, "story_id", story_id),
    ]
    for look, name, value in asked:
        if value is not None:
            await tx.run(look, **{name: value})


async def part(tx: Tx, user_id: UUID, other_id: UUID) -> None:
    """Two are blocked from each other: what they have caused with each other is withdrawn at once,
    in this transaction. After the locks of the pair and of their conversation."""
    pair = {"user_id": user_id, "other_id": other_id}
    await tx.run(LOCK_STREAMS, user_ids=list(pair.values()))
    rows = [*await tx.all(BETWEEN, **pair), *await tx.all(BETWEEN_TALKS, **pair)]
    if rows:
        await fold(tx, list(pair.values()))


async def _write(tx: Tx, kind: str, cause: Cause) -> None:
    user_ids = sorted({one for one in cause.user_ids if one != cause.actor_id})
    if not user_ids:
        return
    about = {name: getattr(cause, name) for name in ABOUT}
    await tx.run(
        ADD,
        made=kind,
        user_ids=user_ids,
        notification_ids=[uuid7() for _ in user_ids],
        group_key=cause.group_key,
        type=cause.type,
        title=cause.title,
        text=cause.text,
        actor_id=cause.actor_id,
        pause_s=PAUSE_S,
        **about,
    )


@dataclass(slots=True)
class Folding:
    """What the causes of some groups come to."""

    added: dict[tuple[object, ...], Row] = field(default_factory=dict)
    removed: list[Row] = field(default_factory=list)
    dropped: set[Name] = field(default_factory=set)
    looked_at: set[Name] = field(default_factory=set)
    talks: set[tuple[UUID, UUID]] = field(default_factory=set)

    def take(self, row: Row) -> None:
        name = Name(row["user_id"], row["group_key"])
        match row["kind"]:
            case "add":
                key = (*name, row["actor_id"], *(row[about] for about in ABOUT))
                self.added[key] = row
            case "remove":
                self._forget(lambda cause: _undoes(row, cause))
                self.removed.append(row)
            case "drop":
                self._forget(lambda cause: Name(cause["user_id"], cause["group_key"]) == name)
                self.dropped.add(name)
            case _ if talk := TALK.fullmatch(name.group_key):
                self.talks.add((name.user_id, UUID(talk[1])))
            case _:
                self.looked_at.add(name)

    def _forget(self, undone: Callable[[Row], bool]) -> None:
        self.added = {key: row for key, row in self.added.items() if not undone(row)}


def _undoes(removal: Row, cause: Row) -> bool:
    same = all(removal[name] == cause[name] for name in ("user_id", "group_key", "actor_id"))
    named = [name for name in ("comment_id", "message_id") if removal[name] is not None]
    return same and all(removal[name] == cause[name] for name in named)


@dataclass(slots=True)
class Told:
    """Groups that their users are to be told of."""

    changed: set[Name] = field(default_factory=set)
    removed: set[Name] = field(default_factory=set)


@dataclass(slots=True)
class Change:
    """By how much a group becomes more, or less."""

    causes: int = 0
    actors: int = 0
    is_news: bool = False


async def fold(tx: Tx, user_ids: Sequence[UUID]) -> int:
    """Make of the causes that are due what there is, and tell it. The streams of these users are
    locked. Returns how many causes there were."""
    rows = await tx.all(TAKE, user_ids=user_ids, batch=AT_ONCE)
    folding = Folding()
    for row in rows:
        folding.take(row)
    told = Told()
    await _drop(tx, told, folding.dropped, always=True)
    changes: dict[Name, Change] = defaultdict(Change)
    await _remove(tx, folding.removed, changes)
    await _look(tx, folding.looked_at, told)
    for name in folding.looked_at & changes.keys():  # counted anew, without what was removed
        del changes[name]
        told.changed.add(name)
    await _add(tx, list(folding.added.values()), changes)
    await _count(tx, changes, told)
    await _drop(tx, told, set(told.changed))
    await _messages(tx, folding.talks, told)
    await tell(tx, told)
    return len(rows)


async def _drop(tx: Tx, told: Told, names: set[Name], *, always: bool = False) -> None:
    """Those in which nothing is left, or `always`."""
    if names:
        gone = _names(await tx.all(DROP, **_columns(names), all=always))
        told.changed -= gone
        told.removed |= gone


async def _remove(tx: Tx, removed: list[Row], changes: dict[Name, Change]) -> None:
    columns = {f"{name}s": [row[name] for row in removed] for name in REMOVED_BY}
    for row in await tx.all(REMOVE, **columns) if removed else []:
        change = changes[Name(row["user_id"], row["group_key"])]
        change.causes -= row["causes"]
        change.actors -= row["actors"]


async def _look(tx: Tx, names: set[Name], told: Told) -> None:
    if names:
        await tx.run(SETTLE, **_columns(names))
        told.changed |= _names(await tx.all(RECOUNT, **_columns(names)))


async def _add(tx: Tx, causes: list[Row], changes: dict[Name, Change]) -> None:
    if not causes:
        return
    able = await tx.all(ABLE, **_named(causes, ABLE))
    causes = [causes[row["ord"] - 1] for row in able]
    await tx.run(OPEN, **_named(causes, OPEN))
    for row in await tx.all(KEEP, **_named(causes, KEEP)):
        change = changes[Name(row["user_id"], row["group_key"])]
        change.causes += row["causes"]
        change.actors += row["actors"]
        change.is_news = True


async def _count(tx: Tx, changes: dict[Name, Change], told: Told) -> None:
    names = changes.keys() | told.changed
    if names:
        ordered = sorted(names)
        of = [changes.get(name, Change()) for name in ordered]
        await tx.run(
            COUNT,
            **_columns(ordered),
            causes=[change.causes for change in of],
            actors=[change.actors for change in of],
            are_news=[change.is_news for change in of],
        )
        told.changed |= names


async def _messages(tx: Tx, talks: set[tuple[UUID, UUID]], told: Told) -> None:
    """The groups that follow from what is unread."""
    if not talks:
        return
    users, conversations = zip(*sorted(talks), strict=True)
    rows = await tx.all(UNREAD_MESSAGES, user_ids=list(users), conversation_ids=list(conversations))
    there = {Name(row["user_id"], _key(row)) for row in rows}
    if rows:
        told.changed |= _names(await tx.all(SET_MESSAGES, **_derived(rows)))
    gone = {Name(u, f"{kind}{c}") for u, c in talks for kind in (MESSAGE, MENTION)} - there
    await _drop(tx, told, gone, always=True)


def _key(row: Row) -> str:
    return f"{MENTION if row['is_mention'] else MESSAGE}{row['conversation_id']}"


def _derived(rows: list[Row]) -> dict[str, object]:
    """In the order of names, in which rows are locked."""
    rows = sorted(rows, key=lambda row: (row["user_id"], _key(row)))
    same = ("conversation_id", "message_id", "seq")
    return {f"{name}s": [row[name] for row in rows] for name in same} | {
        "receiver_ids": [row["user_id"] for row in rows],
        "group_keys": [_key(row) for row in rows],
        "types": ["mention" if row["is_mention"] else "message" for row in rows],
        "titles": [_said(row["messages"], is_mention=row["is_mention"]) for row in rows],
        "actor_arrays": ["{" + ",".join(map(str, row["sender_ids"])) + "}" for row in rows],
        "actors": [row["senders"] for row in rows],
        "causes": [row["messages"] for row in rows],
        "are_silent": [row["is_silent"] for row in rows],
    }


def _said(count: int, *, is_mention: bool) -> str:
    messages = "a message" if count == 1 else f"{count} messages"
    return f"mentioned you in {messages}" if is_mention else f"sent {messages}"


async def tell(tx: Tx, told: Told) -> None:
    """What each user has now. All events of a user carry the same number of what is unread."""
    user_ids = sorted({name.user_id for name in told.changed | told.removed})
    if not user_ids:
        return
    unread = {row["user_id"]: row["unread"] for row in await tx.all(UNREAD, user_ids=user_ids)}
    removed: dict[UUID, list[str]] = defaultdict(list)
    for name in sorted(told.removed):
        removed[name.user_id].append(name.group_key)
    for user_id, keys in removed.items():
        tx.tell(NotificationRemoved(group_keys=keys, unread=unread[user_id]), to=[user_id])
    for user_id, group in await groups(tx, told.changed):
        tx.tell(NotificationChanged(group=group, unread=unread[user_id]), to=[user_id])


async def groups(tx: Tx, names: Iterable[Name]) -> list[tuple[UUID, NotificationGroup]]:
    """As their users are told of them, oldest first. None of those that are not there."""
    rows = await tx.all(GROUPS, **_columns(sorted(names))) if names else []
    return [(row["user_id"], _group(row)) for row in rows]


def _group(row: Row) -> NotificationGroup:
    actors = row["actors"] or []
    same = {name: row[name] for name in SHOWN}
    about = {name: value for name, value in row["about"].items() if name in ABOUT}
    names, count = [one["username"] for one in actors], row["actor_count"]
    if row["hides_numbers"] and "seq" not in row["about"]:  # how much is to be read, all are told
        title = sentence_without_numbers(names, count, row["title"])
        return NotificationGroup(**same, **about, title=title, actors=actors)
    counts = {"actor_count": count, "count": row["cause_count"]}
    title = sentence(names, count, row["title"])
    return NotificationGroup(**same, **about, **counts, title=title, actors=actors)


def _columns(names: Iterable[Name]) -> dict[str, object]:
    names = sorted(names)
    return {
        "user_ids": [name.user_id for name in names],
        "group_keys": [name.group_key for name in names],
    }


def _names(rows: Iterable[Row]) -> set[Name]:
    return {Name(row["user_id"], row["group_key"]) for row in rows}


def _named(causes: Sequence[Row], asked: Query) -> dict[str, object]:
    """What a statement takes of causes, column by column."""
    return {param: [row[COLUMNS[param]] for row in causes] for param in asked.params}
