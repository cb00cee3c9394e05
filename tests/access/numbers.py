"""All numbers that the protocol has, found by walking its models: those of how things are received,
and why each of the others is told to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from lumina_protocol import EVENTS, REQUESTS
from pydantic import BaseModel

OF_THE_AUTHOR = {
    "Post.reactions", "Post.comment_count", "Post.share_count", "Post.view_count",
    "PostState.reactions", "PostState.comment_count", "PostState.share_count",
    "PostState.view_count", "PollOption.votes", "PollState.votes", "Comment.like_count",
    "Comment.reply_count", "Sticker.votes", "Profile.follower_count", "Profile.following_count",
    "Profile.post_count",
}  # fmt: skip
"""Told to those who see the thing, unless its author or they do not want it."""
FOR_THE_AUTHOR = {
    "Story.view_count", "Story.reaction_count", "StoryState.view_count",
    "StoryState.reaction_count", "StoryState.answer_count", "DayOfPost.views",
    "DayOfPost.unique_views", "DayOfPost.comments", "DayOfPost.shares", "DayOfPost.saves",
    "DayOfPost.reactions",
}  # fmt: skip
"""Told to nobody else."""
OF_THE_READER = {
    "NotificationGroup.actor_count", "NotificationGroup.count", "SuggestedUser.mutual",
}  # fmt: skip
"""Told to one, unless they do not want it."""
RECEPTION = OF_THE_AUTHOR | FOR_THE_AUTHOR | OF_THE_READER

PLAIN = {
    "a place in an order": {
        "seq", "rev", "user_rev", "version", "comment_rev", "from_rev", "to_rev", "last_rev",
        "last_seq", "read_seq", "delivered_seq", "archived_seq", "depth", "epoch", "sticker_no",
        "option_no", "own_option", "own_votes", "highlights", "cursor", "cursors",
    },
    "a time, or how long": {
        "time", "until", "since", "upto", "muted_until", "slow_mode_s", "expires_after_s",
        "expires_ms", "duration_ms", "auth_timeout_ms", "heartbeat_ms", "time_limit_minutes",
    },
    "a measure": {
        "bytes", "size_bytes", "width", "height", "max_frame", "max_frame_before_auth", "latitude",
        "longitude", "x", "y",
    },
    "how much is to be read": {"unread"},
    "how many are in a group, or a list of one's own": {"member_count"},
    "how far a file of one's own is": {
        "received", "percent", "part", "parts", "part_bytes", "parts_received",
    },
}  # fmt: skip
"""By their names, whatever has them. What ends in `_at` is a time as well."""
ASKED_ELSEWHERE = {
    f"{model}.{name}": "tests/handlers asks for it where it is made"
    for model, names in {
        "ProfileState": ("follower_count", "following_count", "post_count"),
        "Topic": ("follower_count", "post_count"),
        "TopicState": ("follower_count", "post_count"),
    }.items()
    for name in names
}
"""Of how things are received as well: not told to who has `hide_metrics`."""
TOLD_TO_ALL = ASKED_ELSEWHERE | {
    "Reacted.count": "a message is the same for all its readers, and says who has reacted",
    "Teller.stories": "what there is to be seen",
    "Teller.unseen": "what there is to be seen",
    "UnreadCounts.total": "how much is to be read",
    "PresenceCount.online": "asked for, of a group that one is in",
    "Invite.uses": "of a link that one has made",
    "Invite.max_uses": "likewise",
    "Decided.reports": "for moderators",
    "Report.others": "for moderators",
    "Ended.ended": "one's own logins",
    "PasswordChanged.ended": "one's own logins",
    "NotificationsKept.changed": "what one has just done",
    "TotpState.recovery_codes": "one's own, that are left",
    "LimitLeft.burst": "a limit",
    "LimitLeft.count": "a limit",
    "LimitLeft.full_in_ms": "a limit",
    "LimitLeft.period_ms": "a limit",
    "LimitLeft.remaining": "a limit",
}


def is_number(kind: Any) -> bool:
    """Also an array or a map of them; not a model that has some."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return False
    return kind in (int, float) or any(map(is_number, get_args(kind)))


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from models_in(part)


def numbers_of(model: type[BaseModel], known: frozenset[type[BaseModel]] = frozenset()) -> set[str]:
    """Those in it and in what it is made of, as `Model.field`."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        if is_number(field.annotation):
            found.add(f"{model.__name__}.{name}")
        for part in set(models_in(field.annotation)) - known - {model}:
            found |= numbers_of(part, known | {model})
    return found


TOLD = {op: asked.reply for op, asked in REQUESTS.items()} | EVENTS
NUMBERS = {name: numbers_of(model) for name, model in TOLD.items()}
CARRIERS = {name: found & RECEPTION for name, found in NUMBERS.items() if found & RECEPTION}
"""The replies (by operation) and events that tell how something was received."""


def said(told: object) -> Iterator[tuple[str, object]]:
    """All of RECEPTION that a reply or an event has a place for, with what it says there."""
    if isinstance(told, BaseModel):
        for name in type(told).model_fields:
            value, key = getattr(told, name), f"{type(told).__name__}.{name}"
            if key in RECEPTION:
                yield key, value
            else:
                yield from said(value)
    elif isinstance(told, list | tuple):
        for one in told:
            yield from said(one)
