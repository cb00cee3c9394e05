"""Golden frames of follows, mutes, audiences and the finding of people."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.audiences import (
    AddToAudience,
    Audience,
    AudienceChanged,
    AudienceKept,
    AudienceList,
    AudienceMembers,
    ChangeAudience,
    CreateAudience,
    ListAudienceMembers,
    ListAudiences,
    RemoveAudience,
    TakeFromAudience,
)
from lumina_protocol.follows import (
    ApproveFollow,
    DeclineFollow,
    FollowChanged,
    FollowedUser,
    Follower,
    FollowerPage,
    FollowersChanged,
    FollowerState,
    FollowingPage,
    FollowKept,
    FollowUser,
    KnownUser,
    ListFollowers,
    ListFollowing,
    ListFollowRequests,
    RemoveFollower,
    SetFollow,
    UnfollowUser,
)
from lumina_protocol.mutes import (
    ListMutes,
    Mute,
    MuteChanged,
    MutePage,
    MuteUser,
    UnmuteUser,
    UserMuted,
)
from lumina_protocol.people import (
    FoundUsers,
    SearchUsers,
    SuggestedUser,
    Suggestions,
    SuggestUsers,
)

from golden.frames import ALICE, BOB, CAROL, MINUTE, NOW, Example, answered, asked, told

OPS = [UUID(f"019bc119-8cd0-7d7e-8f80-91a2b3c4d5{n:02x}") for n in range(16)]
FAMILY = UUID("019bc119-90b8-7e8f-9091-a2b3c4d5e6f7")

NAMED = KnownUser(
    user_id=BOB, username="bob", full_name="Bob B.", is_private=True, is_verified=False
)
ASKED = Follower(**NAMED.model_dump(), since=NOW + MINUTE)
FOLLOWED = FollowedUser(**ASKED.model_dump(), close_friend=False, notify_on_post=True)
CLOSE = FOLLOWED.model_copy(update={"close_friend": True, "notify_on_post": False})
LAST = (NOW + MINUTE, BOB)


def pair(op: str, id_: int, asks: Example, *, state: str) -> list[Example]:
    return [asks, answered(id_, op, FollowKept(changed=True, state=state))]


FOLLOWS = [
    *pair("user.follow", 1, asked(1, FollowUser(user_id=BOB, op_id=OPS[0])), state="requested"),
    *pair("user.unfollow", 2, asked(2, UnfollowUser(user_id=BOB, op_id=OPS[1])), state="none"),
    *pair(
        "user.remove_follower",
        3,
        asked(3, RemoveFollower(user_id=CAROL, op_id=OPS[2])),
        state="none",
    ),
    asked(4, SetFollow(user_id=BOB, op_id=OPS[3], close_friend=True)),
    asked(
        4,
        SetFollow(user_id=BOB, op_id=OPS[3], close_friend=True, notify_on_post=False),
        ", both",
    ),
    answered(4, "follow.set", FollowKept(changed=True, state="follows")),
    *pair(
        "follow.approve", 5, asked(5, ApproveFollow(user_id=CAROL, op_id=OPS[4])), state="follows"
    ),
    *pair("follow.decline", 6, asked(6, DeclineFollow(user_id=CAROL, op_id=OPS[5])), state="none"),
    asked(7, ListFollowing(), ", one's own"),
    asked(7, ListFollowing(close_friends=True), ", close friends"),
    asked(7, ListFollowing(user_id=ALICE, before=LAST, limit=20)),
    answered(7, "user.following", FollowingPage(users=[CLOSE], more=False)),
    asked(8, ListFollowers(), ", one's own"),
    asked(8, ListFollowers(user_id=ALICE, before=LAST, limit=20)),
    answered(8, "user.followers", FollowerPage(users=[ASKED], more=False)),
    asked(9, ListFollowRequests(), ", the first"),
    asked(9, ListFollowRequests(sent=True, before=LAST, limit=20)),
    answered(9, "follow.requests", FollowerPage(users=[ASKED], more=False)),
    told(FollowChanged(user_id=BOB, state="follows", user=FOLLOWED, user_rev=10)),
    told(FollowChanged(user_id=BOB, state="none", user_rev=11), ", ended"),
    told(
        FollowersChanged(
            followers=[
                FollowerState(user_id=BOB, state="requested", user=ASKED),
                FollowerState(user_id=CAROL, state="none"),
            ],
            user_rev=12,
        )
    ),
]

MUTED = Mute(
    user_id=BOB, username="bob", mute_scope="stories", until=NOW + 60 * MINUTE, since=NOW + MINUTE
)
MUTES = [
    asked(1, MuteUser(user_id=BOB, op_id=OPS[6]), ", all"),
    asked(1, MuteUser(user_id=BOB, op_id=OPS[6], mute_scope="stories", until=MUTED.until)),
    answered(1, "user.mute", MuteChanged(changed=True)),
    asked(2, UnmuteUser(user_id=BOB, op_id=OPS[7])),
    answered(2, "user.unmute", MuteChanged(changed=True)),
    asked(3, ListMutes(), ", the first"),
    asked(3, ListMutes(before=LAST, limit=20)),
    answered(3, "user.mutes", MutePage(mutes=[MUTED], more=False)),
    told(UserMuted(user_id=BOB, mute=MUTED, user_rev=13)),
    told(UserMuted(user_id=BOB, user_rev=14), ", not any more"),
]

KEPT = AudienceKept(changed=True)
OF_TWO = Audience(audience_id=FAMILY, name="Family", member_count=2)
AUDIENCES = [
    asked(1, CreateAudience(audience_id=FAMILY, name="Family")),
    answered(1, "audience.create", KEPT),
    asked(2, ChangeAudience(audience_id=FAMILY, op_id=OPS[8], name="The family")),
    answered(2, "audience.change", KEPT),
    asked(3, RemoveAudience(audience_id=FAMILY, op_id=OPS[9])),
    answered(3, "audience.remove", KEPT),
    asked(4, AddToAudience(audience_id=FAMILY, op_id=OPS[10], member_ids=[BOB, CAROL])),
    answered(4, "audience.add", KEPT),
    asked(5, TakeFromAudience(audience_id=FAMILY, op_id=OPS[11], member_ids=[CAROL])),
    answered(5, "audience.take", KEPT),
    asked(6, ListAudiences()),
    answered(6, "audience.list", AudienceList(audiences=[OF_TWO])),
    asked(7, ListAudienceMembers(audience_id=FAMILY), ", the first"),
    asked(7, ListAudienceMembers(audience_id=FAMILY, before=LAST, limit=20)),
    answered(7, "audience.members", AudienceMembers(users=[ASKED], more=False)),
    told(AudienceChanged(audience_id=FAMILY, audience=OF_TWO, added=[ASKED], user_rev=15)),
    told(
        AudienceChanged(audience_id=FAMILY, audience=OF_TWO, taken=[CAROL], user_rev=16),
        ", one less",
    ),
    told(AudienceChanged(audience_id=FAMILY, user_rev=17), ", removed"),
]

PEOPLE = [
    asked(1, SuggestUsers(limit=5)),
    answered(
        1, "user.suggestions", Suggestions(users=[SuggestedUser(**NAMED.model_dump(), mutual=3)])
    ),
    asked(2, SearchUsers(prefix="bo", limit=5)),
    answered(2, "user.search", FoundUsers(users=[NAMED])),
]
