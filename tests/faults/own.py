"""Invariants of what a device holds in the end, and what a client is told that knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from tests.faults.evidence import Evidence, acknowledged, settled, short
from tests.faults.fresh import Fresh
from tests.faults.lists import take
from tests.faults.log import Lists, Log, Mine, Owned, Page, Read, Seen
from tests.faults.shown import state
from tests.faults.truth import Scheduled, Talk


def held(log: Log) -> tuple[Mine, set[tuple[UUID, int]]]:
    """What is the user's own, and what they have hidden."""
    mine, hidden = Mine(), set()
    for entry in log.entries:
        if isinstance(entry, Lists):
            mine = _copy(entry.mine)
        elif isinstance(entry, Owned) and entry.what == "hidden":
            assert isinstance(entry.value, tuple)
            hidden |= {(entry.conversation, seq) for seq in entry.value}
        elif isinstance(entry, Owned):
            take(mine, entry)
    return mine, hidden


def _copy(mine: Mine) -> Mine:
    return Mine(dict(mine.read), set(mine.marked), dict(mine.drafts), dict(mine.waiting))


def messages(log: Log) -> dict[UUID, dict[int, Seen]]:
    """That the user sees."""
    _, hidden = held(log)
    return {
        talk: {seq: seen for seq, seen in found.items() if (talk, seq) not in hidden}
        for talk, found in state(log).items()
    }


def _of_all(evidence: Evidence) -> Iterator[tuple[Log, Fresh]]:
    for log in evidence.logs:
        if log.user in evidence.fresh:
            yield log, evidence.fresh[log.user]


def all_hold_what_a_fresh_client_is_told(evidence: Evidence) -> Iterator[str]:
    """Positions, marks, drafts and what is to be sent; and each message, but for what an answer
    shows of another one: that is changed by the other's own event."""
    for log, fresh in _of_all(evidence):
        mine, _ = held(log)
        for what in ("read", "marked", "drafts", "waiting"):
            has, told = getattr(mine, what), getattr(fresh.mine, what)
            if has != told:
                yield f"{log.device} has {what}: {has}; a fresh client is told {told}"
        had = messages(log)
        for talk, told in fresh.messages.items():
            mine_of_it = had.get(talk, {})
            for seq in sorted(told.keys() | mine_of_it.keys()):
                has, is_so = mine_of_it.get(seq), told.get(seq)
                if (has and replace(has, quoted="")) != (is_so and replace(is_so, quoted="")):
                    yield f"{log.device} has {has}; a fresh client is told {is_so}"


def unread_is_exact(evidence: Evidence) -> Iterator[str]:
    """As one counts who has the messages and the position."""
    for log, fresh in _of_all(evidence):
        mine, _ = held(log)
        had = messages(log)
        counts = {talk: _unread(log, had.get(talk, {}), mine.read[talk]) for talk in mine.read}
        where = f"{log.device} counts"
        for talk, count in counts.items():
            if fresh.unread.get(talk) != count:
                listed = fresh.unread.get(talk)
                yield f"{where} {count} in {short(talk)}; the list says {listed}"
        some = {talk: n for talk, n in counts.items() if n or talk in mine.marked}
        if some != fresh.counted:
            yield f"{where} {some}; the server {fresh.counted}"
        if (total := sum(n or 1 for n in some.values())) != fresh.total:
            yield f"{where} {total} in total; the server {fresh.total}"


def _unread(log: Log, found: dict[int, Seen], read: int) -> int:
    return sum(
        seq > read and seen.sender != log.user and not seen.is_note and not seen.is_deleted
        for seq, seen in found.items()
    )


def pins_are_those_of_the_messages(evidence: Evidence) -> Iterator[str]:
    for log, fresh in _of_all(evidence):
        had = messages(log)
        for talk, told in fresh.pins.items():
            pinned = {seq for seq, seen in had.get(talk, {}).items() if seen.is_pinned}
            if pinned != told:
                yield f"{log.device} has {pinned} pinned in {short(talk)}; the list says {told}"


def every_acknowledged_position_is_kept(evidence: Evidence) -> Iterator[str]:
    """It only grows, unless somebody leaves, and begins behind all that was said when back."""
    for log, asked, answer in acknowledged(evidence, "read"):
        talk = evidence.truth.get(asked.conversation)
        kept = talk.positions.get(log.user) if talk and talk.is_member(log.user) else None
        if kept is not None and kept < answer.seq:
            yield f"{log.device} asked {asked.number} has read up to {answer.seq}; kept is {kept}"


def every_scheduled_message_is_sent_once(evidence: Evidence) -> Iterator[str]:
    """Unless it was taken back, or may not be sent any more and says why."""
    back = {
        asked.message: answer.outcome
        for log in evidence.logs
        for asked, answer in settled(log)
        if asked.op == "unschedule" and answer.outcome in ("ok", "in doubt")
    }
    for log, asked, _ in acknowledged(evidence, "schedule"):
        assert asked.message is not None
        talk = evidence.truth.get(asked.conversation)
        count = sum(k.message == asked.message for k in talk.messages) if talk else 0
        row = talk.scheduled.get(asked.message) if talk else None
        if wrong := _wrong(row, count, back.get(asked.message)):
            where = f"{log.device} asked {asked.number}, message {short(asked.message)}"
            yield f"{where} {wrong}: there are {count}, and {row}"


def _wrong(row: Scheduled | None, count: int, taken_back: str | None) -> str:
    if count > 1:
        return "was sent more than once"
    if count and taken_back == "ok":
        return "was taken back, and sent"
    if count or (row is None and taken_back):
        return ""
    if row is None or row.is_sent:
        return "is lost"
    if row.error is None:
        return "waits beyond its time"
    return "failed" if row.error.startswith("internal") else ""


def nothing_expired_is_read(evidence: Evidence) -> Iterator[str]:
    """By whoever asks for it after its moment, nor as what another message answers."""
    ends = {
        kept.message: kept.expires_at / 1000 - evidence.clock_s
        for talk in evidence.truth.values()
        for kept in talk.messages
        if kept.expires_at is not None
    }
    for log in evidence.logs:
        for entry in log.entries:
            if not isinstance(entry, Read | Page) or entry.asked_at is None:
                continue
            for seen in entry.messages:
                if ends.get(seen.message, entry.asked_at) < entry.asked_at and _says(seen):
                    yield f"{log.device} was told at {entry.at:.3f} s: {seen}"
                original = seen.reply_to
                if original and ends.get(original, entry.asked_at) < entry.asked_at and seen.quoted:
                    yield f"{log.device} was told at {entry.at:.3f} s in an answer: {seen}"


def _says(seen: Seen) -> bool:
    return bool(seen.content or seen.moods or seen.is_pinned or not seen.is_deleted)


def nobody_is_told_what_is_not_theirs(evidence: Evidence) -> Iterator[str]:
    """A fresh client: of what they are in, what was said while they were, and not hidden."""
    for user, fresh in evidence.fresh.items():
        for conversation, found in fresh.messages.items():
            talk = evidence.truth.get(conversation, Talk(0, 0))
            there = {kept.seq for kept in talk.seen_by(user)}
            if not talk.is_member(user) or found.keys() != there:
                who = f"user {short(user)} in {short(conversation)}"
                yield f"{who} is told {sorted(found)}, and may see {sorted(there)}"
