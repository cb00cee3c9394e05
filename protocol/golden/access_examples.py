"""Golden frames of blocks, settings and profiles."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.blocks import (
    BlockChanged,
    BlockedUser,
    BlockPage,
    BlockUser,
    ListBlocks,
    UnblockUser,
    UserBlocked,
    UserUnblocked,
)
from lumina_protocol.profile_changes import (
    ChangeProfile,
    OwnProfile,
    ProfileChanged,
    ProfileKept,
)
from lumina_protocol.profiles import GetUser, Profile, ProfileReply, Relation
from lumina_protocol.settings import (
    ChangeSettings,
    GetSettings,
    SettingsChanged,
    SettingsKept,
    SettingsReply,
    UserSettings,
)

from golden.frames import ALICE, BOB, CAROL, MEDIA, MINUTE, NOW, answered, asked, told

BLOCK_OP = UUID("019bc119-8118-7a4b-9c5d-6e7f8091a2b3")
UNBLOCK_OP = UUID("019bc119-8500-7b5c-8d6e-7f8091a2b3c4")
SETTINGS_OP = UUID("019bc119-88e8-7c6d-9e7f-8091a2b3c4d5")
BLOCKED = BlockedUser(user_id=CAROL, username="carol", blocked_at=NOW + MINUTE)

BLOCKS = [
    asked(1, BlockUser(user_id=CAROL, op_id=BLOCK_OP)),
    answered(1, "user.block", BlockChanged(changed=True)),
    asked(2, UnblockUser(user_id=CAROL, op_id=UNBLOCK_OP)),
    answered(2, "user.unblock", BlockChanged(changed=True)),
    asked(3, ListBlocks(), ", the first"),
    asked(3, ListBlocks(before=(NOW + MINUTE, CAROL), limit=20)),
    answered(3, "user.blocks", BlockPage(users=[BLOCKED], more=False)),
    told(UserBlocked(user=BLOCKED, user_rev=7)),
    told(UserUnblocked(user_id=CAROL, user_rev=8)),
]

USUAL = UserSettings(
    is_private=False,
    profile_visibility="public",
    show_activity_status=True,
    allow_messages_from="everyone",
    email_notifications=True,
    push_notifications=True,
    notification_frequency="instant",
    autoplay_videos=True,
    data_saver_mode=False,
    dark_mode="auto",
    calm_mode=False,
    time_limit_minutes=0,
    hide_metrics=False,
)
SETTINGS = [
    asked(1, GetSettings()),
    answered(1, "settings.get", SettingsReply(settings=USUAL)),
    asked(2, ChangeSettings(op_id=SETTINGS_OP, allow_messages_from="following")),
    asked(
        2,
        ChangeSettings(
            op_id=SETTINGS_OP,
            is_private=True,
            profile_visibility="friends",
            show_activity_status=False,
            allow_messages_from="no_one",
            email_notifications=False,
            push_notifications=False,
            notification_frequency="daily",
            autoplay_videos=False,
            data_saver_mode=True,
            dark_mode="dark",
            calm_mode=True,
            time_limit_minutes=60,
            hide_metrics=True,
            show_metrics=False,
        ),
        ", all of them",
    ),
    answered(2, "settings.change", SettingsKept(changed=True)),
    told(
        SettingsChanged(
            settings=USUAL.model_copy(update={"allow_messages_from": "following"}), user_rev=9
        )
    ),
]

WHOLE = Profile(
    user_id=ALICE,
    username="alice",
    full_name="Alice Liddell",
    picture_media_id=MEDIA,
    is_private=False,
    is_verified=False,
    whole=True,
    bio="Curiouser and curiouser!",
    follower_count=2,
    following_count=1,
    post_count=0,
    created_at=NOW,
    relation=Relation(follows=True),
)
OWN = OwnProfile(full_name="Alice Liddell", bio="Curiouser and curiouser!", picture_media_id=MEDIA)
PROFILES = [
    asked(2, ChangeProfile(op_id=SETTINGS_OP, bio="Curiouser and curiouser!")),
    asked(
        2,
        ChangeProfile(op_id=SETTINGS_OP, full_name="Alice Liddell", picture_media_id=MEDIA),
        ", a picture",
    ),
    asked(2, ChangeProfile(op_id=SETTINGS_OP, remove_picture=True), ", no picture"),
    answered(2, "profile.change", ProfileKept(changed=True)),
    told(ProfileChanged(profile=OWN, user_rev=10)),
    asked(1, GetUser(user_id=BOB), ", by id"),
    asked(1, GetUser(username="alice")),
    answered(1, "user.get", ProfileReply(profile=WHOLE)),
    answered(
        1,
        "user.get",
        ProfileReply(
            profile=Profile(
                user_id=BOB,
                username="bob",
                is_private=True,
                is_verified=False,
                whole=False,
                relation=Relation(requested=True),
            )
        ),
        ", not the whole",
    ),
]
