"""Whatever order events, reads and going live come in: what a session is told tiles."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lumina_rt import catch_up as module
from lumina_rt.catch_up import CatchUp, TooMuch

TALK, OTHER = UUID(int=1), UUID(int=2)
STREAMS = [UUID(int=number) for number in range(3)]
PAGE = 3


class Resuming(RuleBasedStateMachine):
    """A store with streams, a gate that passes their events in order and late, and a session that
    reads pages. `told` is what the client has of each stream, and it must have no hole."""

    def __init__(self) -> None:
        super().__init__()
        self.catch_up = CatchUp()
        self.committed = dict.fromkeys(STREAMS, 5)
        self.passed = dict.fromkeys(STREAMS, 5)
        self.told: dict[UUID, int] = {}

    @rule(stream=st.sampled_from(STREAMS))
    def commit(self, stream: UUID) -> None:
        self.committed[stream] += 1

    @precondition(lambda self: any(self.passed[s] < self.committed[s] for s in STREAMS))
    @rule(data=st.data())
    def pass_one(self, data: st.DataObject) -> None:
        """The next event of a stream passes the gate."""
        late = [stream for stream in STREAMS if self.passed[stream] < self.committed[stream]]
        stream = data.draw(st.sampled_from(late))
        self.passed[stream] += 1
        rev = self.passed[stream]
        if self.catch_up.passes((stream, rev)):
            assert self.catch_up.live
            self.tell(stream, rev - 1, rev)
        elif self.catch_up.live:
            assert self.told[stream] >= rev, "nothing is lost once it is live"
        else:
            self.told.setdefault(stream, rev - 1)

    @precondition(lambda self: not self.catch_up.live)
    @rule(stream=st.sampled_from(STREAMS), missed=st.integers(0, 5))
    def begin(self, stream: UUID, missed: int) -> None:
        """What the client says that it has had, compared with what is committed by now."""
        if stream not in self.told:
            had = max(self.passed[stream] - missed, 0)
            self.told[stream] = had
            self.catch_up.begin(stream, had, self.committed[stream])

    @precondition(lambda self: self.catch_up.behind() and not self.catch_up.live)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """A page, of what is committed by now."""
        behind = self.catch_up.behind()
        stream = data.draw(st.sampled_from(sorted(behind)))
        had = behind[stream]
        upto = min(had + PAGE, self.committed[stream])
        self.catch_up.has(stream, upto)
        self.tell(stream, had, upto)

    @precondition(lambda self: not self.catch_up.behind())
    @rule()
    def go_live(self) -> None:
        self.catch_up.live = True

    def tell(self, stream: UUID, after: int, upto: int) -> None:
        had = self.told.get(stream)
        assert had is None or after == had, f"{after} follows on {had}"
        self.told[stream] = upto

    @invariant()
    def what_is_behind_is_what_was_told_and_more_is_there(self) -> None:
        for stream, had in self.catch_up.behind().items():
            assert self.told[stream] == had < self.catch_up.moved(stream)
            assert self.catch_up.moved(stream) <= self.committed[stream]

    @invariant()
    def nothing_that_has_passed_is_missing_once_it_is_live(self) -> None:
        if self.catch_up.live:
            for stream, told in self.told.items():
                assert told >= self.passed[stream]

    @precondition(lambda self: self.told)
    @invariant()
    def it_knows_what_it_has_told(self) -> None:
        if not self.catch_up.live:
            for stream, told in self.told.items():
                assert self.catch_up.had(stream) == told


Resuming.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestResuming = Resuming.TestCase


def test_before_it_is_live_events_only_say_how_far_a_stream_is() -> None:
    catch_up = CatchUp()
    catch_up.begin(TALK, 3, 5)
    assert not catch_up.passes((TALK, 6))
    assert (catch_up.behind(), catch_up.moved(TALK)) == ({TALK: 3}, 6)
    catch_up.has(TALK, 5)
    assert catch_up.behind() == {TALK: 5}
    catch_up.has(TALK, 6)
    assert catch_up.behind() == {}


def test_a_stream_that_the_client_said_nothing_of_begins_where_it_moves() -> None:
    catch_up = CatchUp()
    assert not catch_up.passes((OTHER, 9))
    assert (catch_up.behind(), catch_up.moved(OTHER)) == ({OTHER: 8}, 9)


def test_what_comes_late_of_what_was_read_is_passed_over() -> None:
    catch_up = CatchUp()
    catch_up.begin(TALK, 3, 5)
    catch_up.has(TALK, 7)
    catch_up.live = True
    assert [catch_up.passes((TALK, rev)) for rev in (5, 6, 7, 8)] == [False, False, False, True]
    assert catch_up.passes((OTHER, 1))


def test_what_has_no_place_comes_once_it_is_live() -> None:
    catch_up = CatchUp()
    assert not catch_up.passes(None)
    catch_up.live = True
    assert catch_up.passes(None)


def test_of_what_the_client_asks_for_itself_all_that_comes_is_told() -> None:
    catch_up = CatchUp()
    catch_up.begin(TALK, 3, 900)
    catch_up.leave(TALK)
    assert catch_up.behind() == {}
    catch_up.live = True
    assert catch_up.passes((TALK, 901))


def test_a_session_that_never_resumes_is_not_kept_in_mind_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_STREAMS", 5)
    catch_up = CatchUp()
    for number in range(5):
        catch_up.passes((UUID(int=number), 1))
        catch_up.passes((UUID(int=number), 2))
    with pytest.raises(TooMuch):
        catch_up.passes((UUID(int=5), 1))
