"""Requests of every kind, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.accounts import Device, Login, Logout, Refresh, Register
from lumina_protocol.bans import BanMember, ListBans, UnbanMember
from lumina_protocol.blocks import BlockUser, ListBlocks, UnblockUser
from lumina_protocol.conversations import (
    CreateConversation,
    ListConversations,
    SyncConversation,
    TellTyping,
)
from lumina_protocol.drafts import ListDrafts, SetDraft
from lumina_protocol.emails import RequestReset, ResetPassword, SetEmail, VerifyEmail
from lumina_protocol.exports import ExportAccount, ListExports
from lumina_protocol.frame import MAX_REQUEST_ID, Request
from lumina_protocol.groups import ChangeConversation, SetRole
from lumina_protocol.hides import HideMessages
from lumina_protocol.invites import (
    CreateInvite,
    JoinConversation,
    ListInvites,
    LookAtInvite,
    RevokeInvite,
)
from lumina_protocol.lifecycle import (
    ChangePassword,
    ChangeUsername,
    Deactivate,
    DeleteAccount,
    RestoreAccount,
)
from lumina_protocol.limits import GetLimits
from lumina_protocol.logins import (
    EndOtherSessions,
    EndSession,
    ListDevices,
    ListSessions,
    RemoveDevice,
    RenameDevice,
)
from lumina_protocol.member_list import ListMembers
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.message_reactions import ListReactions, React
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    ListEdits,
    Origin,
    ReadHistory,
    SendMessage,
)
from lumina_protocol.moderation import DecideAppeal, DecideReport, ReadQueue, ReadReportsOf
from lumina_protocol.notifications import (
    CountNotifications,
    DeleteNotifications,
    GetNotificationLevels,
    ListGrouped,
    ListNotifications,
    ReadNotifications,
    SetNotificationLevel,
)
from lumina_protocol.pins import ListPins, PinMessage, UnpinMessage
from lumina_protocol.preferences import MarkUnread, SetPreferences
from lumina_protocol.presence import CountPresence, SetPresence, WatchPresence
from lumina_protocol.profiles import GetUser
from lumina_protocol.receipts import ConfirmDelivery, CountUnread, ReadConversation
from lumina_protocol.reports import (
    AppealDecision,
    AppealSuspension,
    CreateReport,
    ListReports,
)
from lumina_protocol.scheduled import (
    ListScheduled,
    RescheduleMessage,
    ScheduleMessage,
    UnscheduleMessage,
)
from lumina_protocol.search import SearchMessages
from lumina_protocol.session import Authenticate, Ping, Resume
from lumina_protocol.settings import ChangeSettings, GetSettings
from lumina_protocol.tokens import CreateToken, ListTokens, RevokeToken
from lumina_protocol.totp import (
    BeginTotp,
    ConfirmTotp,
    GetTotp,
    RemoveTotp,
    RenewRecoveryCodes,
)

from tests.protocol.comment_strategies import COMMENT_STRATEGIES
from tests.protocol.people_strategies import FLAGS, NEW_IDS, PEOPLE_STRATEGIES, SEQS, TEXT
from tests.protocol.post_strategies import POST_STRATEGIES
from tests.protocol.story_strategies import STORY_STRATEGIES

IDS = st.integers(1, MAX_REQUEST_ID)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_.0123456789", min_size=3, max_size=30)
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8)
SHORT = TEXT.filter(bool).map(lambda text: text[:100])
PREFIXES = TEXT.filter(bool).map(lambda text: text[:60])
DEVICES = st.builds(
    Device,
    device_id=NEW_IDS,
    name=SHORT,
    platform=st.sampled_from(["ios", "other"]),
    app_version=st.none() | TEXT.map(lambda text: text[:50]),
)
EMAILS = st.sampled_from(["alice@example.com", "o'hara+tag@mail.example", "ünï@exämple.org"])
MAILED = st.text("ab-_=", min_size=1, max_size=200)
TOTP_CODES = st.text("0123456789-AB ", min_size=6, max_size=40)
CODES = st.text("ab-_", min_size=1, max_size=100)
REQUEST_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    **COMMENT_STRATEGIES,
    **PEOPLE_STRATEGIES,
    **POST_STRATEGIES,
    **STORY_STRATEGIES,
    "account.register": st.builds(
        Register,
        username=NAMES,
        password=PASSWORDS,
        full_name=st.none() | TEXT,
        device=st.none() | DEVICES,
    ),
    "account.login": st.builds(
        Login,
        username=NAMES,
        password=PASSWORDS,
        code=st.none() | TOTP_CODES,
        device=st.none() | DEVICES,
    ),
    "account.refresh": st.builds(Refresh, op_id=NEW_IDS, refresh_token=st.text("ab-_", min_size=1)),
    "account.logout": st.builds(Logout),
    "account.change_password": st.builds(
        ChangePassword, password=PASSWORDS, new_password=PASSWORDS
    ),
    "account.change_username": st.builds(
        ChangeUsername, username=NAMES, password=st.none() | PASSWORDS
    ),
    "account.deactivate": st.builds(Deactivate, password=PASSWORDS),
    "account.delete": st.builds(DeleteAccount, password=PASSWORDS, reason=st.none() | SHORT),
    "account.export": st.builds(ExportAccount, export_id=NEW_IDS),
    "account.exports": st.builds(ListExports),
    "account.restore": st.builds(
        RestoreAccount, username=NAMES, password=PASSWORDS, code=st.just("123456")
    ),
    "session.list": st.builds(ListSessions),
    "session.end": st.builds(EndSession, session_id=st.uuids()),
    "session.end_others": st.builds(EndOtherSessions, this=st.booleans()),
    "device.list": st.builds(ListDevices),
    "device.rename": st.builds(RenameDevice, device_id=st.uuids(), name=SHORT),
    "device.remove": st.builds(RemoveDevice, device_id=st.uuids()),
    "token.create": st.builds(
        CreateToken,
        token_id=NEW_IDS,
        name=SHORT,
        scopes=st.lists(st.sampled_from(["read", "messages.write"]), min_size=1, max_size=3),
        expires_at=st.none() | SEQS,
    ),
    "token.list": st.builds(ListTokens),
    "account.set_email": st.builds(SetEmail, email=EMAILS, password=PASSWORDS),
    "account.verify_email": st.builds(VerifyEmail, token=MAILED),
    "account.request_reset": st.builds(RequestReset, email=EMAILS),
    "account.reset_password": st.builds(ResetPassword, token=MAILED, password=PASSWORDS),
    "totp.get": st.builds(GetTotp),
    "totp.begin": st.builds(BeginTotp, password=PASSWORDS),
    "totp.confirm": st.builds(ConfirmTotp, code=TOTP_CODES),
    "totp.renew_codes": st.builds(RenewRecoveryCodes, password=PASSWORDS, code=TOTP_CODES),
    "totp.remove": st.builds(RemoveTotp, password=PASSWORDS, code=TOTP_CODES),
    "token.revoke": st.builds(RevokeToken, token_id=st.uuids()),
    "auth": st.builds(Authenticate, token=st.text("abc.-_", min_size=1), resume=st.booleans()),
    "resume": st.builds(
        Resume,
        epoch=st.none() | SEQS,
        user_rev=st.none() | SEQS,
        cursors=st.lists(st.tuples(st.uuids(), SEQS), max_size=5),
    ),
    "ping": st.builds(Ping),
    "limits.get": st.builds(GetLimits),
    "conversation.create": st.builds(CreateConversation, conversation_id=NEW_IDS, username=NAMES),
    "conversation.create_group": st.builds(
        CreateGroup,
        conversation_id=NEW_IDS,
        title=SHORT,
        usernames=st.lists(NAMES, min_size=1, max_size=5),
    ),
    "member.add": st.builds(
        AddMembers,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        usernames=st.lists(NAMES, min_size=1, max_size=5),
    ),
    "member.remove": st.builds(
        RemoveMember, conversation_id=st.uuids(), op_id=NEW_IDS, user_id=st.uuids()
    ),
    "member.set_role": st.builds(
        SetRole,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        user_id=st.uuids(),
        role=st.sampled_from(["owner", "admin", "member"]),
    ),
    "conversation.change": st.builds(
        ChangeConversation,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        title=st.none() | SHORT,
        description=st.none() | TEXT.map(lambda text: text[:500]),
        picture_media_id=st.none() | st.uuids(),
        slow_mode_s=st.none() | st.integers(0, 86_400),
        who_may_send=st.none() | st.sampled_from(["everyone", "admins"]),
    ),
    "invite.create": st.builds(
        CreateInvite,
        invite_id=NEW_IDS,
        conversation_id=st.uuids(),
        max_uses=st.none() | st.integers(1, 100_000),
        expires_at=st.none() | SEQS,
    ),
    "invite.list": st.builds(ListInvites, conversation_id=st.uuids()),
    "invite.revoke": st.builds(RevokeInvite, conversation_id=st.uuids(), invite_id=st.uuids()),
    "invite.look": st.builds(LookAtInvite, code=CODES),
    "conversation.join": st.builds(JoinConversation, code=CODES, op_id=NEW_IDS),
    "member.ban": st.builds(
        BanMember, conversation_id=st.uuids(), op_id=NEW_IDS, user_id=st.uuids()
    ),
    "member.unban": st.builds(
        UnbanMember, conversation_id=st.uuids(), op_id=NEW_IDS, user_id=st.uuids()
    ),
    "member.bans": st.builds(
        ListBans,
        conversation_id=st.uuids(),
        before=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 100),
    ),
    "member.list": st.builds(
        ListMembers,
        conversation_id=st.uuids(),
        after=st.none() | st.tuples(st.sampled_from(["owner", "admin", "member"]), PREFIXES),
        limit=st.integers(1, 100),
        prefix=st.none() | PREFIXES,
    ),
    "conversation.list": st.builds(
        ListConversations,
        before=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 40),
        archived=FLAGS,
        pinned=st.booleans(),
    ),
    "conversation.read": st.builds(ReadConversation, conversation_id=st.uuids(), seq=SEQS),
    "conversation.delivered": st.builds(ConfirmDelivery, conversation_id=st.uuids(), seq=SEQS),
    "conversation.unread": st.builds(CountUnread),
    "conversation.mark_unread": st.builds(MarkUnread, conversation_id=st.uuids(), op_id=NEW_IDS),
    "conversation.set": st.builds(
        SetPreferences,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        muted_until=st.none() | SEQS | st.just("forever"),
        archived=FLAGS,
        pinned=FLAGS,
    ),
    "conversation.sync": st.builds(
        SyncConversation, conversation_id=st.uuids(), after_rev=SEQS, limit=st.integers(1, 200)
    ),
    "conversation.typing": st.builds(TellTyping, conversation_id=st.uuids(), typing=st.booleans()),
    "message.send": st.builds(
        SendMessage,
        conversation_id=st.uuids(),
        message_id=NEW_IDS,
        content=TEXT.filter(bool),
        reply_to=st.none() | st.uuids(),
        mentions=st.none() | st.lists(st.uuids(), max_size=5, unique=True),
        expires_at=st.none() | SEQS,
    )
    | st.builds(
        SendMessage,
        conversation_id=st.uuids(),
        message_id=NEW_IDS,
        message_type=st.sampled_from(["image", "video", "audio"]),
        media_ids=st.lists(st.uuids(), min_size=1, max_size=20, unique=True),
        content=TEXT,
        expires_after_s=st.none() | st.integers(1, 31_536_000),
    )
    | st.builds(
        SendMessage,
        conversation_id=st.uuids(),
        message_id=NEW_IDS,
        forwarded_from=st.builds(Origin, conversation_id=st.uuids(), message_id=st.uuids()),
    ),
    "message.edit": st.builds(
        EditMessage,
        conversation_id=st.uuids(),
        message_id=st.uuids(),
        op_id=NEW_IDS,
        base_rev=SEQS,
        content=TEXT.filter(bool),
    ),
    "message.delete": st.builds(
        DeleteMessage, conversation_id=st.uuids(), message_id=st.uuids(), op_id=NEW_IDS
    ),
    "message.history": st.builds(
        ReadHistory, conversation_id=st.uuids(), after_seq=st.none() | SEQS, limit=st.just(200)
    )
    | st.builds(ReadHistory, conversation_id=st.uuids(), around_seq=SEQS)
    | st.builds(ReadHistory, conversation_id=st.uuids(), around_message_id=st.uuids()),
    "message.search": st.builds(
        SearchMessages,
        query=SHORT.filter(lambda text: len(text) <= 200),
        language=st.sampled_from([None, "en", "de"]),
        conversation_id=st.none() | st.uuids(),
        from_user_id=st.none() | st.uuids(),
        before=st.none() | SEQS,
        after=st.none() | SEQS,
        has_media=FLAGS,
        limit=st.integers(1, 50),
        cursor=st.none() | st.tuples(SEQS, st.uuids(), SEQS),
    ),
    "message.react": st.builds(
        React,
        conversation_id=st.uuids(),
        message_id=st.uuids(),
        op_id=NEW_IDS,
        reaction=st.sampled_from([None, "curious", "thoughtful"]),
    ),
    "message.reactions": st.builds(
        ListReactions,
        conversation_id=st.uuids(),
        message_id=st.uuids(),
        after=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 100),
    ),
    "message.pin": st.builds(
        PinMessage, conversation_id=st.uuids(), message_id=st.uuids(), op_id=NEW_IDS
    ),
    "message.unpin": st.builds(
        UnpinMessage, conversation_id=st.uuids(), message_id=st.uuids(), op_id=NEW_IDS
    ),
    "message.pins": st.builds(
        ListPins,
        conversation_id=st.uuids(),
        before_seq=st.none() | SEQS,
        limit=st.integers(1, 50),
    ),
    "message.hide": st.builds(
        HideMessages,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        message_ids=st.lists(st.uuids(), min_size=1, max_size=5),
    ),
    "message.edits": st.builds(
        ListEdits,
        conversation_id=st.uuids(),
        message_id=st.uuids(),
        before_rev=st.none() | SEQS,
        limit=st.integers(1, 100),
    ),
    "message.schedule": st.builds(
        ScheduleMessage,
        conversation_id=st.uuids(),
        message_id=NEW_IDS,
        content=TEXT.filter(bool),
        reply_to=st.none() | st.uuids(),
        expires_after_s=st.none() | st.integers(1, 31_536_000),
        send_at=SEQS,
    )
    | st.builds(
        ScheduleMessage,
        conversation_id=st.uuids(),
        message_id=NEW_IDS,
        forwarded_from=st.builds(Origin, conversation_id=st.uuids(), message_id=st.uuids()),
        send_at=SEQS,
    ),
    "message.scheduled": st.builds(
        ListScheduled,
        conversation_id=st.none() | st.uuids(),
        after=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 50),
    ),
    "message.reschedule": st.builds(
        RescheduleMessage,
        message_id=st.uuids(),
        op_id=NEW_IDS,
        send_at=st.none() | SEQS,
        content=st.none() | TEXT,
    ),
    "message.unschedule": st.builds(UnscheduleMessage, message_id=st.uuids(), op_id=NEW_IDS),
    "draft.set": st.builds(
        SetDraft,
        conversation_id=st.uuids(),
        op_id=NEW_IDS,
        content=TEXT,
        reply_to=st.none() | st.uuids(),
    ),
    "draft.list": st.builds(ListDrafts, after=st.none() | st.uuids(), limit=st.integers(1, 100)),
    "notification.list": st.builds(
        ListNotifications,
        before=st.none() | st.tuples(SEQS, st.sampled_from(["follow", "message:x"])),
        limit=st.integers(1, 100),
    ),
    "notification.of_group": st.builds(
        ListGrouped,
        group_key=st.sampled_from(["follow", "message:x"]),
        before=st.none() | st.uuids(),
        limit=st.integers(1, 100),
    ),
    "notification.unread": st.builds(CountNotifications),
    "notification.read": st.builds(
        ReadNotifications,
        op_id=NEW_IDS,
        group_keys=st.lists(st.sampled_from(["follow", "message:x"]), max_size=3),
        upto=st.none() | SEQS,
    ),
    "notification.delete": st.builds(
        DeleteNotifications,
        op_id=NEW_IDS,
        group_keys=st.lists(st.sampled_from(["follow", "message:x"]), min_size=1, max_size=3),
    ),
    "notification.preferences": st.builds(GetNotificationLevels),
    "notification.set_preference": st.builds(
        SetNotificationLevel,
        op_id=NEW_IDS,
        type=st.sampled_from(["reaction", "system"]),
        level=st.sampled_from(["on", "silent", "off"]),
    ),
    "report.create": st.builds(
        CreateReport,
        report_id=NEW_IDS,
        kind=st.sampled_from(["message", "user", "story"]),
        subject_id=st.uuids(),
        conversation_id=st.none() | st.uuids(),
        reason=st.sampled_from(["spam", "other"]),
        description=st.none() | SHORT,
    ),
    "report.list": st.builds(ListReports),
    "report.appeal": st.builds(AppealDecision, report_id=st.uuids(), text=SHORT),
    "report.appeal_suspension": st.builds(
        AppealSuspension,
        username=NAMES,
        password=PASSWORDS,
        code=st.none() | st.just("123456"),
        text=SHORT,
    ),
    "report.queue": st.builds(
        ReadQueue, appeals=st.booleans(), after=st.none() | st.uuids(), limit=st.integers(1, 20)
    ),
    "report.of": st.builds(
        ReadReportsOf,
        kind=st.sampled_from(["message", "user"]),
        subject_id=st.uuids(),
        after=st.none() | st.uuids(),
        limit=st.integers(1, 20),
    ),
    "report.decide": st.builds(
        DecideReport,
        report_id=st.uuids(),
        op_id=NEW_IDS,
        action=st.sampled_from(["remove", "suspend"]),
        note=SHORT,
        days=st.none() | st.integers(1, 3650),
    ),
    "report.decide_appeal": st.builds(
        DecideAppeal,
        report_id=st.uuids(),
        op_id=NEW_IDS,
        outcome=st.sampled_from(["upheld", "overturned"]),
        note=SHORT,
    ),
    "user.block": st.builds(BlockUser, user_id=st.uuids(), op_id=NEW_IDS),
    "user.unblock": st.builds(UnblockUser, user_id=st.uuids(), op_id=NEW_IDS),
    "user.blocks": st.builds(
        ListBlocks, before=st.none() | st.tuples(SEQS, st.uuids()), limit=st.integers(1, 100)
    ),
    "user.get": st.builds(GetUser, user_id=st.uuids()) | st.builds(GetUser, username=NAMES),
    "settings.get": st.builds(GetSettings),
    "presence.watch": st.builds(WatchPresence, user_ids=st.lists(st.uuids(), max_size=9)),
    "presence.set": st.builds(SetPresence, op_id=NEW_IDS, invisible=st.booleans()),
    "presence.count": st.builds(CountPresence, conversation_id=st.uuids()),
    "settings.change": st.builds(
        ChangeSettings,
        op_id=NEW_IDS,
        is_private=FLAGS,
        profile_visibility=st.sampled_from([None, "public", "friends", "private"]),
        show_activity_status=FLAGS,
        allow_messages_from=st.sampled_from([None, "everyone", "following", "no_one"]),
        email_notifications=FLAGS,
        push_notifications=FLAGS,
        notification_frequency=st.sampled_from([None, "instant", "hourly", "daily"]),
        autoplay_videos=FLAGS,
        data_saver_mode=FLAGS,
        dark_mode=st.sampled_from([None, "auto", "light", "dark"]),
        calm_mode=FLAGS,
        time_limit_minutes=st.none() | st.integers(0, 1440),
        hide_metrics=FLAGS,
        show_metrics=FLAGS,
    ),
}
