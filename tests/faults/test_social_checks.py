"""The checker passes a day beyond messages that went well, and finds each thing that can go wrong
there by its name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from tests.faults.evidence import Evidence
from tests.faults.fresh import Fresh
from tests.faults.log import (
    Answered,
    Asked,
    Entry,
    Fed,
    Glanced,
    Has,
    HasAll,
    Hinted,
    Log,
    Looked,
    Remark,
    Things,
    Value,
)
from tests.faults.social import NIL
from tests.faults.social_checks import INVARIANTS
from tests.faults.social_truth import SocialTruth
from tests.faults.things import KINDS

ALICE, BOB, SAID, STORY, BRIEF = (UUID(int=number) for number in (1, 2, 20, 30, 31))
OLDER, POST = (UUID(int=(ms << 80) + ms) for ms in (1000, 2000))
"""With the moments of their ids."""
MOOD, FOLLOW, BLOCK = f"{BOB} {POST}", f"{BOB} {ALICE}", f"{ALICE} {BOB}"
NOTICE, READ_NOTICE = ("a", "", 5, False, 1, ""), ("a", "", 5, True, 1, "")
BEFORE, NOW = Remark(SAID, 1, "hi"), Remark(SAID, 2, "hi!")
NUMBERS = ({"curious": 1}, 1, ())
Tamper = Callable[[Evidence], object]


def deed(
    at: float, number: int, op: str, kind: str, name: object, value: Value, outcome: str = "ok"
) -> list[Entry]:
    """Takes half a second."""
    asked = Asked(at, number, op, NIL, deed=(kind, str(name)), value=value)
    return [asked, Answered(at + 0.5, number, outcome)]


def nothing() -> HasAll:
    return HasAll(0, {kind: {} for kind in KINDS} | {"unread": {"": 0}})


def alice() -> Log:
    """Posts twice, deletes a third, and reads what she is notified of."""
    entries = [
        nothing(),
        *deed(1, 1, "post.create", "caption", OLDER, "one"),
        *deed(2, 2, "post.create", "caption", POST, "two"),
        Has(3, "post", str(OLDER), (1, "one")), Has(3, "post", str(POST), (1, "two")),
        Fed(5, 4, (POST, OLDER)),
        Has(6, "notice", "reaction", NOTICE), Has(6, "unread", "", 1),
        Has(7, "read", "", (5,)), Has(7, "unread", "", 0),
        Has(8, "follower", str(BOB), True),
        Hinted(0, ()), Hinted(1, (OLDER,)), Hinted(2, (POST,)),
        Glanced(8, STORY, "1"), Glanced(9, STORY, "2"),
    ]  # fmt: skip
    return Log("alice-1", ALICE, entries)


def bob() -> Log:
    """Follows her, changes his mood, comments, bookmarks and watches."""
    entries = [
        nothing(),
        *deed(0.2, 1, "user.follow", "follow", FOLLOW, True), Has(0.7, "follow", str(ALICE), True),
        *deed(3, 2, "reaction.set", "mood", MOOD, "excited"),
        *deed(4, 3, "reaction.set", "mood", MOOD, "curious"), Has(5, "mood", str(POST), "curious"),
        *deed(5, 4, "comment.create", "comment", SAID, True),
        *deed(6, 5, "bookmark.set", "bookmark", MOOD, True), Has(7, "bookmark", str(POST), True),
        Looked(7, POST, "0", (BEFORE,)), Looked(8, POST, "1"), Looked(9, POST, "1", (NOW,)),
        Looked(9, OLDER, "1"), Looked(9, OLDER, None),
        Fed(9, 8, (POST, OLDER)),
        Hinted(0, ()), Hinted(2, (OLDER,)), Hinted(3, (POST, OLDER)),
        Glanced(8, STORY, "-"), Glanced(8, BRIEF, "-"), Glanced(9, BRIEF, None),
    ]  # fmt: skip
    return Log("bob-1", BOB, entries)


def fresh(**things: dict[str, Value]) -> Fresh:
    told = {kind: things.get(kind, {}) for kind in KINDS} | {"unread": {"": 0}}
    numbers: dict[str, tuple[object, ...]] = {str(POST): NUMBERS}
    return Fresh(things=told, feed=[POST, OLDER], numbers=numbers)


def evidence() -> Evidence:
    posts: dict[str, Value] = {str(OLDER): (1, "one"), str(POST): (1, "two")}
    hers = fresh(post=posts, notice={"reaction": READ_NOTICE}, follower={str(BOB): True})
    his = fresh(mood={str(POST): "curious"}, follow={str(ALICE): True}, bookmark={str(POST): True})
    hers.stories, his.stories = {STORY: "2"}, {STORY: "-"}
    his.boards = {POST: [Looked(20, POST, "1", (NOW,))], OLDER: [Looked(20, OLDER, "1")]}
    deeds: Things = {
        "caption": {str(OLDER): "one", str(POST): "two"}, "mood": {MOOD: "curious"},
        "comment": {str(SAID): True}, "bookmark": {MOOD: True}, "follow": {FOLLOW: True},
    }  # fmt: skip
    kept = SocialTruth(deeds, {ALICE: [POST, OLDER], BOB: [POST, OLDER]}, {str(POST): NUMBERS})
    return Evidence([alice(), bob()], {}, fresh={ALICE: hers, BOB: his}, social=kept)


def found(evidence: Evidence) -> set[str]:
    return {demand.__name__ for demand in INVARIANTS if any(demand(evidence))}


def truth(evidence: Evidence) -> SocialTruth:
    assert evidence.social
    return evidence.social


def put(user: int, old: Entry, *new: Entry) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        entries = evidence.logs[user].entries
        at = entries.index(old)
        entries[at : at + 1] = new

    return tamper


def keep(kind: str, name: str, value: Value) -> Tamper:
    return lambda evidence: truth(evidence).deeds.update({kind: {name: value} if value else {}})


def strange_post(evidence: Evidence) -> None:
    """By Bob, whom Alice does not follow."""
    post = UUID(int=(3000 << 80) + 3)
    evidence.logs[1].entries += deed(3, 9, "post.create", "caption", post, "so")
    evidence.logs[0].entries.append(Hinted(4, (post,)))


WATCHED, TOLD = Looked(9, POST, "1", (NOW,)), Looked(8, POST, "1")
SMALL = replace(WATCHED, comments=(BEFORE,))
WRONG: dict[str, tuple[str, Tamper]] = {
    "a mood that is lost": ("every_acknowledged_deed_is_kept", keep("mood", MOOD, None)),
    "a mood of before": ("every_acknowledged_deed_is_kept", keep("mood", MOOD, "excited")),
    "a comment that is lost": ("every_acknowledged_deed_is_kept", keep("comment", "", None)),
    "a deed that nobody was told of": (
        "all_have_what_the_lists_say", put(1, Has(5, "mood", str(POST), "curious")),
    ),
    "a bookmark that is not in the list": (
        "all_have_what_the_lists_say", lambda e: e.fresh[BOB].things["bookmark"].clear(),
    ),
    "a notice that is read on another device alone": (
        "all_have_what_the_lists_say", put(0, Has(7, "read", "", (5,))),
    ),
    "a badge of before": ("all_have_what_the_lists_say", put(0, Has(7, "unread", "", 0))),
    "a device that never reads the lists": (
        "all_have_what_the_lists_say", put(0, nothing()),
    ),
    "a list that leaves something out": (
        "the_lists_say_what_is_kept", lambda e: e.fresh[BOB].things["follow"].clear(),
    ),
    "a count of what is unread": (
        "what_is_unread_is_what_the_list_shows",
        lambda e: e.fresh[ALICE].things["unread"].update({"": 1}),
    ),
    "a hole in a feed": (
        "a_feed_has_no_hole_and_no_double", lambda e: e.fresh[BOB].feed.remove(OLDER),
    ),
    "a double in a feed": (
        "a_feed_has_no_hole_and_no_double", lambda e: e.fresh[BOB].feed.append(OLDER),
    ),
    "a double in a feed while others post": (
        "a_feed_has_no_hole_and_no_double",
        put(1, Fed(9, 8, (POST, OLDER)), Fed(9, 8, (POST, OLDER, OLDER))),
    ),
    "one's own post not in one's feed": (
        "a_feed_has_no_hole_and_no_double",
        put(0, Fed(5, 4, (POST, OLDER)), Fed(5, 4, (POST,))),
    ),
    "a number that is another": (
        "numbers_are_those_of_the_rows",
        lambda e: e.fresh[BOB].numbers.update({str(POST): ({"curious": 2}, 1, ())}),
    ),
    "a state that was not told": (
        "what_is_watched_is_as_a_fresh_look", lambda e: e.fresh[BOB].boards.update(
            {POST: [Looked(20, POST, "2", (NOW,))]}),
    ),
    "a comment of before on what is watched": (
        "what_is_watched_is_as_a_fresh_look", put(1, WATCHED, SMALL),
    ),
    "a watch that goes on of what is gone": (
        "what_is_watched_is_as_a_fresh_look", lambda e: e.fresh[BOB].boards.update({POST: []}),
    ),
    "a story that was not told of": (
        "what_is_told_of_a_story_is_as_a_fresh_look", put(0, Glanced(9, STORY, "2")),
    ),
    "a watch that goes on of a story that is gone": (
        "what_is_told_of_a_story_is_as_a_fresh_look", put(1, Glanced(9, BRIEF, None)),
    ),
    "a post that a watched feed leaves out": (
        "a_watched_feed_has_every_post",
        put(1, Hinted(3, (POST, OLDER)), Hinted(3, (OLDER,))),
    ),
    "one's own post that a watched feed leaves out": (
        "a_watched_feed_has_every_post", put(0, Hinted(2, (POST,))),
    ),
    "a post by whom one does not follow": (
        "nobody_is_told_of_posts_that_are_not_for_them", strange_post,
    ),
    "a counter": ("counters_do_not_drift", lambda e: e.drift.append("posts: 2, should be 1")),
}  # fmt: skip


def test_a_day_that_went_well_passes() -> None:
    assert found(evidence()) == set()


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_is_found(what: str) -> None:
    demand, tamper = WRONG[what]
    day = copy.deepcopy(evidence())
    tamper(day)
    assert demand in found(day)


def test_every_invariant_is_broken_by_a_test() -> None:
    assert {demand for demand, _ in WRONG.values()} == {each.__name__ for each in INVARIANTS}


def again(at: float, outcome: str, **changes: Value) -> list[Entry]:
    """One more mood of Bob's, under way from 4 s on or later."""
    return deed(at, 9, "reaction.set", "mood", MOOD, changes.get("value", "inspired"), outcome)


