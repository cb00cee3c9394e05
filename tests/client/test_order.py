"""However events and pages come: the app gets each thing once, in order, and holes are seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationGone,
    ConversationLeft,
    ConversationReset,
    ConversationSynced,
    ConversationVoid,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.messages import Message, MessageChanged, MessageCreated
from lumina_protocol.session import Resumed

from lumina_rt.client.order import Hole, Order

TALK, ALICE = uuid7(), uuid7()


@dataclass
class History:
    """One conversation as a server keeps it."""

    messages: dict[int, Message] = field(default_factory=dict)
    events: dict[int, Event] = field(default_factory=dict)
    """By their rev."""

    @property
    def rev(self) -> int:
        return len(self.events)

    def send(self) -> None:
        seq, rev = len(self.messages) + 1, self.rev + 1
        self.messages[seq] = Message(
            conversation_id=TALK,
            message_id=uuid7(),
            seq=seq,
            rev=rev,
            sender_id=ALICE,
            message_type="text",
            content=str(rev),
            created_at=seq,
        )
        self.events[rev] = MessageCreated(message=self.messages[seq])

    def edit(self, number: int) -> None:
        if not self.messages:
            return
        seq, rev = number % len(self.messages) + 1, self.rev + 1
        update = {"rev": rev, "content": str(rev), "edited_at": rev}
        self.messages[seq] = self.messages[seq].model_copy(update=update)
        self.events[rev] = MessageChanged(message=self.messages[seq])

    def void(self) -> None:
        rev = self.rev + 1
        self.events[rev] = ConversationVoid(conversation_id=TALK, rev=rev)

    def take(self, what: str, number: int) -> None:
        if what == "edit":
            self.edit(number)
        elif what != "event":
            (self.send if what == "send" else self.void)()

    def page(self, after: int, limit: int) -> ConversationSynced:
        newer = sorted((m for m in self.messages.values() if m.rev > after), key=lambda m: m.rev)
        found = newer[:limit]
        return ConversationSynced(
            conversation_id=TALK,
            messages=found,
            from_rev=after,
            to_rev=found[-1].rev if len(found) == limit else self.rev,
            last_rev=self.rev,
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("edit"), st.integers(0, 9)),
        st.tuples(st.just("void"), st.just(0)),
        # What arrives: an event that was or was not had, or a page from anywhere up to there.
        st.tuples(st.just("event"), st.integers(-3, 3)),
        st.tuples(st.just("page"), st.integers(0, 9)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 5))
def test_each_message_is_new_once_in_order_of_seq_and_the_end_is_what_is_there(
    steps: list[tuple[str, int]], limit: int
) -> None:
    history, order = History(), Order()
    got: dict[int, Message] = {}
    order.begin(TALK, 0, 0)

    def give(events: object) -> None:
        for event in events:  # type: ignore[attr-defined]
            message = event.message
            if isinstance(event, MessageCreated):
                assert message.seq == len(got) + 1
            else:
                assert message.rev > got[message.seq].rev
            got[message.seq] = message

    for what, number in steps:
        had = order.rev(TALK)
        match what:
            case "event" if number > 1 and had + number in history.events:
                with pytest.raises(Hole):
                    order.take(history.events[had + number])
            case "event" if had + number in history.events:
                give(order.take(history.events[had + number]))
            case "page":
                give(order.take(history.page(max(had - number, 0), limit)))
            case _:
                history.take(what, number)
        assert order.rev(TALK) >= had
    while order.rev(TALK) < history.rev:
        give(order.page(TALK, history.page(order.rev(TALK), limit)))
    assert got == history.messages


def test_a_page_from_behind_what_was_had_or_of_not_all_is_a_hole() -> None:
    history, order = History(), Order()
    for _ in range(5):
        history.send()
    order.begin(TALK, 1, 1)
    with pytest.raises(Hole):
        order.take(history.page(2, 9))
    with pytest.raises(Hole):
        order.take(history.page(1, 9).model_copy(update={"limited": True}))
    assert order.rev(TALK) == 1


def conversation(last_rev: int = 0) -> Conversation:
    return Conversation(
        conversation_id=TALK,
        conversation_type="group",
        members=[],
        member_count=0,
        last_seq=last_rev,
        last_rev=last_rev,
        created_at=0,
        updated_at=0,
    )


def test_the_own_stream_is_told_once_and_a_hole_in_it_is_seen() -> None:
    order = Order(epoch=1, user_rev=4)
    created = ConversationCreated(conversation=conversation(), user_rev=5)
    assert list(order.take(created)) == [created]
    assert list(order.take(created)) == []
    with pytest.raises(Hole) as hole:
        order.take(ConversationLeft(conversation_id=TALK, rev=1, user_rev=7))
    assert hole.value.conversation_id is None
    assert order.user_rev == 5


def test_what_this_sdk_does_not_know_keeps_its_place() -> None:
    order = Order(epoch=1, user_rev=4)
    frame = EventFrame("poll.closed", {"conversation_id": TALK, "rev": 8})
    own = EventFrame("badge.won", {"user_rev": 5})
    assert [list(order.take(event)) for event in (frame, frame, own, own)] == [
        [frame], [], [own], [],
    ]  # fmt: skip
    assert (order.rev(TALK), order.user_rev) == (8, 5)
    nothing = EventFrame("weather", {})
    assert list(order.take(nothing)) == [nothing]


def test_messages_that_come_before_their_conversation_is_told_are_not_told_again() -> None:
    history, order = History(), Order(epoch=1, user_rev=0)
    history.send()
    assert len(order.take(history.events[1])) == 1
    order.take(ConversationCreated(conversation=conversation(), user_rev=1))
    assert list(order.take(history.events[1])) == []


def test_who_was_brought_back_before_they_heard_that_they_had_left_keeps_what_came() -> None:
    history, order = History(), Order(epoch=1, user_rev=0)
    for _ in range(4):
        history.send()
    order.take(history.events[4])
    order.take(ConversationLeft(conversation_id=TALK, rev=3, user_rev=1))
    assert order.rev(TALK) == 4
    order.take(ConversationLeft(conversation_id=TALK, rev=4, user_rev=2))
    assert TALK not in order.conversations


def test_what_comes_late_of_a_conversation_that_was_left_does_not_open_it_again() -> None:
    history, order = History(), Order(epoch=1, user_rev=0)
    for _ in range(5):
        history.send()
    order.begin(TALK, 1, 1)
    order.take(ConversationLeft(conversation_id=TALK, rev=3, user_rev=1))
    late = history.page(1, 9).model_copy(update={"to_rev": 3})
    assert list(order.take(history.events[2])) == list(order.page(TALK, late)) == []
    assert TALK not in order.conversations
    assert list(order.take(history.events[4])) == [history.events[4]], "they are back"


def test_a_page_of_what_is_not_known_begins_with_its_first_message() -> None:
    """And not with the first of its revs: that may be a later one, when the first was edited."""
    history, order = History(), Order(epoch=1, user_rev=0)
    for _ in range(2):
        history.send()
    history.edit(0)
    told = order.take(history.page(0, 9))
    assert told == [MessageCreated(message=history.messages[seq]) for seq in (1, 2)]


def test_a_resume_says_the_newest_conversations_and_how_far_each_is() -> None:
    order = Order(epoch=3, user_rev=9)
    ids = [UUID(int=number) for number in range(250)]
    for number, id_ in enumerate(ids):
        order.begin(id_, number, number)
    order.take(ConversationVoid(conversation_id=ids[0], rev=1))
    asked = order.resume()
    assert (asked.epoch, asked.user_rev) == (3, 9)
    assert asked.cursors[0] == (ids[0], 1)
    assert asked.cursors[1] == (ids[249], 249)
    assert len(asked.cursors) == 200


def resumed(epoch: int, *cursors: tuple[UUID, int, int]) -> Resumed:
    return Resumed(epoch=epoch, user_rev=1, cursors=list(cursors), stale=[])


def test_a_fresh_client_begins_where_the_server_says() -> None:
    order = Order()
    assert order.resumed(resumed(1, (TALK, 7, 5)), {}) == []
    assert order.rev(TALK) == 7
    assert order.resume().cursors == [(TALK, 7)]


def test_a_conversation_outside_of_what_was_resumed_is_to_be_read_anew() -> None:
    order = Order(epoch=1, user_rev=0)
    assert order.resumed(resumed(1, (TALK, 7, 5)), {}) == [
        ConversationReset(conversation_id=TALK, last_rev=7)
    ]


def test_what_was_not_told_to_its_end_is_behind() -> None:
    order, stale, gone = Order(epoch=1, user_rev=0), uuid7(), uuid7()
    order.begin(TALK, 5, 5)
    order.begin(stale, 1, 1)
    answer = resumed(1, (TALK, 7, 5), (gone, 3, 3)).model_copy(update={"stale": [stale]})
    order.resumed(answer, dict(order.conversations))
    order.forget(gone)
    assert order.behind(answer) == [TALK, stale]


def test_of_another_history_only_what_was_told_anew_is_kept() -> None:
    order, other, gone = Order(epoch=1, user_rev=9), uuid7(), uuid7()
    for id_ in (TALK, other, gone):
        order.begin(id_, 50, 50)
    known = dict(order.conversations)
    order.take(ConversationReset(conversation_id=TALK, last_rev=3))
    order.take(ConversationGone(conversation_id=gone))
    answer = resumed(2, (TALK, 3, 3))
    order.resumed(answer, known)
    order.settled(answer)
    assert list(order.conversations) == [TALK]
    assert (order.epoch, order.user_rev, order.rev(TALK)) == (2, 1, 3)


def left(user_rev: int) -> ConversationLeft:
    return ConversationLeft(conversation_id=TALK, rev=1, user_rev=user_rev)


def test_what_came_behind_the_answer_of_a_resume_is_not_asked_for_again() -> None:
    order = Order(epoch=1, user_rev=1)
    order.resumed(resumed(1), {})
    order.take(left(2))
    order.settled(resumed(1))
    assert order.user_rev == 2
    assert list(order.take(left(2))) == []
    order.settled(resumed(1).model_copy(update={"reset": True}))
    assert order.user_rev == 1, "told anew from there"
