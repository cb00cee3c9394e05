"""Invariants of what is beyond messages: what was acknowledged, told, listed and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

from tests.faults.evidence import Evidence, Invariant, settled, short
from tests.faults.fresh import Fresh
from tests.faults.log import Answered, Asked, Fed, Log, Looked, Things, Value
from tests.faults.things import KINDS, READ, held

Write = tuple[Asked, Answered | None, Value]
LISTED = ("mood", "follow", "block")
"""Deeds of a user of which there is a list."""


def every_acknowledged_deed_is_kept(evidence: Evidence) -> Iterator[str]:
    """What is there was asked for, and nothing else was acknowledged that was asked for after it
    was answered. What is in doubt may be done at any time."""
    if evidence.social is None:
        return
    for (kind, name), writes in _writes(evidence).items():
        kept = evidence.social.deeds.get(kind, {}).get(name)
        sure = [(asked, answer) for asked, answer, _ in writes if _is_ok(answer)]
        begun = max((asked.at for asked, _ in sure), default=0.0)
        last = {value for _, answer, value in writes if not _is_ok(answer) or answer.at >= begun}  # type: ignore[union-attr]
        if not sure:
            last.add(None)
        if kept not in last:
            yield f"{kind} {name}: kept is {kept!r}; may be one of {last}"


def _is_ok(answer: Answered | None) -> bool:
    return answer is not None and answer.outcome == "ok"


def _writes(evidence: Evidence) -> dict[tuple[str, str], list[Write]]:
    """Of each thing: what was acknowledged, and what is in doubt. A block ends that two follow each
    other."""
    found: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for log in evidence.logs:
        answers = {answer.number: answer for _, answer in settled(log)}
        for entry in log.entries:
            if not isinstance(entry, Asked) or entry.deed is None:
                continue
            answer = answers.get(entry.number)
            if answer is not None and answer.outcome not in ("ok", "in doubt"):
                continue
            kind, name = entry.deed
            found[kind, name].append((entry, answer, entry.value))
            if kind == "block" and entry.value:
                one, other = name.split()
                for pair in (f"{one} {other}", f"{other} {one}"):
                    found["follow", pair].append((entry, answer, None))
    found.pop(("notices", ""), None)
    return found


def _of_all(evidence: Evidence) -> Iterator[tuple[Log, Fresh]]:
    for log in evidence.logs:
        if evidence.social is not None and log.user in evidence.fresh:
            yield log, evidence.fresh[log.user]


def all_have_what_the_lists_say(evidence: Evidence) -> Iterator[str]:
    """Bookmarks of posts that are not for the user now are not in the list."""
    for log, fresh in _of_all(evidence):
        mine = held(log)
        if mine is None:
            yield f"{log.device} has never read the lists"
            continue
        for kind in KINDS:
            has, told = mine[kind], fresh.things[kind]
            if kind == "bookmark":
                has = {name: value for name, value in has.items() if _is_seen(evidence, log, name)}
            for name in sorted(has.keys() | told.keys()):
                if has.get(name) != told.get(name):
                    listed = f"a fresh client is told {told.get(name)!r}"
                    yield f"{log.device} has {kind} {name}: {has.get(name)!r}; {listed}"


def _is_seen(evidence: Evidence, log: Log, post: str) -> bool:
    """All posts are public: gone are those that are deleted, or between whom there is a block."""
    assert evidence.social
    return post in evidence.social.numbers and not any(
        str(log.user) in pair.split() for pair in evidence.social.deeds.get("block", {})
    )


def the_lists_say_what_is_kept(evidence: Evidence) -> Iterator[str]:
    for user, fresh in evidence.fresh.items():
        if evidence.social is None:
            return
        for kind in LISTED:
            kept = _of_user(evidence.social.deeds, kind, user)
            if kept != fresh.things[kind]:
                yield f"user {short(user)} is told {kind} {fresh.things[kind]}; kept is {kept}"


def _of_user(deeds: Things, kind: str, user: UUID) -> dict[str, Value]:
    named = ((name.split(), value) for name, value in deeds.get(kind, {}).items())
    return {what: value for (who, what), value in named if who == str(user)}


def what_is_unread_is_what_the_list_shows(evidence: Evidence) -> Iterator[str]:
    """Of notifications."""
    for user, fresh in evidence.fresh.items():
        if evidence.social is None:
            return
        notices = fresh.things["notice"].values()
        unread = sum(isinstance(each, tuple) and not each[READ] for each in notices)
        if fresh.things["unread"] != {"": unread}:
            said = fresh.things["unread"]
            yield f"user {short(user)} has {unread} notices unread, and is told {said}"


def a_feed_has_no_hole_and_no_double(evidence: Evidence) -> Iterator[str]:
    """In the end it is what the store has. While others post, each is in it once, newest first, and
    all that one has posted before."""
    if evidence.social is None:
        return
    for user, fresh in evidence.fresh.items():
        if fresh.feed != evidence.social.feeds[user]:
            kept = evidence.social.feeds[user]
            yield f"user {short(user)} is told {_posts(fresh.feed)}; kept is {_posts(kept)}"
    gone = {name for kind, name in _writes(evidence) if kind == "gone"}
    for log in evidence.logs:
        for entry in log.entries:
            if not isinstance(entry, Fed):
                continue
            if any(one <= other for one, other in pairwise(entry.posts)):
                yield f"{log.device} at {entry.at:.3f} s: {_posts(entry.posts)}"
            there = _posted(log, entry.asked_at) - gone
            if missing := there - {str(post) for post in entry.posts}:
                yield f"{log.device} at {entry.at:.3f} s has posted {missing}, not in its feed"


def _posts(posts: list[UUID] | tuple[UUID, ...]) -> str:
    return " ".join(short(post) for post in posts)


def _posted(log: Log, before: float) -> set[str]:
    return {
        asked.deed[1]
        for asked, answer in settled(log)
        if asked.op == "post.create" and asked.deed and _is_ok(answer) and answer.at < before
    }


def numbers_are_those_of_the_rows(evidence: Evidence) -> Iterator[str]:
    for user, fresh in evidence.fresh.items():
        if evidence.social is None:
            return
        for post, told in fresh.numbers.items():
            kept = evidence.social.numbers.get(post)
            if kept != told:
                yield f"user {short(user)} is told of post {post[-8:]}: {told}; there are {kept}"


def what_is_watched_is_as_a_fresh_look(evidence: Evidence) -> Iterator[str]:
    """Unless the watch has ended. What was said between two while they were apart by a block, the
    one who watches asks for anew, and does not here."""
    for log, fresh in _of_all(evidence):
        apart = _said_by(evidence, _apart(evidence, log.user))
        for post, entries in _boards(log).items():
            mine, told = _board(entries, apart), _board(fresh.boards.get(post, []), apart)
            if mine[0] is not None and mine != told:
                yield f"{log.device} watches {short(post)} and has {_differs(mine, told)}"


Board = tuple[str | None, dict[UUID, tuple[int, str]]]


def _boards(log: Log) -> dict[UUID, list[Looked]]:
    """Of each post, what came since the newest watch of it began."""
    found: dict[UUID, list[Looked]] = defaultdict(list)
    for entry in log.entries:
        if isinstance(entry, Looked):
            if entry.state is None:
                found[entry.post].clear()
            else:
                found[entry.post].append(entry)
    return found


def _board(entries: list[Looked], apart: set[UUID]) -> Board:
    comments: dict[UUID, tuple[int, str]] = {}
    for entry in entries:
        for one in entry.comments:
            if one.comment not in apart and one.rev >= comments.get(one.comment, (0, ""))[0]:
                comments[one.comment] = one.rev, one.says
    return entries[-1].state if entries else None, comments


def _apart(evidence: Evidence, user: UUID) -> set[UUID]:
    """All between whom and the user there ever was a block."""
    pairs = [
        [UUID(one) for one in entry.deed[1].split()]
        for log in evidence.logs
        for entry in log.entries
        if isinstance(entry, Asked) and entry.deed and entry.deed[0] == "block"
    ]
    return {one for pair in pairs if user in pair for one in pair if one != user}


def _said_by(evidence: Evidence, users: set[UUID]) -> set[UUID]:
    """Their comments."""
    return {
        UUID(entry.deed[1])
        for log in evidence.logs
        for entry in log.entries
        if log.user in users and isinstance(entry, Asked) and entry.op == "comment.create"
        if entry.deed
    }


def _differs(mine: Board, told: Board) -> str:
    if mine[0] != told[0]:
        return f"{mine[0]}; a fresh look says {told[0]}"
    for comment in sorted(mine[1].keys() | told[1].keys()):
        if mine[1].get(comment) != told[1].get(comment):
            fresh = f"a fresh look says {told[1].get(comment)}"
            return f"{short(comment)}: {mine[1].get(comment)}; {fresh}"
    return ""


def counters_do_not_drift(evidence: Evidence) -> Iterator[str]:
    yield from evidence.drift


LIVE: tuple[Invariant, ...] = (all_have_what_the_lists_say, what_is_watched_is_as_a_fresh_look)
"""What has to be so a moment after all is quiet."""
INVARIANTS: tuple[Invariant, ...] = (
    *LIVE,
    every_acknowledged_deed_is_kept,
    the_lists_say_what_is_kept,
    what_is_unread_is_what_the_list_shows,
    a_feed_has_no_hole_and_no_double,
    numbers_are_those_of_the_rows,
    counters_do_not_drift,
)