@pytest.mark.parametrize(("at", "outcome"), [(4.2, "ok"), (3, "in doubt"), (20, "in doubt")])
@pytest.mark.parametrize("kept", ["curious", "inspired"])
def test_of_two_at_once_and_of_what_is_in_doubt_either_is_right(
    at: float, outcome: str, kept: str
) -> None:
    day = evidence()
    day.logs[1].entries += again(at, outcome)
    keep("mood", MOOD, kept)(day)
    assert "every_acknowledged_deed_is_kept" not in found(day)


def test_what_is_refused_must_not_be_kept() -> None:
    day = evidence()
    day.logs[1].entries += again(20, "forbidden")
    keep("mood", MOOD, "inspired")(day)
    assert "every_acknowledged_deed_is_kept" in found(day)


def test_a_block_ends_that_one_follows_the_other() -> None:
    day = evidence()
    keep("follow", FOLLOW, None)(day)
    assert "every_acknowledged_deed_is_kept" in found(day)
    day.logs[0].entries += deed(9, 9, "user.block", "block", BLOCK, True, "in doubt")
    assert "every_acknowledged_deed_is_kept" not in found(day)


def test_what_is_not_for_one_now_is_not_in_the_list_of_bookmarks() -> None:
    day = evidence()
    day.fresh[BOB].things["bookmark"].clear()
    assert "all_have_what_the_lists_say" in found(day)
    del truth(day).numbers[str(POST)]
    assert "all_have_what_the_lists_say" not in found(day)


