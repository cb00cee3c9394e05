"""Invariants of streams: what comes over the wire, and how far a device is by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from tests.faults.evidence import Evidence, short
from tests.faults.log import Begun, Dropped, Entry, Log, Page, Resuming, Told
from tests.faults.truth import Talk


@dataclass(frozen=True, slots=True)
class Step:
    """What the server has told unasked."""

    where: str
    conversation: UUID
    after: int
    upto: int
    before: int | None
    """How far it had told on this connection, beginning with what the client said that it has."""
    is_followed: bool
    """Whether an event of the conversation has come on this connection before."""


def nothing_is_told_twice(evidence: Evidence) -> Iterator[str]:
    """By the server on its own, on one connection: what was told is not told again; a page may
    begin before it."""
    for log in evidence.logs:
        for step in _wire(log):
            if step.before is not None and step.upto <= step.before:
                yield f"{step.where}: told up to {step.upto}, and before up to {step.before}"


def nothing_is_left_out(evidence: Evidence) -> Iterator[str]:
    """By the server on its own, once it has told an event of the conversation on a connection: a
    node takes the first one that it hears of for the first that there is. And but for who was away
    from a group: that they were, and what is said when they are back, come as different streams, in
    any order."""
    for log in evidence.logs:
        for step in _wire(log):
            if step.before is None or not step.is_followed or step.after <= step.before:
                continue
            if not _was_away(evidence, log, step.conversation):
                told = f"({step.after}, {step.upto}]"
                yield f"{step.where}: told of {told}, and before up to {step.before}"


def _was_away(evidence: Evidence, log: Log, conversation: UUID) -> bool:
    talk = evidence.truth.get(conversation)
    return talk is None or any(end for _, end in talk.intervals.get(log.user, []))


def _wire(log: Log) -> Iterator[Step]:
    told: dict[UUID, int] = {}
    followed: set[UUID] = set()
    for entry in log.entries:
        match entry:
            case Resuming(cursors=cursors):
                told, followed = dict(cursors), set()
            case Begun(conversation=conversation) | Dropped(conversation=conversation):
                told.pop(conversation, None)
            case Told() | Page(why="told" | "limited"):
                talk, after, upto = covers(entry)
                before, where = told.get(talk), f"{log.device} in {short(talk)} at {entry.at:.3f} s"
                yield Step(where, talk, after, upto, before, talk in followed)
                told[talk] = max(upto, before or 0)
                if isinstance(entry, Told):
                    followed.add(talk)


def covers(entry: Told | Page) -> tuple[UUID, int, int]:
    """The revs after the first number up to the second."""
    if isinstance(entry, Told):
        message = entry.message
        return message.conversation, message.rev - 1, message.rev
    return entry.conversation, entry.after, entry.upto


def pages_hold_all_that_they_cover(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Page) and entry.conversation in evidence.truth:
                for wrong in _page(log, entry, evidence.truth[entry.conversation]):
                    where = f"{log.device} in {short(entry.conversation)} at {entry.at:.3f} s"
                    yield f"{where}, page ({entry.after}, {entry.upto}]: {wrong}"


def _page(log: Log, page: Page, talk: Talk) -> Iterator[str]:
    if page.upto > max(talk.last_rev, page.after):
        yield f"it goes beyond the newest rev {talk.last_rev}"
    if page.why == "limited":  # which says itself that it does not
        return
    revs = [seen.rev for seen in page.messages]
    seqs = {seen.seq for seen in page.messages}
    if revs != sorted(set(revs)) or len(seqs) != len(revs):
        yield f"its revs are {revs}"
    if any(not page.after < rev <= page.upto for rev in revs):
        yield f"it has revs out of its range: {revs}"
    for kept in talk.seen_by(log.user):
        if page.after < kept.rev <= page.upto and kept.rev not in revs:
            yield f"rev {kept.rev} of seq {kept.seq} is not in it"


def pages_and_events_tile(evidence: Evidence) -> Iterator[str]:
    """A device takes each rev from its beginning to the end by one event, or by pages; and it keeps
    nothing of what it is not in any more."""
    for log in evidence.logs:
        had: dict[UUID, int] = {}
        for entry in log.entries:
            for wrong in _takes(had, entry):
                yield f"{log.device} at {entry.at:.3f} s in {wrong}"
        for conversation, talk in evidence.truth.items():
            rev = had.get(conversation)
            if rev != (talk.last_rev if talk.is_member(log.user) else None):
                where = f"{log.device} in {short(conversation)}"
                spans = talk.intervals.get(log.user)
                yield f"{where}: had {rev} of {talk.last_rev} in the end; may see {spans}"


def _takes(had: dict[UUID, int], entry: Entry) -> Iterator[str]:
    match entry:
        case Begun(conversation=conversation, rev=rev):
            had[conversation] = rev
        case Dropped(conversation=conversation):
            had.pop(conversation, None)
        case Told() | Page(why="told" | "mended"):
            conversation, after, upto = covers(entry)
            before = had.get(conversation)
            if before is None:  # it has left, and this is of before
                if entry.taken:
                    yield f"{short(conversation)}: ({after}, {upto}] of what it does not know"
                return
            if entry.taken != (after <= before < upto):
                did = "took" if entry.taken else "dropped"
                yield f"{short(conversation)}: had {before}, and {did} ({after}, {upto}]"
            if entry.taken:
                had[conversation] = upto
