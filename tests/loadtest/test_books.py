"""What a load test counts, and what it takes for a fault."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from lumina_protocol.fields import uuid7

from loadtest.drive import ledger
from loadtest.drive.had import BEHIND, EARLY, OWN_STREAM, STALE, TWICE, Had
from loadtest.drive.histogram import Histogram
from loadtest.drive.ledger import Books
from loadtest.drive.limit import Search

CONVERSATION = uuid7().bytes
IDS = [uuid7().bytes for _ in range(9)]
LOST = "a receiver lost messages that were acknowledged"


def message(seq: int, id_: bytes | None = None) -> dict[str, object]:
    return {
        "conversation_id": CONVERSATION, "seq": seq, "rev": seq, "message_id": id_ or IDS[seq],
    }  # fmt: skip


@pytest.fixture
def books() -> Books:
    """Messages 1 to 4 were acknowledged; user 7 is to get them."""
    books = Books()
    for seq in range(1, 5):
        books.sent[CONVERSATION].add(seq, IDS[seq])
    books.expect(7, [CONVERSATION])
    return books


def wrong(books: Books) -> set[str]:
    return {line.rpartition(" (")[0] for line in ledger.faults(books)}


@pytest.mark.parametrize(
    ("came", "faults"),
    [
        ([1, 2, 3, 4], set()),
        ([1, 2, 3], {LOST}),
        ([1, 2, 4], {EARLY, LOST}),
        ([1, 2, 2, 3, 4], {TWICE}),
        ([1, 3, 2, 4], {EARLY, TWICE, LOST}),
        ([], {LOST}),
    ],
)
def test_what_came_must_be_all_once_and_in_order(
    books: Books, came: Sequence[int], faults: set[str]
) -> None:
    had = Had(books, 7)
    for seq in came:
        had.message(message(seq))
    assert wrong(books) == faults


def test_another_message_under_the_same_seq_is_a_fault(books: Books) -> None:
    had = Had(books, 7)
    for seq in (1, 2, 3):
        had.message(message(seq))
    had.message(message(4, uuid7().bytes))
    assert wrong(books) == {"a receiver got other messages than were acknowledged"}


def test_what_nobody_knows_whether_it_was_kept_may_come_or_not(books: Books) -> None:
    books.sent[CONVERSATION].unsure = 1
    had = Had(books, 7)
    for seq in range(1, 6):
        had.message(message(seq))
    assert not wrong(books)
    books.sent[CONVERSATION].unsure = 0
    assert wrong(books) == {"a receiver got more messages than were acknowledged"}


def test_a_resume_may_tell_again_what_was_had_but_must_tell_all(books: Books) -> None:
    had = Had(books, 7)
    had.message(message(1))
    had.resuming = True
    page = {"conversation_id": CONVERSATION, "messages": [message(3), message(2)], "to_rev": 3}
    assert [new["seq"] for new in had.page(page)] == [2, 3]
    assert not had.message(message(2))
    assert not books.faults
    had.resumed({"epoch": 1, "user_rev": 0, "cursors": [(CONVERSATION, 4, 4)], "stale": [b""]})
    assert set(books.faults) == {BEHIND, STALE}


def test_the_own_stream_has_no_holes_and_nothing_twice(books: Books) -> None:
    had = Had(books, 7)
    for user_rev in (5, 6, 8, 8):
        had.own(user_rev)
    assert books.faults[OWN_STREAM] == 2


def test_books_of_several_processes_are_one(books: Books) -> None:
    other = Books()
    other.sent[CONVERSATION].add(5, IDS[5])
    other.expect(8, [CONVERSATION])
    both = ledger.merged([books, other])
    assert both.sent[CONVERSATION].count == 5
    had = Had(both, 7)
    for seq in range(1, 6):
        had.message(message(seq))
    assert ledger.faults(both) == [f"{LOST} (1 times)"]


def test_quantiles_are_at_most_a_hundredth_too_high() -> None:
    seconds = sorted(random.Random(4).expovariate(20) for _ in range(5000))
    both = Histogram()
    for half in (seconds[::2], seconds[1::2]):
        one = Histogram()
        for each in half:
            one.record(each)
        both.add(one)
    for share in (0.5, 0.9, 0.99, 0.999, 1.0):
        true = seconds[max(-(-int(share * 5000) // 1) - 1, 0)]
        told = both.quantile(share)
        assert told is not None
        assert true - 1e-6 <= told <= true * 1.01
    assert Histogram().quantile(0.5) is None


def tried(limit: float, first: float) -> Iterator[float]:
    search = Search(first)
    while not search.over:
        yield search.next
        search.tell(held=search.next <= limit)
    yield search.held


@pytest.mark.parametrize("limit", [30, 100, 777, 5000])
def test_the_limit_is_found_from_below_and_from_above(limit: float) -> None:
    *steps, found = tried(limit, 200)
    assert limit / 1.11 <= found <= limit
    assert len(steps) <= 14
