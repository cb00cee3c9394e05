"""Schedules from seeds."""

from __future__ import annotations

from tests.faults.faults import FAULTS
from tests.faults.schedule import from_seed


def test_a_seed_makes_the_same_schedule_again() -> None:
    once = from_seed("1", 600)
    assert once == from_seed("1", 600)
    assert once != from_seed("2", 600)
    assert {step.fault for step in once.steps} == set(FAULTS)


def test_a_schedule_breaks_nothing_that_is_broken() -> None:
    until: dict[str, float] = {}
    for step in from_seed("1", 600).steps:
        what = FAULTS[step.fault].what.replace("#", str(step.target))
        assert step.at_s >= until.get(what, 0)
        until[what] = step.at_s + step.for_s
