"""Every scenario runs, small, on two nodes; and a receiver that loses something is found out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadtest import interrupt
from loadtest.drive.play import Played, Setup, play
from loadtest.drive.run import CONNECT, LOAD, Pace
from loadtest.drive.scene import Scenario
from loadtest.drive.stats import DELIVERY, DONE
from loadtest.drive.target import Target, own_nodes, running_server
from loadtest.drive.user import Body, User
from loadtest.errors import CannotStart, Stalled
from loadtest.report.figures import figures
from loadtest.scenarios import SCENARIOS
from loadtest.scenarios.big_groups import BigGroups
from loadtest.scenarios.connect_storm import ConnectStorm
from loadtest.scenarios.direct_chat import DirectChat
from loadtest.scenarios.feed_reads import FeedReads
from loadtest.scenarios.idle import Idle
from loadtest.scenarios.mixed_day import MixedDay
from loadtest.scenarios.reactions import STATE, Reactions
from loadtest.scenarios.resume_storm import ResumeStorm
from loadtest.scenarios.rolling_restart import RollingRestart
from loadtest.scenarios.stories import Stories
from loadtest.scenarios.uploads import Uploads
from loadtest.screen import Screen

pytestmark = [pytest.mark.embedded_only, pytest.mark.once, pytest.mark.timeout(90)]
USERS = 12


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with own_nodes(Screen(), 2) as nodes:
        yield nodes


def played(
    target: Target, scenario: Scenario, pace: Pace | None = None, users: int = USERS
) -> Played:
    setup = Setup(users, 1, 2, pace or Pace(40, 1, 0))
    return interrupt.run(play(scenario, setup, target, Screen()))


def load(done: Played) -> dict[str, int]:
    """How often each thing happened. Nothing went wrong."""
    assert done.faults == []
    stats = done.run.phases[LOAD].stats
    assert not stats.errors
    return {label: times.count for label, times in stats.times.items()}


SMALL: dict[type[Scenario], dict[str, int]] = {
    ConnectStorm: {}, DirectChat: {}, BigGroups: {"members": 6}, Reactions: {},
    FeedReads: {"follows": 3, "posts": 8}, Stories: {"tellers": 4}, ResumeStorm: {"missed": 5},
    Uploads: {"pixels": 64}, RollingRestart: {}, MixedDay: {"members": 6}, Idle: {},
}  # fmt: skip


def test_all_scenarios_are_tried_here() -> None:
    assert set(SMALL) == set(SCENARIOS)


@pytest.mark.parametrize(
    ("scenario", "done"),
    [
        (DirectChat, {DONE: 40, DELIVERY: 40, "to ack": 40}),
        (BigGroups, {DONE: 40, DELIVERY: 200, "to ack": 40}),
        (ConnectStorm, {DONE: USERS}),
        (ResumeStorm, {DONE: USERS - 1, "to the end of a resume": USERS - 1}),
    ],
)
def test_what_was_due_was_done(
    target: Target, scenario: type[Scenario], done: dict[str, int]
) -> None:
    found = load(played(target, scenario(SMALL[scenario])))
    assert {label: found[label] for label in done} == done


@pytest.mark.parametrize(
    ("scenario", "label"),
    [(Reactions, STATE), (FeedReads, "older page"), (Stories, "to the stories")],
)
def test_what_users_do_is_timed_step_by_step(
    target: Target, scenario: type[Scenario], label: str
) -> None:
    found = load(played(target, scenario(SMALL[scenario])))
    assert found[DONE] == 40
    assert found[label] > 0


def test_what_is_uploaded_becomes_ready(target: Target) -> None:
    found = load(played(target, Uploads(SMALL[Uploads]), Pace(6, 1, 0)))
    assert found[DONE] == 6


class Scribbles(Uploads):
    def picture(self) -> bytes:
        return b"no picture"


def test_what_cannot_be_processed_is_a_fault(target: Target) -> None:
    (fault,) = played(target, Scribbles(SMALL[Uploads]), Pace(3, 1, 0)).faults
    assert fault.startswith("a picture was not taken: type")


def test_a_day_has_something_of_everything(target: Target) -> None:
    found = load(played(target, MixedDay(SMALL[MixedDay]), Pace(150, 1, 0)))
    assert found[DONE] == 150
    assert {"message", "history", "feed", DELIVERY} <= set(found)


def test_nothing_is_lost_when_nodes_are_restarted_one_after_the_other(target: Target) -> None:
    found = load(played(target, RollingRestart({}), Pace(30, 4, 0)))
    assert found[DONE] == 120
    assert found["reconnect"] >= USERS
    assert found[DELIVERY] + found.get("to delivery after a reconnect", 0) == 120


def test_idle_connections_are_weighed(target: Target) -> None:
    done = played(target, Idle({}), Pace(1, 0.5, 0), users=200)
    assert done.faults == []
    assert done.run.phases[CONNECT].stats.connections == 200
    told = {figure.name: figure.value for figure in figures(Idle({}), done.run)}
    assert (told["RSS with all connections"] or 0) > (told["RSS before"] or 0) > 0


def test_a_limit_that_no_rate_holds_is_said(target: Target) -> None:
    pace = Pace(8, 0.5, 0, find_limit=True, limit_ms=0.001)
    with pytest.raises(Stalled, match="not even"):
        played(target, DirectChat({}), pace)


def test_a_server_that_runs_already_is_loaded_by_its_urls(target: Target) -> None:
    elsewhere = running_server(target.urls, [target.nodes[0].process.pid])
    done = played(elsewhere, DirectChat({}))
    assert load(done)[DELIVERY] == 40
    assert (done.run.phases[LOAD].node_s or 0) > 0
    assert done.run.phases[LOAD].postgres_s is None
    with pytest.raises(CannotStart, match="leave out --url"):
        played(elsewhere, RollingRestart({}))
    with pytest.raises(CannotStart, match="leave out --url"):
        played(elsewhere, Stories({}))


class Forgetful(User):
    """Does not look at the third message that comes."""

    def _event(self, kind: str, body: Body) -> None:
        if kind == "message.created":
            self.memory["seen"] = self.memory.get("seen", 0) + 1
            if self.memory["seen"] == 3:
                return
        super()._event(kind, body)


class Repeating(User):
    """Gets every message twice."""

    def _event(self, kind: str, body: Body) -> None:
        super()._event(kind, body)
        if kind == "message.created":
            super()._event(kind, body)


class LosingChat(DirectChat):
    user_class = Forgetful


class DoublingChat(DirectChat):
    user_class = Repeating


@pytest.mark.parametrize(
    ("scenario", "faults"),
    [
        (LosingChat, ["a receiver lost messages that were acknowledged",
                      "a message came before the one before it"]),
        (DoublingChat, ["a message came twice, or after a later one"]),
    ],
)  # fmt: skip
def test_what_a_receiver_loses_or_gets_twice_is_a_fault(
    target: Target, scenario: type[Scenario], faults: list[str]
) -> None:
    found = played(target, scenario({})).faults
    assert sorted(fault.rpartition(" (")[0] for fault in found) == sorted(faults)
