"""Invariants of what is acknowledged and what is on disk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from tests.faults.evidence import Evidence, acknowledged, settled, short
from tests.faults.log import Answered, Asked, Log

CHANGES = ("edit", "delete")


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
        elif asked.op == "edit" and kept.rev == answer.rev and kept.content != asked.content:
            yield f"{where} was acknowledged with {asked.content!r}; kept is {kept}"


def every_acknowledged_change_of_members_is_kept(evidence: Evidence) -> Iterator[str]:
    """The note is there, for who has come and not for who has gone."""
    for log, asked, answer in acknowledged(evidence, "open group", "add", "remove"):
        if not answer.rev:  # nothing had to change
            continue
        assert asked.op_id is not None
        where = f"{log.device} asked {asked.number}, {asked.op} of {short(asked.whom)}"
        kept = evidence.by_id.get((asked.conversation, asked.op_id))
        if kept is None or (kept.seq, kept.rev) != (answer.seq, answer.rev):
            yield f"{where} was acknowledged as seq {answer.seq}, rev {answer.rev}; kept is {kept}"
        elif asked.whom is not None:
            sees = evidence.truth[asked.conversation].sees(asked.whom, kept.seq)
            if sees != (asked.op == "add"):
                yield f"{where}: whether they see its note is {sees}"


def seq_is_dense(evidence: Evidence) -> Iterator[str]:
    for conversation, talk in evidence.truth.items():
        seqs = [kept.seq for kept in talk.messages]
        if seqs != list(range(1, talk.last_seq + 1)):
            yield f"{short(conversation)} has last_seq {talk.last_seq} and the seqs {seqs}"


def every_rev_has_one_change(evidence: Evidence) -> Iterator[str]:
    """As many revs as there were sends and changes; of those in doubt it may be either."""
    acked: defaultdict[UUID, set[int]] = defaultdict(set)
    doubts: Counter[UUID] = Counter()
    for log in evidence.logs:
        for asked, answer in _all_changes(log):
            if answer is not None and answer.outcome == "ok":
                acked[asked.conversation].add(answer.rev)
            elif answer is None or answer.outcome == "in doubt":
                doubts[asked.conversation] += 1
    for conversation, talk in evidence.truth.items():
        before = evidence.before.get(conversation)
        fewest = len(acked[conversation]) + (before.changes if before else 0)
        most = fewest + doubts[conversation]
        if not fewest <= talk.changes <= most:
            yield (
                f"{short(conversation)} has last_rev {talk.last_rev} and {len(talk.messages)}"
                f" messages; {fewest} changes were acknowledged, {most - fewest} are in doubt"
            )


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
            if isinstance(entry, Asked) and entry.op == "send" and entry.message:
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
