from __future__ import annotations

from collections import deque
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lumina_protocol.errors import CloseCode

from lumina_rt import session as module
from lumina_rt.session import AUTH_TRIES, TABLE, Answer, Close, Input, Limits, Ping, State, Verb
from tests.gateway.shell import KINDS, STEPS, USER, VERDICTS, Shell, ready

# While a token is checked its request runs, so others wait; only a check has a verdict, and only
# CHECKING has a check; a closed session takes no request.
UNREACHABLE = {
    *product([State.CHECKING, State.CLOSED], KINDS.values()),
    *product([State.STRANGER, State.READY], VERDICTS),
}


def test_the_table_has_a_row_for_everything_but_what_cannot_happen() -> None:
    assert set(TABLE) == set(product(State, Input)) - UNREACHABLE
    assert {verb for _, verb in TABLE.values()} == set(Verb)


def explore() -> set[tuple[str, ...]]:
    """All sequences of steps that lead to a session unlike any found before: an exhaustive
    search, since with at most two requests waiting there are only so many."""
    todo: deque[tuple[str, ...]] = deque([()])
    known, sequences = set(), set()
    while todo:
        sequence = todo.popleft()
        shell = Shell()
        for name in sequence:
            STEPS[name](shell)
        session = shell.session
        now = tuple(request.op for request in shell.running)
        queue = tuple(waiting.request.op for waiting in session.queue or ())
        key = (session.state, now, queue, session.auth_tries, session.heard, session.pinged)
        if key in known:
            continue
        known.add(key)
        sequences.add(sequence)
        busy = {"finish"} if shell.running else set()
        asked = set() if session.full else {"auth", "public", "private", "together"}
        allowed = busy | asked | {"late", "over", "beat"}
        todo.extend((*sequence, name) for name in STEPS if name.split()[0] in allowed)
    return sequences


def test_every_row_is_reached_and_no_step_falls_off_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached = set()

    class Recording(dict[tuple[State, Input], tuple[State, Verb]]):
        def __getitem__(self, key: tuple[State, Input]) -> tuple[State, Verb]:
            reached.add(key)
            return super().__getitem__(key)

    monkeypatch.setattr(module, "TABLE", Recording(TABLE))
    assert len(explore()) > 100
    assert reached == set(TABLE)


def test_a_stranger_may_ask_public_things_only() -> None:
    shell = Shell()
    shell.receive("message.send")
    shell.receive("ping")
    shell.finish()
    assert shell.done == [(1, "auth_required"), (2, "ran")]
    assert shell.session.state is State.STRANGER


def test_auth_makes_ready_and_tells_who_it_is() -> None:
    shell = Shell()
    shell.receive("auth")
    assert (shell.session.state, shell.session.user_id) == (State.CHECKING, None)
    shell.finish()
    assert (shell.session.state, shell.session.user_id) == (State.READY, USER)
    shell.receive("message.send")
    shell.finish()
    shell.receive("ping")
    shell.finish()
    shell.receive("auth")
    assert [what for _, what in shell.done] == ["ran", "ran", "ran", "already_authenticated"]
    assert shell.session.state is State.READY


def test_what_comes_behind_auth_waits_for_it_and_is_judged_by_its_result() -> None:
    shell = Shell()
    for op in ("auth", "message.send", "auth"):
        shell.receive(op)
    assert shell.done == [(1, "ran")]
    shell.finish(Input.UNDECIDED)
    assert shell.done[1:] == [(2, "auth_required"), (3, "ran")], "the second try is a new try"
    shell.receive("message.send")
    shell.finish(Input.ACCEPTED)
    assert shell.done[3:] == [(4, "ran")]


def test_the_fifth_wrong_token_closes_and_what_waits_is_dropped() -> None:
    shell = Shell()
    for attempt in range(1, AUTH_TRIES + 1):
        assert not shell.closes
        assert shell.session.state is State.STRANGER
        shell.receive("auth")
        shell.receive("ping")
        shell.finish(Input.REFUSED)
        if attempt < AUTH_TRIES:
            shell.finish()
    assert AUTH_TRIES == 5
    assert [close.code for close in shell.closes] == [CloseCode.AUTH_FAILED]
    assert shell.done[-1] == (9, "ran"), "the ping behind the fifth token never runs"


def test_a_token_that_could_not_be_checked_is_not_held_against_the_client() -> None:
    shell = Shell()
    for _ in range(AUTH_TRIES * 2):
        shell.receive("auth")
        shell.finish(Input.UNDECIDED)
    assert shell.session.state is State.STRANGER
    assert not shell.closes


@pytest.mark.parametrize("checking", [False, True])
def test_who_is_late_is_closed_also_in_the_middle_of_a_check(checking: bool) -> None:
    shell = Shell()
    if checking:
        shell.receive("auth")
    shell.obey(shell.session.late())
    assert [close.code for close in shell.closes] == [CloseCode.AUTH_TIMEOUT]
    if checking:
        shell.finish(Input.ACCEPTED)
    assert (shell.session.state, shell.session.user_id) == (State.CLOSED, None)
    assert shell.session.late() == []


def test_who_is_ready_is_never_late() -> None:
    shell = ready()
    assert shell.session.late() == []
    assert shell.session.state is State.READY


