"""Invariants of what an app is shown, and of what anybody gets to see."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from tests.faults.evidence import Evidence, short, shown
from tests.faults.log import Begun, Dropped, Log, Page, Read, Seen, Shown, Told
from tests.faults.truth import Kept, Talk


def each_thing_is_shown_once_and_in_order(evidence: Evidence) -> Iterator[str]:
    """New messages in the order of seq, without a hole but for what is not for this user; changes
    with growing revs."""
    for log in evidence.logs:
        for conversation, talk in evidence.truth.items():
            for entries in _stretches(log, conversation):
                for wrong in _shown(log, talk, entries):
                    yield f"{log.device} in {short(conversation)}{wrong}"


def _stretches(log: Log, conversation: UUID) -> Iterator[list[Begun | Shown]]:
    """Of a device, from each beginning with a conversation to the next one."""
    found: list[Begun | Shown] = []
    for entry in log.entries:
        match entry:
            case Begun(conversation=begun) if begun == conversation:
                yield found
                found = [entry]
            case Shown(message=message) if message.conversation == conversation:
                found.append(entry)
    yield found


def _shown(log: Log, talk: Talk, entries: list[Begun | Shown]) -> Iterator[str]:
    begun = entries[0].rev if entries and isinstance(entries[0], Begun) else 0
    new = [kept.seq for kept in talk.seen_by(log.user) if kept.sent_rev > begun]
    last_seq = last_rev = 0
    revs: dict[int, int] = {}
    for entry in entries:
        if isinstance(entry, Begun):
            continue
        message, where = entry.message, f" at {entry.at:.3f} s: {entry.kind}"
        if message.rev <= revs.get(message.seq, 0):
            yield f"{where} seq {message.seq} rev {message.rev} after rev {revs[message.seq]}"
        revs[message.seq] = message.rev
        if entry.kind == "changed":
            if message.rev <= last_rev:
                yield f"{where} rev {message.rev} after the change {last_rev}"
            last_rev = message.rev
            continue
        if message.seq <= last_seq:
            yield f"{where} seq {message.seq} after seq {last_seq}"
        elif missing := [seq for seq in new if last_seq < seq < message.seq]:
            yield f"{where} seq {message.seq} after seq {last_seq}, and not {missing}"
        last_seq = message.seq


def history_has_no_hole(evidence: Evidence) -> Iterator[str]:
    """But for what is not for this user."""
    for log in evidence.logs:
        for entry in log.entries:
            talk = evidence.truth.get(entry.conversation) if isinstance(entry, Read) else None
            if talk is None or not isinstance(entry, Read) or not entry.messages:
                continue
            seqs = [seen.seq for seen in entry.messages]
            there = [k.seq for k in talk.seen_by(log.user) if seqs[0] <= k.seq <= seqs[-1]]
            hidden = talk.hides.get(log.user, set())  # by now
            if [seq for seq in seqs if seq not in hidden] != there:
                yield f"{log.device} in {short(entry.conversation)} at {entry.at:.3f}: {seqs}"


def everything_seen_is_kept_as_it_was_seen(evidence: Evidence) -> Iterator[str]:
    """The same rev of a message says the same to everybody; the newest says what is on disk."""
    first: dict[tuple[UUID, int, int], tuple[object, ...]] = {}
    for log, seen in _everything_seen(evidence):
        kept = evidence.by_id.get((seen.conversation, seen.message))
        where = f"{log.device} was shown {seen}"
        if kept is None or (kept.seq, kept.sender) != (seen.seq, seen.sender):
            yield f"{where}; kept is {kept}"
            continue
        if kept.expires_at and seen.is_deleted and seen.rev < kept.rev:
            continue  # its moment has come, and it was not wiped yet
        says = _says(seen)
        before = first.setdefault((seen.conversation, seen.seq, seen.rev), says)
        if before != says:
            yield f"{where}; somebody else was shown {before}"
        if not kept.sent_rev <= seen.rev <= kept.rev:
            yield f"{where}; kept is {kept}"
        if seen.rev == kept.rev and says != _says(kept):
            yield f"{where}; kept is {kept}"


def _says(message: Seen | Kept) -> tuple[object, ...]:
    """All that two are to agree on who see the same rev."""
    return (
        message.content, message.is_deleted, message.is_note, message.moods, message.is_pinned,
        message.reply_to,
    )  # fmt: skip


def nobody_sees_what_they_may_not(evidence: Evidence) -> Iterator[str]:
    """Nothing that was said while they were not a member, by whatever way."""
    for log, seen in _everything_seen(evidence):
        talk = evidence.truth.get(seen.conversation)
        if talk is None or not talk.sees(log.user, seen.seq):
            spans = talk.intervals.get(log.user) if talk else None
            where = f"{log.device} in {short(seen.conversation)}"
            yield f"{where} may see {spans} and was shown {seen}"


def all_see_the_truth_in_the_end(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        held = state(log)
        for conversation, talk in evidence.truth.items():
            if not talk.is_member(log.user):
                continue
            mine = held.get(conversation, {})
            for kept in talk.seen_by(log.user):
                has = mine.get(kept.seq)
                if has is None or (has.rev, _says(has)) != (kept.rev, _says(kept)):
                    yield f"{log.device} in {short(conversation)} has {has}; kept is {kept}"


def state(log: Log) -> dict[UUID, dict[int, Seen]]:
    """What an app shows in the end that takes what it is shown by the rule of the protocol."""
    state: dict[UUID, dict[int, Seen]] = {}
    for entry in log.entries:
        if isinstance(entry, Begun | Dropped):
            state.pop(entry.conversation, None)
        for seen in shown(entry):
            messages = state.setdefault(seen.conversation, {})
            if seen.seq not in messages or seen.rev > messages[seen.seq].rev:
                messages[seen.seq] = seen
    return state


def _everything_seen(evidence: Evidence) -> Iterator[tuple[Log, Seen]]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Told | Shown):
                yield log, entry.message
            elif isinstance(entry, Page | Read):
                for seen in entry.messages:
                    yield log, seen
