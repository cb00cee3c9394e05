"""Requests of follows, mutes, audiences and the finding of people, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.audiences import (
    AddToAudience,
    ChangeAudience,
    CreateAudience,
    ListAudienceMembers,
    ListAudiences,
    RemoveAudience,
    TakeFromAudience,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import (
    ApproveFollow,
    DeclineFollow,
    FollowUser,
    ListFollowers,
    ListFollowing,
    ListFollowRequests,
    RemoveFollower,
    SetFollow,
    UnfollowUser,
)
from lumina_protocol.frame import Request
from lumina_protocol.mutes import ListMutes, MuteUser, UnmuteUser
from lumina_protocol.people import SearchUsers, SuggestUsers

NEW_IDS = st.builds(uuid7)
SEQS = st.integers(0, 2**53 - 1)
FLAGS = st.none() | st.booleans()
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SHORT = TEXT.filter(bool).map(lambda text: text[:60])
PAGES = {
    "before": st.none() | st.tuples(SEQS, st.uuids()),
    "limit": st.integers(1, 100),
}
ONE = {"user_id": st.uuids(), "op_id": NEW_IDS}
AUDIENCE = {"audience_id": st.uuids(), "op_id": NEW_IDS}
PEOPLE = st.lists(st.uuids(), min_size=1, max_size=9)
PEOPLE_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    "user.follow": st.builds(FollowUser, **ONE),
    "user.unfollow": st.builds(UnfollowUser, **ONE),
    "user.remove_follower": st.builds(RemoveFollower, **ONE),
    "follow.approve": st.builds(ApproveFollow, **ONE),
    "follow.decline": st.builds(DeclineFollow, **ONE),
    "follow.set": st.builds(SetFollow, **ONE, close_friend=FLAGS, notify_on_post=st.booleans()),
    "user.following": st.builds(ListFollowing, user_id=st.none() | st.uuids(), **PAGES)
    | st.builds(ListFollowing, close_friends=st.booleans(), **PAGES),
    "user.followers": st.builds(ListFollowers, user_id=st.none() | st.uuids(), **PAGES),
    "follow.requests": st.builds(ListFollowRequests, sent=st.booleans(), **PAGES),
    "user.mute": st.builds(
        MuteUser,
        **ONE,
        mute_scope=st.sampled_from(["posts", "stories", "all"]),
        until=st.none() | SEQS,
    ),
    "user.unmute": st.builds(UnmuteUser, **ONE),
    "user.mutes": st.builds(ListMutes, **PAGES),
    "audience.create": st.builds(CreateAudience, audience_id=NEW_IDS, name=SHORT),
    "audience.change": st.builds(ChangeAudience, **AUDIENCE, name=SHORT),
    "audience.remove": st.builds(RemoveAudience, **AUDIENCE),
    "audience.add": st.builds(AddToAudience, **AUDIENCE, member_ids=PEOPLE),
    "audience.take": st.builds(TakeFromAudience, **AUDIENCE, member_ids=PEOPLE),
    "audience.list": st.builds(ListAudiences),
    "audience.members": st.builds(ListAudienceMembers, audience_id=st.uuids(), **PAGES),
    "user.suggestions": st.builds(SuggestUsers, limit=st.integers(1, 50)),
    "user.search": st.builds(SearchUsers, prefix=SHORT, limit=st.integers(1, 50)),
}
