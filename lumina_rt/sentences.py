"""What a notification says, with numbers and without."""

from __future__ import annotations

import re

from lumina_protocol.notifications import NotificationChanged

OF_MESSAGES = re.compile(r"(message|mention):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Groups of what is to be read in a conversation: how much that is, all are told."""


def sentence(names: list[str], count: int, what: str) -> str:
    """ "alice and 11 others reacted to your post"; of two, both."""
    if not names or count == 0:
        return what
    if count == 1:
        who = names[0]
    elif count == 2 and len(names) > 1:
        who = f"{names[0]} and {names[1]}"
    else:
        others = count - 1
        who = f"{names[0]} and {others} other{'s' if others > 1 else ''}"
    return f"{who} {what}"


def sentence_without_numbers(names: list[str], count: int, what: str) -> str:
    """ "alice and others reacted to your post"."""
    if not names or count == 0:
        return what
    return f"{names[0]} and others {what}" if count > 1 else f"{names[0]} {what}"


def without_numbers(told: NotificationChanged) -> NotificationChanged:
    """As it would have been kept for a user who wanted no numbers then."""
    group = told.group
    if OF_MESSAGES.fullmatch(group.group_key):
        return told
    names, count = [actor.username for actor in group.actors], group.actor_count or 0
    what = group.title.removeprefix(sentence(names, count, ""))
    title = sentence_without_numbers(names, count, what)
    quiet = group.model_copy(update={"title": title, "actor_count": None, "count": None})
    return told.model_copy(update={"group": quiet})
