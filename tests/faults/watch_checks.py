"""Invariants of what is watched: posts, stories, and one's feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from tests.faults.deeds import Write, apart, is_ok, of_all, writes
from tests.faults.evidence import Evidence, short
from tests.faults.log import Asked, Glanced, Hinted, Log, Looked

Board = tuple[str | None, dict[UUID, tuple[int, str]]]
OFFLINE_S = 50.0
"""A post whose id is older than this when it is asked for is one that was made offline: a sweep
looks no further back than a minute."""


def what_is_watched_is_as_a_fresh_look(evidence: Evidence) -> Iterator[str]:
    """Unless the watch has ended. What was said between two while they were apart by a block, the
    one who watches asks for anew, and does not here."""
    for log, fresh in of_all(evidence):
        said = _said_by(evidence, apart(evidence, log.user))
        for post, entries in _boards(log).items():
            mine, told = _board(entries, said), _board(fresh.boards.get(post, []), said)
            if mine[0] is not None and mine != told:
                yield f"{log.device} watches {short(post)} and has {_differs(mine, told)}"


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


def _board(entries: list[Looked], without: set[UUID]) -> Board:
    comments: dict[UUID, tuple[int, str]] = {}
    for entry in entries:
        for one in entry.comments:
            if one.comment not in without and one.rev >= comments.get(one.comment, (0, ""))[0]:
                comments[one.comment] = one.rev, one.says
    return entries[-1].state if entries else None, comments


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


def what_is_told_of_a_story_is_as_a_fresh_look(evidence: Evidence) -> Iterator[str]:
    """Unless the watch has ended."""
    for log, fresh in of_all(evidence):
        told = {e.story: e.state for e in log.entries if isinstance(e, Glanced)}
        for story, state in told.items():
            if state is not None and state != fresh.stories.get(story):
                now = fresh.stories.get(story)
                yield f"{log.device} watches story {short(story)}: {state}; a fresh look says {now}"


def a_watched_feed_has_every_post(evidence: Evidence) -> Iterator[str]:
    """That is for its reader in the end, and was all the time: of whom they follow since before it
    was made, without a block between the two, and never deleted."""
    if evidence.social is None:
        return
    authors, written = _authors(evidence), writes(evidence)
    for log in evidence.logs:
        hints = [entry.posts for entry in log.entries if isinstance(entry, Hinted)]
        told = {post for posts in hints for post in posts}
        others = apart(evidence, log.user)
        for post in evidence.social.feeds.get(log.user, ()) if hints else ():
            author, asked = authors[post]
            if post in told or author in others or ("gone", str(post)) in written:
                continue
            if _is_prompt(evidence, post, asked) and _followed(log.user, author, asked, written):
                yield f"{log.device} watches its feed and is not told of {short(post)}"


def _authors(evidence: Evidence) -> dict[UUID, tuple[UUID, Asked]]:
    """Of each post, by whom it is, and when it was first asked for."""
    return {
        UUID(entry.deed[1]): (log.user, entry)
        for log in evidence.logs
        for entry in log.entries
        if isinstance(entry, Asked) and entry.op == "post.create" and entry.deed
    }


def _is_prompt(evidence: Evidence, post: UUID, asked: Asked) -> bool:
    """By the time in its id, see RFC 9562 section 5.7."""
    made_s: float = (post.int >> 80) / 1000
    return asked.at + evidence.clock_s - made_s < OFFLINE_S


def _followed(
    user: UUID, author: UUID, asked: Asked, written: dict[tuple[str, str], list[Write]]
) -> bool:
    """All the time. That it is so in the end, the feed says."""
    follows = written.get(("follow", f"{user} {author}"), [])
    if any(value is None for _, _, value in follows):
        return False
    return not follows or any(
        answer is not None and is_ok(answer) and answer.at < asked.at for _, answer, _ in follows
    )


def nobody_is_told_of_posts_that_are_not_for_them(evidence: Evidence) -> Iterator[str]:
    """Of whom they have never followed."""
    if evidence.social is None:
        return
    authors = _authors(evidence)
    pairs = {name for kind, name in writes(evidence) if kind == "follow"}
    pairs |= evidence.social.deeds.get("follow", {}).keys()
    for log in evidence.logs:
        for entry in log.entries:
            for post in entry.posts if isinstance(entry, Hinted) else ():
                author = authors[post][0] if post in authors else None
                if author != log.user and f"{log.user} {author}" not in pairs:
                    where = f"{log.device} at {entry.at:.3f} s"
                    yield f"{where} is told of {short(post)} by {short(author)}"
