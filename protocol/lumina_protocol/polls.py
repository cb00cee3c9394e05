"""Vote in polls, and see who has voted."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, Strict

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Person
from lumina_protocol.posts import MAX_OPTIONS

OptionNo = Annotated[int, Field(ge=0, le=MAX_OPTIONS - 1)]
Before = Annotated[tuple[Millis, Id], Strict(False)]


def each_option_once(options: list[int]) -> list[int]:
    """In their order."""
    if len(set(options)) != len(options):
        raise ValueError("names one twice")
    return sorted(options)


class Voted(Reply):
    post_id: UUID
    own_votes: list[int]
    changed: bool
    """False when it was so already; then nobody is told."""


class Vote(Change[Voted]):
    """One ballot for a user and poll. Who wants another first takes it back by `poll.unvote`,
    while the poll is open."""

    op = "poll.vote"

    post_id: Id
    options: Annotated[
        list[OptionNo],
        Field(min_length=1, max_length=MAX_OPTIONS),
        AfterValidator(each_option_once),
    ]
    """Of a poll that takes one, one."""


class Unvote(Change[Voted]):
    """Takes the ballot back, while the poll is open."""

    op = "poll.unvote"

    post_id: Id


class Voter(Wire):
    user: Person
    voted_at: Millis


class VoterPage(Reply):
    """The newest first."""

    voters: list[Voter]
    more: bool


class PageVoters(Request[VoterPage]):
    """Who has voted for an option; only the author of the poll is told. Those between whom and the
    author there is a block are left out."""

    op = "poll.voters"
    scope = "read"

    post_id: Id
    option_no: OptionNo
    before: Before | None = None
    """`voted_at` and `user_id` of the last one had."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class PollVoted(PersonalEvent):
    """To all devices of who has voted, or has taken it back."""

    type = "poll.voted"

    post_id: UUID
    own_votes: list[int]
    """Empty: it was taken back."""
