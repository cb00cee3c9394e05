"""Invariants of what is acknowledged and what is on disk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from tests.faults.evidence import Evidence, acknowledged, settled, short
from tests.faults.log import Answered, Asked, Log
from tests.faults.truth import Kept, Talk

CHANGES = ("edit", "delete", "react", "pin", "unpin")
SENDS = ("send", "schedule")
NOTES = ("open group", "add", "remove", "join", "role", "title")


def every_acknowledged_send_is_kept(evidence: Evidence) -> Iterator[str]:
    for log, asked, answer in acknowledged(evidence, "send"):
        assert asked.message is not None
        kept = evidence.by_id.get((asked.conversation, asked.message))
        where = f"{log.device} asked {asked.number}, message {short(asked.message)}"
        if kept is None:
            yield f"{where} was acknowledged as seq {answer.seq} and is not there"
        elif (kept.seq, kept.sent_rev, kept.sender) != (answer.seq, answer.rev, log.user):
            yield f"{where} was acknowledged as seq {answer.seq}, rev {answer.rev}; kept is {kept}"


def every_acknowledged_change_is_kept(evidence: Evidence) -> Iterator[str]:
    for log, asked, answer in acknowledged(evidence, *CHANGES):
        assert asked.message is not None
        kept = evidence.by_id.get((asked.conversation, asked.message))
        where = f"{log.device} asked {asked.number}, {asked.op} of {short(asked.message)}"
        if kept is None or kept.rev < answer.rev:
            yield f"{where} was acknowledged as rev {answer.rev}; kept is {kept}"
        elif asked.op == "delete" and not kept.is_deleted:
            yield f"{where} was acknowledged, and the message is there: {kept}"
        elif kept.rev == answer.rev and not _is_done(log, asked, kept):
            yield f"{where} was acknowledged with {asked.content!r}; kept is {kept}"


def _is_done(log: Log, asked: Asked, kept: Kept) -> bool:
    """Nothing was done to the message since."""
    match asked.op:
        case "edit":
            return kept.content == asked.content
        case "react":
            mine = [mood for mood, user in kept.moods if user == log.user]
            return mine == ([asked.content] if asked.content else [])
        case "pin" | "unpin":
            return kept.is_pinned == (asked.op == "pin")
    return True


def every_acknowledged_change_of_a_group_is_kept(evidence: Evidence) -> Iterator[str]:
    """The note is there, for who has come and not for who has gone."""
    for log, asked, answer in acknowledged(evidence, *NOTES):
        if not answer.rev:  # nothing had to change
            continue
        assert asked.op_id is not None
        where = f"{log.device} asked {asked.number}, {asked.op} of {short(asked.whom)}"
        kept = evidence.by_id.get((asked.conversation, asked.op_id))
        if kept is None and asked.op == "join":  # they were in it, by another note
            kept = _note(evidence, asked.conversation, answer.seq)
        if kept is None or (kept.seq, kept.rev) != (answer.seq, answer.rev):
            yield f"{where} was acknowledged as seq {answer.seq}, rev {answer.rev}; kept is {kept}"
        elif asked.whom is not None:
            sees = evidence.truth[asked.conversation].sees(asked.whom, kept.seq)
            if sees != (asked.op != "remove"):
                yield f"{where}: whether they see its note is {sees}"


def _note(evidence: Evidence, conversation: UUID, seq: int) -> Kept | None:
    kept = evidence.truth[conversation].messages
    return next((note for note in kept if note.seq == seq and note.is_note), None)


def seq_is_dense(evidence: Evidence) -> Iterator[str]:
    for conversation, talk in evidence.truth.items():
        seqs = [kept.seq for kept in talk.messages]
        if seqs != list(range(1, talk.last_seq + 1)):
            yield f"{short(conversation)} has last_seq {talk.last_seq} and the seqs {seqs}"


def every_rev_has_one_change(evidence: Evidence) -> Iterator[str]:
    """As many revs as there were sends and changes; of those in doubt it may be either. What ends
    by itself is changed by the server, too."""
    acked: defaultdict[UUID, set[int]] = defaultdict(set)
    doubts: Counter[UUID] = Counter()
    for log in evidence.logs:
        for asked, answer in _all_changes(log):
            if answer is not None and answer.outcome == "ok":
                if answer.rev:  # something had to change
                    acked[asked.conversation].add(answer.rev)
            elif answer is None or answer.outcome == "in doubt":
                doubts[asked.conversation] += 1
    deleted = _asked_to_delete(evidence)
    for conversation, talk in evidence.truth.items():
        before = evidence.before.get(conversation)
        sent = {kept.sent_rev for kept in talk.messages}  # of what was deleted already, perhaps
        fewest = len(acked[conversation] - sent) + (before.changes if before else 0)
        most = fewest + doubts[conversation]
        for kept in talk.messages:
            sure, perhaps = _by_the_server(kept, before, kept.message in deleted)
            fewest, most = fewest + sure, most + sure + perhaps
        if not fewest <= talk.changes <= most:
            yield (
                f"{short(conversation)} has last_rev {talk.last_rev} and {len(talk.messages)}"
                f" messages; {fewest} changes were acknowledged, {most - fewest} are in doubt"
            )


def _by_the_server(kept: Kept, before: Talk | None, was_asked: bool) -> tuple[int, int]:
    """How often it has changed a message for sure, and how often besides that perhaps: when it is
    read for the first time, and when it ends."""
    if kept.expires_at is None:
        return 0, 0
    old = next((k for k in before.messages if k.message == kept.message), None) if before else None
    begun = int(kept.is_timed and (old is None or old.expires_at is None))
    ended = int(kept.is_deleted and (old is None or not old.is_deleted))
    return (begun, ended) if was_asked else (begun + ended, 0)


def _asked_to_delete(evidence: Evidence) -> set[UUID | None]:
    entries = (entry for log in evidence.logs for entry in log.entries)
    return {e.message for e in entries if isinstance(e, Asked) and e.op == "delete"}


def _all_changes(log: Log) -> Iterator[tuple[Asked, Answered | None]]:
    answers = {answer.number: answer for _, answer in settled(log)}
    for entry in log.entries:
        if isinstance(entry, Asked) and entry.op in CHANGES:
            yield entry, answers.get(entry.number)


def retries_make_no_twins(evidence: Evidence) -> Iterator[str]:
    """Each client gives each message a content of its own, so a second one is a twin."""
    sent: dict[str, UUID] = {}
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Asked) and entry.op in SENDS and entry.message:
                sent[entry.content] = entry.message
    for conversation, talk in evidence.truth.items():
        ids = Counter(kept.message for kept in talk.messages)
        for message, count in ids.items():
            if count > 1:
                yield f"{short(conversation)} has message {short(message)} {count} times"
        for kept in talk.messages:
            if sent.get(kept.content, kept.message) != kept.message:
                yield f"{short(conversation)} has {kept.content!r} under another id as well: {kept}"


def a_retry_is_answered_as_the_first_time(evidence: Evidence) -> Iterator[str]:
    first: dict[tuple[UUID, UUID], Answered] = {}
    for log, asked, answer in acknowledged(evidence, "send"):
        assert asked.message is not None
        before = first.setdefault((asked.conversation, asked.message), answer)
        if (before.seq, before.rev) != (answer.seq, answer.rev):
            yield f"{log.device} asked {asked.number} was answered {answer}, before {before}"


def a_senders_order_is_kept(evidence: Evidence) -> Iterator[str]:
    """In the order in which they were asked for, whether or not the one before was answered."""
    several = _asked_by_several(evidence)
    for log in evidence.logs:
        answers = {asked.number: answer for asked, answer in settled(log)}
        before: Counter[UUID] = Counter()
        for entry in log.entries:
            if not isinstance(entry, Asked) or entry.op != "send" or entry.message in several:
                continue
            answer = answers.get(entry.number)
            if answer is None or answer.outcome != "ok":
                continue
            if answer.seq <= before[entry.conversation]:
                yield (
                    f"{log.device} asked {entry.number} got seq {answer.seq} in"
                    f" {short(entry.conversation)}, after seq {before[entry.conversation]}"
                )
            before[entry.conversation] = answer.seq


def _asked_by_several(evidence: Evidence) -> set[UUID | None]:
    asked = Counter(
        message
        for log in evidence.logs
        for message in {entry.message for entry in log.entries if isinstance(entry, Asked)}
    )
    return {message for message, count in asked.items() if count > 1}
