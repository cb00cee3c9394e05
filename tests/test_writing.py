"""How often it is told that somebody writes, by a clock of the test's own."""

from __future__ import annotations

from lumina_protocol.conversations import MemberTyping
from lumina_protocol.fields import uuid7

from lumina_rt.writing import EXPIRES_S, MOST, Writing

HERE, ELSEWHERE = (uuid7(), uuid7()), (uuid7(), uuid7())


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_told_once_in_three_seconds_however_often_it_is_said() -> None:
    clock = Clock()
    writing, told = Writing(clock), []
    for tenth in range(100):
        clock.now = 1000 + tenth / 10
        if writing.begins(HERE):
            told.append(tenth)
    assert told == [0, 30, 60, 90]
    assert writing.begins(ELSEWHERE)


def test_the_end_is_told_once_and_only_of_what_was_told() -> None:
    clock = Clock()
    writing = Writing(clock)
    assert not writing.ends(HERE)
    assert writing.begins(HERE)
    assert not writing.ends(ELSEWHERE)
    assert writing.ends(HERE)
    assert not writing.ends(HERE)
    assert not writing.begins(HERE), "or somebody could tell it a hundred times a second"
    clock.now += 3
    assert writing.begins(HERE)
    clock.now += EXPIRES_S
    assert not writing.ends(HERE), "it has ended by itself"


def test_what_has_expired_is_forgotten_and_no_more_is_kept_than_that() -> None:
    clock = Clock()
    writing = Writing(clock)
    assert all(writing.begins((uuid7(), uuid7())) for _ in range(MOST + 10))
    assert len(writing._told) == MOST
    clock.now += EXPIRES_S
    assert writing.begins(HERE)
    assert len(writing._told) == 1


def test_the_event_says_when_it_expires() -> None:
    event = MemberTyping(conversation_id=HERE[1], user_id=HERE[0])
    assert event.expires_ms == EXPIRES_S * 1000
