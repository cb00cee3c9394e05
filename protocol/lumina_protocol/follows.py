"""Follows: who wants to see what somebody shows, and for private accounts whom they let."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, Strict, model_validator

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

Before = Annotated[tuple[Millis, Id], Strict(False)]
"""`since` and `user_id` of the last one of a page."""
PageSize = Annotated[int, Field(ge=1, le=100)]


class KnownUser(Wire):
    """A user as everybody sees them who may know of them."""

    user_id: UUID
    username: str
    full_name: str | None = None
    is_private: bool
    is_verified: bool


class Follower(KnownUser):
    since: Millis
    """When they began to follow, or asked to."""


class FollowedUser(Follower):
    close_friend: bool | None = None
    """This and the next are told to who follows, and to nobody else; left out for requests."""
    notify_on_post: bool | None = None


class FollowKept(Reply):
    changed: bool
    """False when it was so already."""
    state: str
    """What there is between the two now, of the follow in question: "follows", "requested" or
    "none"."""


class FollowUser(Change[FollowKept]):
    """Follows a user; of a private account it asks for that."""

    op = "user.follow"

    user_id: Id


class UnfollowUser(Change[FollowKept]):
    """Also takes a request back."""

    op = "user.unfollow"

    user_id: Id


class RemoveFollower(Change[FollowKept]):
    """Ends that somebody follows the user. They may follow, or ask to, again."""

    op = "user.remove_follower"

    user_id: Id


class SetFollow(Change[FollowKept]):
    """Changes what is given of a follow of one's own."""

    op = "follow.set"

    user_id: Id
    close_friend: bool | None = None
    notify_on_post: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.close_friend is None and self.notify_on_post is None:
            raise ValueError("give close_friend or notify_on_post")
        return self


class ApproveFollow(Change[FollowKept]):
    """Lets somebody follow who has asked to."""

    op = "follow.approve"

    user_id: Id


class DeclineFollow(Change[FollowKept]):
    op = "follow.decline"

    user_id: Id


class FollowingPage(Reply):
    """Newest first."""

    users: list[FollowedUser]
    more: bool


class ListFollowing(Request[FollowingPage]):
    """Whom a user follows: oneself, when none is given."""

    op = "user.following"
    scope = "read"

    user_id: Id | None = None
    close_friends: bool = False
    """Only those whom the user has named so; for oneself."""
    before: Before | None = None
    limit: PageSize = 50

    @model_validator(mode="after")
    def _own_friends(self) -> Self:
        if self.close_friends and self.user_id is not None:
            raise ValueError("close_friends are asked for without user_id")
        return self


class FollowerPage(Reply):
    """Newest first."""

    users: list[Follower]
    more: bool


class ListFollowers(Request[FollowerPage]):
    op = "user.followers"
    scope = "read"

    user_id: Id | None = None
    before: Before | None = None
    limit: PageSize = 50


class ListFollowRequests(Request[FollowerPage]):
    """Who waits for the user's answer; with `sent`, whose answer the user waits for."""

    op = "follow.requests"

    sent: bool = False
    before: Before | None = None
    limit: PageSize = 50


class FollowChanged(PersonalEvent):
    """To who follows, or wants to."""

    type = "follow.changed"

    user_id: UUID
    """Whom."""
    state: str
    """As in FollowKept."""
    user: FollowedUser | None = None
    """Left out when there is nothing any more, and for accounts that are closed for a while."""


class FollowerState(Wire):
    user_id: UUID
    state: str
    user: Follower | None = None


class FollowersChanged(PersonalEvent):
    """To who is followed."""

    type = "followers.changed"

    followers: list[FollowerState]
