"""Hand-made logs: a short talk in which all went well, to be told wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from uuid import UUID

from tests.faults.evidence import Evidence
from tests.faults.fresh import Fresh
from tests.faults.log import (
    Answered,
    Asked,
    Begun,
    CaughtUp,
    Connected,
    Ended,
    Entry,
    Interrupted,
    Lists,
    Log,
    Mine,
    Owned,
    Page,
    Read,
    Resuming,
    Seen,
    Shown,
    Told,
    Waiting,
)
from tests.faults.truth import Kept, Talk

ALICE, BOB, EVE = (UUID(int=number) for number in (1, 2, 3))
TALK = UUID(int=10)
M1, M2, M3, M4 = (UUID(int=100 + number) for number in range(1, 5))


def seen(message: UUID, seq: int, rev: int, says: str, sender: UUID = ALICE) -> Seen:
    return Seen(TALK, message, seq, rev, sender, says, is_deleted=not says)


HI = seen(M1, 1, 1, "hi")
YES = seen(M2, 2, 2, "yes", BOB)
SO = seen(M3, 3, 3, "so")
SO_EDITED = replace(SO, rev=4, content="so?")
YES_DELETED = replace(YES, rev=5, content="", is_deleted=True)
LAST = seen(M4, 4, 6, "last")
HEALED_AT, ENDED_AT = 10.0, 30.0


def told(at: float, kind: Literal["created", "changed"], message: Seen) -> list[Entry]:
    """And shown to the app."""
    return [Told(at, kind, message, taken=True), Shown(at, kind, message)]


def connects(at: float, url: str, had: int, *pages: Entry) -> list[Entry]:
    """Says what it had, is told what it missed, and is there."""
    resuming = Resuming(at, 1, [(TALK, had)] if had else [])
    return [resuming, *pages, Connected(at + 0.1, url), CaughtUp(at + 0.1)]


def send(at: float, number: int, message: Seen) -> list[Entry]:
    return [
        Asked(at, number, "send", TALK, message.message, content=message.content),
        Answered(at + 0.1, number, "ok", message.seq, message.rev),
    ]


def change(at: float, number: int, op: str, message: Seen) -> list[Entry]:
    key = UUID(int=200 + number)
    return [
        Asked(at, number, op, TALK, message.message, key, content=message.content),
        Answered(at + 0.1, number, "ok", message.seq, message.rev),
    ]


def alice() -> Log:
    """Always there. Sends three, edits one."""
    entries = [
        *connects(0, "ws://a", 0, Begun(0, TALK, 0)), Lists(0.2, Mine({TALK: 0})),
        *send(1, 1, HI), *told(1.2, "created", HI), *told(2.2, "created", YES),
        *send(3, 2, SO), *told(3.2, "created", SO),
        *change(4, 3, "edit", SO_EDITED), *told(4.2, "changed", SO_EDITED),
        *told(5.2, "changed", YES_DELETED),
        *send(11, 4, LAST), *told(11.2, "created", LAST),
        Read(12, TALK, [HI, YES_DELETED, SO_EDITED]), Ended(ENDED_AT),
    ]  # fmt: skip
    return Log("alice-1", ALICE, entries)


MISSED = Page(4.6, "told", TALK, 2, 4, [SO_EDITED], taken=True)


def bob() -> Log:
    """Misses the middle, and is told it when he is back."""
    entries = [
        *connects(0, "ws://b", 0, Begun(0, TALK, 0)), Lists(0.2, Mine({TALK: 0})),
        *told(1.2, "created", HI),
        *send(2, 1, YES), *told(2.2, "created", YES),
        Interrupted(2.5, 1006, "broke"),
        *connects(4.5, "ws://a", 2, MISSED, Shown(4.6, "created", SO_EDITED)),
        *change(5, 2, "delete", YES_DELETED), *told(5.2, "changed", YES_DELETED),
        *told(11.2, "created", LAST), *own(), Ended(ENDED_AT),
    ]  # fmt: skip
    return Log("bob-1", BOB, entries)


READ_TO = 2
LATER = UUID(int=300)
SCHEDULED_AT = 11_000


def own() -> list[Entry]:
    """Bob's: he has read up to his own message, begins to write, and has a message wait that he
    takes back."""
    waits = Waiting(TALK, "later", SCHEDULED_AT)
    return [
        Asked(13, 8, "read", TALK), Answered(13.1, 8, "ok", READ_TO),
        Owned(13.2, "read", TALK, READ_TO),
        Owned(14, "draft", TALK, "we"), Owned(14.1, "draft", TALK, "well"),
        Asked(15, 9, "schedule", TALK, LATER, content="later"), Answered(15.1, 9, "ok"),
        Owned(15.2, "waiting", TALK, waits, LATER),
        Asked(16, 10, "unschedule", TALK, LATER), Answered(16.1, 10, "ok"),
        Owned(16.2, "waiting", TALK, None, LATER),
    ]  # fmt: skip


def fresh(read: int, *unread: Seen) -> Fresh:
    return Fresh(
        Mine(read={TALK: read}),
        messages={TALK: {each.seq: each for each in (HI, YES_DELETED, SO_EDITED, LAST)}},
        pins={TALK: set()},
        unread={TALK: len(unread)},
        counted={TALK: len(unread)} if unread else {},
        total=len(unread),
    )


def evidence() -> Evidence:
    messages = [
        Kept(M1, 1, 1, 1, ALICE, "hi"),
        Kept(M2, 2, 2, 5, BOB, "", is_deleted=True),
        Kept(M3, 3, 3, 4, ALICE, "so?"),
        Kept(M4, 4, 6, 6, ALICE, "last"),
    ]
    talk = Talk(4, 6, {ALICE: [(1, None)], BOB: [(1, None)]}, messages)
    talk.positions = {ALICE: 0, BOB: READ_TO}
    told = {ALICE: fresh(0), BOB: fresh(READ_TO, SO_EDITED, LAST)}
    told[BOB].mine.drafts[TALK] = "well"
    return Evidence([alice(), bob()], {TALK: talk}, HEALED_AT, ENDED_AT, fresh=told)
