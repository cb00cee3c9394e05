"""Invariants of time: after the last fault, what is acknowledged arrives soon, and by itself."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from tests.faults.evidence import Evidence, acknowledged, short, shown
from tests.faults.log import Begun, CaughtUp, Connected, Ended, Interrupted, Log

WITHIN_S = 5.0
ECHO_S = 2.0
"""A connection that a fault has broken may take so long to learn of it."""

Due = dict[tuple[UUID, UUID], float]
Lines = list[CaughtUp | Connected | Interrupted]


def what_is_acknowledged_is_seen_in_time(evidence: Evidence) -> Iterator[str]:
    """Within 5 s after the answer, the last heal, the reader's return, or their coming into the
    group, whichever is last."""
    answers = acknowledged_at(evidence)
    for log in evidence.logs:
        for (conversation, message), late_s, never in lateness(evidence, log, answers):
            if late_s > WITHIN_S:
                what = "not seen" if never else "seen"
                kept = evidence.by_id.get((conversation, message))
                yield (
                    f"{log.device}: {what} {late_s:.1f} s after it was due:"
                    f" {short(message)} in {short(conversation)}, {kept}"
                )


def acknowledged_at(evidence: Evidence) -> Due:
    due: Due = {}
    for _, asked, answer in acknowledged(evidence, "send"):
        assert asked.message is not None
        due.setdefault((asked.conversation, asked.message), answer.at)
    return due


def lateness(
    evidence: Evidence, log: Log, answers: Due
) -> Iterator[tuple[tuple[UUID, UUID], float, bool]]:
    """For each message that a client must see: how many seconds after it was due, and whether it
    was not seen at all until the end."""
    seen: Due = {}
    begun: dict[UUID, float] = {}
    for entry in log.entries:
        if isinstance(entry, Begun):
            begun[entry.conversation] = entry.at
        for each in shown(entry):
            seen.setdefault((each.conversation, each.message), entry.at)
    lines: Lines = [e for e in log.entries if isinstance(e, CaughtUp | Connected | Interrupted)]
    for message, acked_at in answers.items():
        talk = evidence.truth.get(message[0])
        kept = evidence.by_id.get(message)
        if talk is None or kept is None:
            continue
        if not (talk.is_member(log.user) and talk.shows(log.user, kept.seq)):
            continue
        moment = max(acked_at, evidence.healed_at, begun.get(message[0], 0))
        due = _online_from(lines, moment, evidence.healed_at + ECHO_S)
        never = message not in seen
        yield message, seen.get(message, evidence.ended_at) - due, never


def _online_from(lines: Lines, moment: float, settled_at: float) -> float:
    """From when on, at that moment or later, a client is connected for good and has caught up."""
    since: float | None = None
    for entry in lines:
        if isinstance(entry, CaughtUp):
            since = entry.at
        else:
            if since is not None and entry.at > max(moment, settled_at):
                break
            since = None
    return moment if since is None else max(moment, since)


def nobody_is_thrown_out_once_all_is_well(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Interrupted) and entry.at > evidence.healed_at + ECHO_S:
                after_s = entry.at - evidence.healed_at
                yield f"{log.device} {after_s:.1f} s after: {entry.code} {entry.reason}"


def no_client_gives_up(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Ended) and entry.why:
                yield f"{log.device} at {entry.at:.3f} s: {entry.why}"


def everybody_is_back_in_the_end(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        online = False
        for entry in log.entries:
            if isinstance(entry, CaughtUp):
                online = True
            elif isinstance(entry, Connected | Interrupted):
                online = False
        if not online:
            yield f"{log.device} is not"
