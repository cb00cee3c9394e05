"""What the oracle knows of follows, mutes and audiences: lists, and what events make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from lumina_protocol.audiences import (
    Audience,
    AudienceChanged,
    ListAudienceMembers,
    ListAudiences,
)
from lumina_protocol.follows import (
    FollowChanged,
    FollowedUser,
    Follower,
    FollowersChanged,
    ListFollowers,
    ListFollowing,
    ListFollowRequests,
)
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.mutes import ListMutes, Mute, UserMuted

from lumina_rt.client import Client

T = TypeVar("T")
U = TypeVar("U", bound=Follower)


@dataclass
class Circle:
    """Of one user."""

    following: dict[UUID, FollowedUser] = field(default_factory=dict)
    close_friends: set[UUID] = field(default_factory=set)
    sent: dict[UUID, Follower] = field(default_factory=dict)
    followers: dict[UUID, Follower] = field(default_factory=dict)
    requests: dict[UUID, Follower] = field(default_factory=dict)
    mutes: dict[UUID, Mute] = field(default_factory=dict)
    audiences: dict[UUID, Audience] = field(default_factory=dict)
    members: dict[UUID, dict[UUID, Follower]] = field(default_factory=dict)

    def apply(self, news: PersonalEvent) -> None:
        match news:
            case FollowChanged(user_id=id_):
                self._follow(id_, news)
            case FollowersChanged(followers=followers):
                for one in followers:
                    place(one.user_id, one.state, one.user, self.followers, self.requests)
            case UserMuted(user_id=id_, mute=mute):
                put(self.mutes, id_, mute)
            case AudienceChanged(audience_id=id_, audience=audience):
                put(self.audiences, id_, audience)
                members = self.members.pop(id_, {}) | {u.user_id: bare(u) for u in news.added or ()}
                for user_id in news.taken or ():
                    members.pop(user_id, None)
                put(self.members, id_, members if audience else None)

    def _follow(self, user_id: UUID, news: FollowChanged) -> None:
        asked = Follower(**news.user.model_dump()) if news.user else None
        place(user_id, news.state, news.user, self.following, {})
        place(user_id, news.state, asked, {}, self.sent)
        self.close_friends = {id_ for id_, user in self.following.items() if user.close_friend}


def put(known: dict[UUID, T], id_: UUID, one: T | None) -> None:
    known.pop(id_, None)
    if one is not None:
        known[id_] = one


def bare(user: U) -> U:
    """Without what nobody is told of when it changes."""
    return user.model_copy(update={"is_private": False})


def place(
    id_: UUID, state: str, user: U | None, follows: dict[UUID, U], asks: dict[UUID, U]
) -> None:
    user = bare(user) if user else None
    put(follows, id_, user if state == "follows" else None)
    put(asks, id_, user if state == "requested" else None)


async def circle_of(client: Client) -> Circle:
    following = await client.call(ListFollowing(limit=100))
    close = await client.call(ListFollowing(close_friends=True, limit=100))
    followers = await client.call(ListFollowers(limit=100))
    requests = await client.call(ListFollowRequests(limit=100))
    sent = await client.call(ListFollowRequests(sent=True, limit=100))
    mutes = await client.call(ListMutes(limit=100))
    pages = (following, close, followers, requests, sent, mutes)
    assert not any(page.more for page in pages)
    audiences = (await client.call(ListAudiences())).audiences
    members = {}
    for audience in audiences:
        asked = ListAudienceMembers(audience_id=audience.audience_id, limit=100)
        page = await client.call(asked)
        assert not page.more
        members[audience.audience_id] = {user.user_id: bare(user) for user in page.users}
    return Circle(
        following={user.user_id: bare(user) for user in following.users},
        close_friends={user.user_id for user in close.users},
        sent={user.user_id: bare(user) for user in sent.users},
        followers={user.user_id: bare(user) for user in followers.users},
        requests={user.user_id: bare(user) for user in requests.users},
        mutes={mute.user_id: mute for mute in mutes.mutes},
        audiences={audience.audience_id: audience for audience in audiences},
        members=members,
    )