@pytest.mark.parametrize("state", ["stranger", "checking", "ready"])
def test_after_the_end_nothing_is_run_and_nothing_is_said(state: str) -> None:
    shell = ready() if state == "ready" else Shell()
    if state == "checking":
        shell.receive("auth")
    else:
        shell.receive("ping")
    shell.receive("ping")
    shell.session.over()
    said = list(shell.said)
    shell.finish(Input.REFUSED)
    for op in KINDS:
        shell.receive(op)
    for step in ("late", "over", "beat", "beat", "beat"):
        STEPS[step](shell)
    assert shell.said == said
    assert shell.session.state is State.CLOSED
    assert not shell.session.full


def test_one_silent_beat_pings_and_a_second_closes() -> None:
    shell = Shell()
    assert shell.session.beat() == [], "it has only just come"
    assert shell.session.beat() == [Ping()]
    (close,) = shell.session.beat()
    assert isinstance(close, Close)
    assert close.code is CloseCode.HEARTBEAT_TIMEOUT
    assert shell.session.state is State.CLOSED


def test_sends_are_under_way_together_in_order_and_nothing_overtakes_them() -> None:
    shell = ready()
    for op in ("message.send", "message.send", "message.history", "message.send"):
        shell.receive(op)
    assert [request.id for request in shell.running] == [2, 3]
    shell.finish(place=1)
    assert [request.id for request in shell.running] == [2], "a read waits for all before it"
    shell.finish()
    assert [request.id for request in shell.running] == [4], "and those behind it wait for it"
    shell.finish()
    assert [request.id for request in shell.running] == [5]


def test_no_more_sends_than_allowed_are_under_way() -> None:
    shell = ready()
    for _ in range(4):
        shell.receive("message.send")
    assert [request.id for request in shell.running] == [2, 3]
    assert shell.session.full
    shell.finish()
    assert [request.id for request in shell.running] == [3, 4]
    assert not shell.session.full


def test_who_is_heard_between_two_beats_is_left_alone() -> None:
    session = ready().session
    for _ in range(3):
        session.heard = True
        assert session.beat() == []
        assert session.beat() == [Ping()]


def test_full_begins_exactly_at_the_limit_and_ends_below_it() -> None:
    shell = Shell(
        Limits(requests_waiting=3, requests_together=1, requests_per_s=1e9, requests_burst=10**9)
    )
    seen = []
    for _ in range(5):
        shell.receive("ping")
        seen.append(shell.session.full)
    assert seen == [False, False, False, True, True], "one runs, three wait"
    shell.finish()
    assert shell.session.full
    shell.finish()
    assert not shell.session.full


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 6),
    gaps=st.lists(st.just(0.0) | st.floats(0, 10), min_size=10, max_size=60),
)
@example(0.10000000000000002, 1, [0.0] * 10 + [1.5773556518257958, 6.616049572100664, 0.0])
def test_a_bucket_lets_no_more_through_than_its_burst_and_its_rate(
    rate: float, burst: int, gaps: list[float]
) -> None:
    shell = Shell(
        Limits(
            requests_waiting=10**9, requests_together=1, requests_per_s=rate, requests_burst=burst
        )
    )
    passed = []
    for gap in gaps:
        shell.now += gap
        shell.receive("ping")
        if shell.done[-1][1] == "rate_limited":
            (answer,) = shell.said[-1:]
            assert isinstance(answer, Answer)
            assert answer.error.retry_after_ms is not None
            shell.now += answer.error.retry_after_ms / 1000
            shell.receive("ping")
            assert shell.done[-1][1] == "ran", "who waits as long as told is let through"
        passed.append(shell.now)
        shell.finish()
    for i, j in product(range(len(passed)), repeat=2):
        if i <= j:
            allowed = burst + rate * (passed[j] - passed[i])
            assert j - i + 1 <= allowed + 1e-6 * len(passed)


def test_a_burst_is_let_through_at_once_and_the_next_is_told_to_wait() -> None:
    shell = Shell(
        Limits(requests_waiting=100, requests_together=1, requests_per_s=2, requests_burst=3)
    )
    for _ in range(4):
        shell.receive("ping")
    assert shell.done == [(1, "ran"), (4, "rate_limited")]
    assert list(shell.waiting) == [2, 3]


@pytest.mark.parametrize("end", ["late", "over", "finish refused"])
def test_whatever_ends_it_nothing_waits_any_more(end: str) -> None:
    shell = Shell()
    for _ in range(AUTH_TRIES - 1):
        shell.receive("auth")
        shell.finish(Input.REFUSED)
    for op in ("auth", "ping", "ping"):
        shell.receive(op)
    assert shell.session.full
    STEPS[end](shell)
    assert shell.closed
    assert not shell.session.full
    assert shell.session.finished() == []


def test_who_is_sent_elsewhere_gets_what_was_asked_for_and_begins_nothing_more() -> None:
    shell = ready()
    for op in ("message.history", "ping"):
        shell.receive(op)
    shell.session.leaving = "this node is stopping"
    shell.receive("ping")
    assert not shell.session.idle
    shell.finish()
    shell.finish()
    assert [id_ for id_, _ in shell.done] == [1, 2, 3]
    assert shell.session.idle
