"""Invariants of what is beyond messages: what was acknowledged, told, listed and counted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

from tests.faults import watch_checks
from tests.faults.deeds import is_ok, of_all, writes
from tests.faults.evidence import Evidence, Invariant, settled, short
from tests.faults.log import Fed, Log, Things, Value
from tests.faults.things import KINDS, READ, held

LISTED = ("mood", "follow", "block")
"""Deeds of a user of which there is a list."""


def every_acknowledged_deed_is_kept(evidence: Evidence) -> Iterator[str]:
    """What is there was asked for, and nothing else was acknowledged that was asked for after it
    was answered. What is in doubt may be done at any time."""
    if evidence.social is None:
        return
    for (kind, name), written in writes(evidence).items():
        kept = evidence.social.deeds.get(kind, {}).get(name)
        sure = [(asked, answer) for asked, answer, _ in written if is_ok(answer)]
        begun = max((asked.at for asked, _ in sure), default=0.0)
        last = {value for _, answer, value in written if not is_ok(answer) or answer.at >= begun}  # type: ignore[union-attr]
        if not sure:
            last.add(None)
        if kept not in last:
            yield f"{kind} {name}: kept is {kept!r}; may be one of {last}"


def all_have_what_the_lists_say(evidence: Evidence) -> Iterator[str]:
    """Bookmarks of posts that are not for the user now are not in the list."""
    for log, fresh in of_all(evidence):
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
    gone = {name for kind, name in writes(evidence) if kind == "gone"}
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
        if asked.op == "post.create" and asked.deed and is_ok(answer) and answer.at < before
    }


def numbers_are_those_of_the_rows(evidence: Evidence) -> Iterator[str]:
    for user, fresh in evidence.fresh.items():
        if evidence.social is None:
            return
        for post, told in fresh.numbers.items():
            kept = evidence.social.numbers.get(post)
            if kept != told:
                yield f"user {short(user)} is told of post {post[-8:]}: {told}; there are {kept}"


def counters_do_not_drift(evidence: Evidence) -> Iterator[str]:
    yield from evidence.drift


LIVE: tuple[Invariant, ...] = (
    all_have_what_the_lists_say,
    watch_checks.what_is_watched_is_as_a_fresh_look,
    watch_checks.what_is_told_of_a_story_is_as_a_fresh_look,
    watch_checks.a_watched_feed_has_every_post,
)
"""What has to be so a moment after all is quiet."""
INVARIANTS: tuple[Invariant, ...] = (
    *LIVE,
    every_acknowledged_deed_is_kept,
    the_lists_say_what_is_kept,
    what_is_unread_is_what_the_list_shows,
    a_feed_has_no_hole_and_no_double,
    numbers_are_those_of_the_rows,
    watch_checks.nobody_is_told_of_posts_that_are_not_for_them,
    counters_do_not_drift,
)
