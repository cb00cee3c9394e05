"""The line below the prompt of `lumina chat`: who is here, who types, who has read."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lumina_protocol.conversations import Member
from lumina_protocol.preferences import Preferences

from lumina_rt.cli.chat_screen import harmless, moment
from lumina_rt.cli.chat_talk import Talk

NAMES = 3


def status(talk: Talk) -> str:
    now = time.monotonic()
    name = talk.screen.name
    writing = [name(user_id) for user_id, until in talk.typing.items() if until > now]
    here = [m for m in talk.others if talk.online.get(m.user_id) == "online"]
    parts = [
        "" if talk.client.connected else "connecting again ...",
        f"{listed(writing)} {'is' if len(writing) == 1 else 'are'} typing" if writing else "",
        f"online: {listed([name(m.user_id) for m in here])}" if here else "",
        receipt(talk, talk.others) if talk.own_seq else "",
        muted(talk.preferences),
        "/help",
    ]
    return harmless("  |  ".join(filter(None, parts)))


def receipt(talk: Talk, others: Sequence[Member]) -> str:
    """How far one's own last message has got."""
    seq = talk.own_seq
    read = [talk.screen.name(m.user_id) for m in others if m.read_seq >= seq]
    got = [talk.screen.name(m.user_id) for m in others if m.delivered_seq >= seq]
    said = f"read by {listed(read)}" if read else f"delivered to {listed(got)}" if got else "sent"
    return f"{seq} {said}"


def muted(preferences: Preferences) -> str:
    """Until when it is muted; empty when it is not."""
    match preferences.muted_until:
        case "forever":
            return "muted"
        case int(until) if until > time.time() * 1000:
            return f"muted until {moment(until)}"
    return ""


def listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= NAMES else f"{len(names)} people"
