"""Golden frames of roles, of how a group shows itself, of links to it, and of bans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lumina_protocol.bans import Ban, BanChanged, BanMember, BanPage, ListBans, UnbanMember
from lumina_protocol.conversations import Member
from lumina_protocol.groups import ChangeConversation, GroupChanged, SetRole
from lumina_protocol.invites import (
    CreateInvite,
    GroupJoined,
    Invite,
    InviteCreated,
    InviteList,
    InviteRevoked,
    InviteSeen,
    JoinConversation,
    ListInvites,
    LookAtInvite,
    RevokeInvite,
)
from lumina_protocol.member_list import ListMembers, MemberPage
from lumina_protocol.members import MembersChanged

from golden.frames import ALICE, BOB, CAROL, GROUP, MINUTE, NOW, answered, asked

OP = UUID("019bc119-8ce0-7d7e-8f80-a0b1c2d3e4f5")
INVITE = UUID("019bc119-90c8-7e8f-9a01-b2c3d4e5f607")
PICTURE = UUID("019bc119-94b0-7f90-8b12-c3d4e5f60718")
CODE = "linv_opens-nothing-it-is-an-example"
OF_GROUP: dict[str, Any] = {"conversation_id": GROUP}
MADE = Invite(
    invite_id=INVITE, created_by=ALICE, uses=0, max_uses=5, expires_at=NOW + MINUTE, created_at=NOW
)
BAN = Ban(user_id=CAROL, username="carol", banned_by=ALICE, banned_at=NOW + MINUTE)

ROLES = [
    asked(1, SetRole(user_id=BOB, role="admin", op_id=OP, **OF_GROUP)),
    answered(1, "member.set_role", MembersChanged(user_ids=[BOB], seq=4, rev=4)),
    asked(2, ChangeConversation(title="Coffee", op_id=OP, **OF_GROUP)),
    asked(
        2,
        ChangeConversation(
            title="Coffee", description="at five", picture_media_id=PICTURE, op_id=OP, **OF_GROUP
        ),
        ", all of it",
    ),
    asked(
        2,
        ChangeConversation(description="", remove_picture=True, op_id=OP, **OF_GROUP),
        ", nothing of it",
    ),
    asked(
        2,
        ChangeConversation(slow_mode_s=30, who_may_send="admins", op_id=OP, **OF_GROUP),
        ", who says something",
    ),
    answered(2, "conversation.change", GroupChanged(seq=5, rev=5)),
]
INVITES = [
    asked(1, CreateInvite(invite_id=INVITE, **OF_GROUP)),
    asked(
        1,
        CreateInvite(invite_id=INVITE, max_uses=5, expires_at=NOW + MINUTE, **OF_GROUP),
        ", with an end",
    ),
    answered(1, "invite.create", InviteCreated(code=CODE, invite=MADE)),
    asked(2, ListInvites(**OF_GROUP)),
    answered(2, "invite.list", InviteList(invites=[MADE])),
    asked(3, RevokeInvite(invite_id=INVITE, **OF_GROUP)),
    answered(3, "invite.revoke", InviteRevoked()),
    asked(4, LookAtInvite(code=CODE)),
    answered(
        4,
        "invite.look",
        InviteSeen(
            conversation_id=GROUP,
            title="Coffee",
            description="at five",
            picture_media_id=PICTURE,
            member_count=2,
            is_member=False,
        ),
    ),
    asked(5, JoinConversation(code=CODE, op_id=OP)),
    answered(5, "conversation.join", GroupJoined(conversation_id=GROUP, seq=6, rev=6)),
]
BANS = [
    asked(1, BanMember(user_id=CAROL, op_id=OP, **OF_GROUP)),
    answered(1, "member.ban", BanChanged(changed=True, seq=7, rev=7)),
    asked(2, UnbanMember(user_id=CAROL, op_id=OP, **OF_GROUP)),
    answered(2, "member.unban", BanChanged(changed=True)),
    asked(3, ListBans(**OF_GROUP), ", the first"),
    asked(3, ListBans(before=(NOW + MINUTE, CAROL), limit=20, **OF_GROUP)),
    answered(3, "member.bans", BanPage(bans=[BAN], more=False)),
]
MEMBERS = [
    asked(4, ListMembers(**OF_GROUP), ", the first"),
    asked(4, ListMembers(after=("owner", "alice"), limit=20, prefix="bo", **OF_GROUP)),
    answered(
        4,
        "member.list",
        MemberPage(
            members=[
                Member(user_id=BOB, username="bob", role="admin", delivered_seq=4, read_seq=3)
            ],
            more=True,
        ),
    ),
]