def test_of_who_is_apart_nothing_has_to_be_watched() -> None:
    day = evidence()
    hers = Remark(UUID(int=21), 3, "so")
    day.fresh[BOB].boards[POST] = [Looked(20, POST, "1", (NOW, hers))]
    day.logs[0].entries += deed(9, 8, "comment.create", "comment", hers.comment, True)
    assert "what_is_watched_is_as_a_fresh_look" in found(day)
    day.logs[0].entries += deed(9, 9, "user.block", "block", BLOCK, True)
    assert "what_is_watched_is_as_a_fresh_look" not in found(day)


def untold() -> Evidence:
    """Bob is not told of the second post."""
    day = evidence()
    put(1, Hinted(3, (POST, OLDER)), Hinted(3, (OLDER,)))(day)
    return day


EXCUSES: dict[str, Tamper] = {
    "it was deleted": lambda e: e.logs[0].entries.extend(
        deed(3, 9, "post.restore", "gone", POST, None)),
    "he has unfollowed her": lambda e: e.logs[1].entries.extend(
        deed(1, 9, "user.unfollow", "follow", FOLLOW, None)),
    "he was about to follow her": put(1, deed(0.2, 1, "", "follow", FOLLOW, True)[1],
                                      Answered(2.5, 1, "ok")),
    "she has blocked him": lambda e: e.logs[0].entries.extend(
        deed(9, 9, "user.block", "block", BLOCK, True)),
    "it was made offline": lambda e: setattr(e, "clock_s", 60.0),
    "it is not for him": lambda e: truth(e).feeds.update({BOB: [OLDER]}),
    "he does not watch his feed": lambda e: setattr(e.logs[1], "entries", [
        entry for entry in e.logs[1].entries if not isinstance(entry, Hinted)]),
}  # fmt: skip


@pytest.mark.parametrize("why", EXCUSES)
def test_a_watched_feed_may_leave_out_a_post_when(why: str) -> None:
    day = untold()
    assert "a_watched_feed_has_every_post" in found(day)
    EXCUSES[why](day)
    assert "a_watched_feed_has_every_post" not in found(day)
