from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from lumina_protocol.errors import CloseCode

from lumina_rt.session import AUTH_TRIES, Close, Input, Limits, Ping, State
from tests.gateway.shell import KINDS, STEPS, USER, VERDICTS, Shell


class SessionMachine(RuleBasedStateMachine):
    """Any order of what can happen to a connection. `Shell` asserts as it goes."""

    limits = Limits(requests_waiting=3, requests_together=2, requests_per_s=2.0, requests_burst=6)

    def __init__(self) -> None:
        super().__init__()
        self.shell = Shell(self.limits)
        self.refusals = 0
        self.silent_beats = 0

    @rule(op=st.sampled_from(list(KINDS)))
    def receive(self, op: str) -> None:
        self.shell.session.heard = True
        self.silent_beats = 0
        self.shell.receive(op)

    @precondition(lambda self: self.shell.running)
    @rule(verdict=st.sampled_from(VERDICTS), which=st.integers(0, 1))
    def finish(self, verdict: Input, which: int) -> None:
        place = which % len(self.shell.running)
        op = self.shell.running[place].op
        if op == "auth" and verdict is Input.REFUSED and not self.shell.closed:
            self.refusals += 1
        self.shell.finish(verdict, place)

    @rule(seconds=st.floats(0, 5))
    def time_passes(self, seconds: float) -> None:
        self.shell.now += seconds

    @rule()
    def beat(self) -> None:
        was_closed, said = self.shell.closed, len(self.shell.said)
        self.shell.obey(self.shell.session.beat())
        expected = [[], [Ping], [Close]][0 if was_closed else self.silent_beats]
        assert [type(action) for action in self.shell.said[said:]] == expected
        self.silent_beats += 0 if was_closed else 1

    @rule()
    def late(self) -> None:
        STEPS["late"](self.shell)

    @rule(really=st.sampled_from([False] * 9 + [True]))
    def over(self, really: bool) -> None:
        if really:
            STEPS["over"](self.shell)

    @invariant()
    def the_user_is_known_only_when_ready(self) -> None:
        session = self.shell.session
        if session.state in (State.STRANGER, State.CHECKING):
            assert session.user_id is None
        if session.state is State.READY:
            assert session.user_id == USER

    @invariant()
    def requests_run_in_order_and_each_is_done_once(self) -> None:
        ran = [id_ for id_, what in self.shell.done if what != "rate_limited"]
        assert ran == sorted(set(ran))
        ids = [id_ for id_, _ in self.shell.done] + list(self.shell.waiting)
        assert len(ids) == len(set(ids))
        if not self.shell.closed:
            assert sorted(ids) == list(range(1, self.shell.last_id + 1)), "none is forgotten"

    @invariant()
    def it_is_full_exactly_at_the_limit(self) -> None:
        waiting = len(self.shell.waiting)
        assert self.shell.session.full is (waiting >= self.limits.requests_waiting)

    @invariant()
    def no_more_pass_than_the_bucket_allows(self) -> None:
        through = [what for _, what in self.shell.done if what != "rate_limited"]
        count = len(through) + len(self.shell.waiting)
        allowed = self.limits.requests_burst + self.limits.requests_per_s * self.shell.now
        assert count <= allowed + 1e-6

    @invariant()
    def it_closes_once_and_for_a_reason(self) -> None:
        codes = [close.code for close in self.shell.closes]
        assert len(codes) <= 1
        assert self.refusals <= AUTH_TRIES
        assert (CloseCode.AUTH_FAILED in codes) is (self.refusals == AUTH_TRIES)


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
