"""Judges what clients saw by what Postgres holds. Knows nothing of how the server works."""

from __future__ import annotations

from itertools import islice

from tests.faults import kept, liveness, own, shown, social_checks, streams
from tests.faults.evidence import Evidence, Invariant, Violation

INVARIANTS: tuple[Invariant, ...] = (
    kept.every_acknowledged_send_is_kept,
    kept.every_acknowledged_change_is_kept,
    kept.every_acknowledged_change_of_a_group_is_kept,
    kept.seq_is_dense,
    kept.every_rev_has_one_change,
    kept.retries_make_no_twins,
    kept.a_retry_is_answered_as_the_first_time,
    kept.a_senders_order_is_kept,
    streams.nothing_is_told_twice,
    streams.nothing_is_left_out,
    streams.pages_hold_all_that_they_cover,
    streams.pages_and_events_tile,
    shown.each_thing_is_shown_once_and_in_order,
    shown.history_has_no_hole,
    shown.everything_seen_is_kept_as_it_was_seen,
    shown.nobody_sees_what_they_may_not,
    shown.all_see_the_truth_in_the_end,
    own.all_hold_what_a_fresh_client_is_told,
    own.unread_is_exact,
    own.pins_are_those_of_the_messages,
    own.every_acknowledged_position_is_kept,
    own.every_scheduled_message_is_sent_once,
    own.nothing_expired_is_read,
    own.nobody_is_told_what_is_not_theirs,
    *social_checks.INVARIANTS,
    liveness.what_is_acknowledged_is_seen_in_time,
    liveness.nobody_is_thrown_out_once_all_is_well,
    liveness.no_client_gives_up,
    liveness.everybody_is_back_in_the_end,
)
OF_EACH = 5
"""Violations of one invariant that are told; more of the same kind say nothing new."""


def check(evidence: Evidence) -> list[Violation]:
    """All that is wrong; empty when the promise was held."""
    return [
        Violation(demand.__name__, what)
        for demand in INVARIANTS
        for what in islice(demand(evidence), OF_EACH)
    ]
