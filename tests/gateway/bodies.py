"""A good body for every operation, and wrong values for every field."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lumina_protocol.fields import uuid7

from tests.gateway.wire import new_name
from tests.house import PASSWORD

UUID4 = UUID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")
OTHER_VARIANT = UUID("01890a5d-ac96-774b-0bce-b302099a8057")

SETTINGS: dict[str, Any] = {
    "is_private": False, "profile_visibility": "public", "show_activity_status": True,
    "allow_messages_from": "everyone", "email_notifications": True, "push_notifications": True,
    "notification_frequency": "instant", "autoplay_videos": True, "data_saver_mode": False,
    "dark_mode": "auto", "calm_mode": False, "time_limit_minutes": 0, "hide_metrics": False,
}  # fmt: skip


Bodies = dict[str, dict[str, Any]]


def good_body(op: str) -> dict[str, Any]:
    """A body that the server takes, of fields that can be made wrong one at a time."""
    return (of_accounts() | of_conversations() | of_what_is_to_come() | of_safety())[op]


def of_accounts() -> Bodies:
    return {
        "account.register": {"username": new_name(), "password": PASSWORD,
                             "full_name": "A. B.",
                             "device": {"device_id": uuid7(), "name": "phone"}},
        "account.login": {"username": "nobody", "password": PASSWORD, "code": "123456"},
        "account.refresh": {"op_id": uuid7(), "refresh_token": "lref_none"},
        "account.logout": {},
        "session.list": {},
        "session.end": {"session_id": uuid7()},
        "session.end_others": {"this": False},
        "device.list": {},
        "device.rename": {"device_id": uuid7(), "name": "phone"},
        "token.create": {"token_id": uuid7(), "name": "bot", "scopes": ["read"],
                         "expires_at": 1},
        "token.list": {},
        "token.revoke": {"token_id": uuid7()},
        "device.remove": {"device_id": uuid7()},
        "account.change_password": {"password": "not the right one",
                                    "new_password": "not the right one"},
        "account.change_username": {"username": new_name(), "password": "not the right one"},
        "account.deactivate": {"password": "not the right one"},
        "account.delete": {"password": "not the right one", "reason": "no reason"},
        "account.export": {"export_id": uuid7()},
        "account.exports": {},
        "account.restore": {"username": "nobody", "password": PASSWORD},
        "account.set_email": {"email": "a@example.com", "password": PASSWORD},
        "account.verify_email": {"token": "x"},
        "account.request_reset": {"email": "a@example.com"},
        "account.reset_password": {"token": "x", "password": PASSWORD},
        "totp.get": {},
        "totp.begin": {"password": PASSWORD},
        "totp.confirm": {"code": "123456"},
        "totp.renew_codes": {"password": PASSWORD, "code": "123456"},
        "totp.remove": {"password": PASSWORD, "code": "123456"},
        "auth": {"token": "x.y.z", "resume": True},
        "resume": {"epoch": 1, "user_rev": 1, "cursors": [[uuid7(), 1]]},
        "ping": {},
        "limits.get": {},
    }  # fmt: skip


def of_conversations() -> Bodies:
    return {
        "conversation.create": {"conversation_id": uuid7(), "username": "nobody"},
        "conversation.create_group": {"conversation_id": uuid7(), "title": "Friends",
                                      "usernames": ["nobody"]},
        "member.add": {"conversation_id": uuid7(), "usernames": ["nobody"], "op_id": uuid7()},
        "member.remove": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "conversation.list": {"before": [1, uuid7()], "limit": 5, "archived": False,
                              "pinned": False},
        "conversation.read": {"conversation_id": uuid7(), "seq": 1},
        "conversation.delivered": {"conversation_id": uuid7(), "seq": 1},
        "conversation.unread": {},
        "conversation.mark_unread": {"conversation_id": uuid7(), "op_id": uuid7()},
        "conversation.set": {"conversation_id": uuid7(), "op_id": uuid7(), "muted_until": 1,
                             "archived": True, "pinned": True},
        "member.set_role": {"conversation_id": uuid7(), "user_id": uuid7(), "role": "admin",
                            "op_id": uuid7()},
        "conversation.change": {"conversation_id": uuid7(), "op_id": uuid7(), "title": "Friends",
                                "description": "of tea", "picture_media_id": uuid7(),
                                "remove_picture": False},
        "conversation.join": {"code": "linv_none", "op_id": uuid7()},
        "invite.create": {"invite_id": uuid7(), "conversation_id": uuid7(), "max_uses": 5,
                          "expires_at": 1},
        "invite.list": {"conversation_id": uuid7()},
        "invite.revoke": {"conversation_id": uuid7(), "invite_id": uuid7()},
        "invite.look": {"code": "linv_none"},
        "member.ban": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "member.unban": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "member.bans": {"conversation_id": uuid7(), "before": [1, uuid7()], "limit": 5},
        "conversation.sync": {"conversation_id": uuid7(), "after_rev": 1, "limit": 5},
        "conversation.typing": {"conversation_id": uuid7(), "typing": False},
        "message.send": {"conversation_id": uuid7(), "message_id": uuid7(), "content": "hello",
                         "message_type": "image", "media_ids": [uuid7()], "reply_to": uuid7(),
                         "mentions": [uuid7()], "expires_at": 2**52},
        "message.edit": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7(),
                         "base_rev": 1, "content": "hello"},
        "message.delete": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7()},
        "message.history": {"conversation_id": uuid7(), "after_seq": 1, "limit": 5},
        "message.react": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7(),
                          "reaction": "curious"},
        "message.reactions": {"conversation_id": uuid7(), "message_id": uuid7(),
                              "after": [1, uuid7()], "limit": 5},
        "message.pin": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7()},
        "message.unpin": {"conversation_id": uuid7(), "message_id": uuid7(), "op_id": uuid7()},
        "message.pins": {"conversation_id": uuid7(), "before_seq": 9, "limit": 5},
        "message.hide": {"conversation_id": uuid7(), "message_ids": [uuid7()], "op_id": uuid7()},
        "message.edits": {"conversation_id": uuid7(), "message_id": uuid7(), "before_rev": 9,
                          "limit": 5},
        "message.search": {"query": "tea", "language": "en", "from_user_id": uuid7(), "before": 2,
                           "after": 1, "has_media": True, "limit": 5, "cursor": [1, uuid7(), 1]},
    }  # fmt: skip


def of_what_is_to_come() -> Bodies:
    return {
        "message.schedule": {"conversation_id": uuid7(), "message_id": uuid7(), "content": "hello",
                             "message_type": "image", "media_ids": [uuid7()], "reply_to": uuid7(),
                             "mentions": [uuid7()], "expires_after_s": 60, "send_at": 2**52},
        "message.scheduled": {"conversation_id": uuid7(), "after": [1, uuid7()], "limit": 5},
        "message.reschedule": {"message_id": uuid7(), "op_id": uuid7(), "send_at": 2**52,
                               "content": "hello"},
        "message.unschedule": {"message_id": uuid7(), "op_id": uuid7()},
        "draft.set": {"conversation_id": uuid7(), "op_id": uuid7(), "content": "so far",
                      "reply_to": uuid7()},
        "draft.list": {"after": uuid7(), "limit": 5},
    }  # fmt: skip


def of_safety() -> Bodies:
    return {
        "report.create": {"report_id": uuid7(), "kind": "message", "subject_id": uuid7(),
                          "conversation_id": uuid7(), "reason": "spam", "description": "ads"},
        "report.list": {},
        "report.appeal": {"report_id": uuid7(), "text": "why"},
        "report.appeal_suspension": {"username": "nobody", "password": PASSWORD, "text": "why",
                                     "code": "123456"},
        "report.queue": {"appeals": True, "after": uuid7(), "limit": 5},
        "report.of": {"kind": "user", "subject_id": uuid7(), "after": uuid7(), "limit": 5},
        "report.decide": {"report_id": uuid7(), "op_id": uuid7(), "action": "suspend",
                          "note": "spam", "days": 3},
        "report.decide_appeal": {"report_id": uuid7(), "op_id": uuid7(), "outcome": "upheld",
                                 "note": "spam"},
        "user.block": {"user_id": uuid7(), "op_id": uuid7()},
        "user.unblock": {"user_id": uuid7(), "op_id": uuid7()},
        "user.blocks": {"before": [1, uuid7()], "limit": 5},
        "user.get": {"user_id": uuid7()},
        "settings.get": {},
        "settings.change": {"op_id": uuid7(), **SETTINGS},
        "presence.watch": {"user_ids": [uuid7()]},
        "presence.set": {"op_id": uuid7(), "invisible": True},
        "presence.count": {"conversation_id": uuid7()},

    }  # fmt: skip


# By a field's name, or by its operation and name. Each is wrong in both codecs.
ANY_TYPE: tuple[object, ...] = ([], {}, [[]], {"a": 1}, True)
NO_NEW_ID = ("", UUID4, UUID(int=0), OTHER_VARIANT, b"", 7)
NO_FLAG = ("", "true", 1, 0, 1.5)
NO_WORD = ("", "some", "everyone ", "x" * 5000, "a\0b", 7, 1.5)
WRONG: dict[str, tuple[object, ...]] = {
    **{name: NO_FLAG for name, value in SETTINGS.items() if isinstance(value, bool)},
    **{name: NO_WORD for name, value in SETTINGS.items() if isinstance(value, str)},
    "export_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "invisible": NO_FLAG,
    "typing": NO_FLAG,
    "user_ids": ("", ["x"], [7], [UUID4] * 201, [b"x" * 17], 7),
    "time_limit_minutes": (-1, 1441, 2**63, 1.5, "60"),
    "username": ("", "ab", "x" * 31, "x" * 5000, "a b", "a\0b", "a\u202eb", "a@b.c", 7, 1.5),
    "password": ("", "short", "x" * 1001, "with a \0 in it", 12345678),
    "new_password": ("", "short", "x" * 1001, "with a \0 in it", 12345678),
    "reason": ("x" * 501, "a\0b", 7),
    "full_name": ("x" * 101, "a\0b", 7),
    "token": ("", "x" * 2049, 7),
    "email": ("", "a", "a@", "@b.c", "a@b", "a@b.c\r\nBcc: d@e.f", "a" * 250 + "@b.c", 7),
    "conversation_id": ("", "x", "0" * 31, "0" * 33, b"x" * 15, b"x" * 17, 7, 2**64 - 1),
    "message.send message_id": NO_NEW_ID,
    "message_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "message.send content": ("x" * 4001, "a\0b", 7, 1.5),
    "message.schedule message_id": NO_NEW_ID,
    "message.schedule content": ("x" * 4001, "a\0b", 7, 1.5),
    "message.reschedule content": ("x" * 4001, "a\0b", 7, 1.5),
    "send_at": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "expires_after_s": (0, -1, 31_536_001, 2**64 - 1, 1.5, "x"),
    "message.scheduled after": ("", [1], [1, 2, 3], [1, "x"], ["x", UUID4], [1.5, UUID4], 7),
    "draft.set content": ("x" * 4001, "a\0b", 7, 1.5, None),
    "message_type": ("", "system", "Image", "x" * 5000, 7, 1.5),
    "media_ids": ("", ["x"], [7], [UUID4] * 2, [uuid7() for _ in range(21)], 7, "x"),
    "mentions": ("", ["x"], [7], [UUID4] * 2, [uuid7() for _ in range(51)], 7, "x"),
    "reply_to": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "op_id": NO_NEW_ID,
    "content": ("", "x" * 4001, "a\0b", 7, 1.5),
    "before": (
        "",
        [1],
        [1, 2, 3],
        [1, "x"],
        ["x", UUID4],
        [1.5, UUID4],
        7,
    ),
    "message.reactions after": ("", [1], [1, 2, 3], [1, "x"], ["x", UUID4], [1.5, UUID4], 7),
    "reaction": ("", "angry", "Curious", 7, ["curious"]),
    "message_ids": ("", [], ["x"], [7], [uuid7()] * 101, 7),
    "before_seq": (-1, 2**53, 2**63, 2**64 - 1, 1.5, "x"),
    "before_rev": (-1, 2**53, 2**63, 2**64 - 1, 1.5, "x"),
    "limit": (0, -1, 201, 2**31, 2**63, -(2**63), 2**64 - 1, 1.5, "many", "", 1e308),
    "refresh_token": ("", "x" * 201, 7),
    "code": ("", "12345", "1" * 41, "12345\0", 123456),
    "session_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "device_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "token_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "token.create token_id": NO_NEW_ID,
    "name": ("", "x" * 101, "a\0b", 7),
    "scopes": ("", [], ["write"], ["read"] * 11, ["read", 7], "read", 7),
    "expires_at": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "this": ("", "true", 1, 0, None, 1.5),
    "device": (
        "",
        {"name": "phone"},
        {"device_id": UUID4, "name": "phone"},
        {"device_id": uuid7(), "name": ""},
        {"device_id": uuid7(), "name": "a\0b"},
        {"device_id": uuid7(), "name": "phone", "platform": "toaster"},
        {"device_id": uuid7(), "name": "phone", "app_version": "x" * 51},
        7,
    ),
    "user_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "title": ("", "x" * 101, "a\0b", 7),
    "role": ("", "king", "Owner", 7, None),
    "conversation.change description": ("x" * 501, "a\0b", 7),
    "picture_media_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "remove_picture": NO_FLAG,
    "invite_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "invite.create invite_id": NO_NEW_ID,
    "max_uses": (0, -1, 100_001, 2**64 - 1, 1.5, "x"),
    "conversation.join code": ("", "x" * 101, 7),
    "invite.look code": ("", "x" * 101, 7),
    "usernames": ("", [], ["ab"], ["abc"] * 101, ["abc", 7], "abc", 7),
    "resume": ("", "true", 1, 0, None, 1.5),
    "epoch": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "user_rev": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "cursors": (
        "",
        [1],
        [[UUID4]],
        [[UUID4, 1, 2]],
        [["x", 1]],
        [[UUID4, -1]],
        [[UUID4, 2**53]],
        [[UUID4, 1.5]],
        [[UUID4, 1]] * 201,
        7,
    ),
    "report_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "report.create report_id": NO_NEW_ID,
    "subject_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "after": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "kind": ("", "thing", "User", 7, None),
    "report.create reason": ("", "hate", "Spam", 7, None),
    "description": ("", "x" * 2001, "a\0b", 7),
    "text": ("", "x" * 2001, "a\0b", 7),
    "note": ("", "x" * 501, "a\0b", 7),
    "action": ("", "forgive", 7, None),
    "outcome": ("", "forgotten", 7, None),
    "days": (0, -1, 3651, 2**64 - 1, 1.5, "x"),
    "appeals": ("", "true", 1, 0, None, 1.5),
    "base_rev": (-1, 2**53, 2**64 - 1, 1.5, "x", None),
    "after_rev": (-1, 2**53, 2**64 - 1, 1.5, "x", None),
    "seq": (-1, 2**53, 2**63, 2**64 - 1, -(2**63), 1.5, "x", None),
    "muted_until": (-1, 2**53, 2**64 - 1, 1.5, "x", "for ever", ""),
    "archived": NO_FLAG,
    "pinned": NO_FLAG,
    "query": ("", "x" * 201, "a\0b", 7),
    "language": ("", "EN", "english", "xx", 7),
    "from_user_id": ("", "x", "0" * 33, b"", b"x" * 17, 7),
    "message.search before": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "message.search after": (-1, 2**53, 2**64 - 1, 1.5, "x"),
    "has_media": ("", "true", 1, 0, 1.5),
    "cursor": ("", [1], [1, UUID4], [1, "x", 1], [-1, UUID4, 1], [1, UUID4, 2**53], 7),
    "after_seq": (-1, 2**53, 2**63, 2**64 - 1, -(2**63), 1.5, "x"),
}


ENDS = ("account.logout", "session.end_others")
"""What closes the connection that it is asked on."""
TAKEN: tuple[tuple[str, object], ...] = (
    ("mentions", []),
    ("limit", True),
    ("after_seq", True),
    ("before_seq", True),
    ("before_rev", True),
    ("reaction", None),
    ("resume", True),
    ("this", True),
    ("appeals", True),
    ("archived", True),
    ("pinned", True),
    ("has_media", True),
    ("remove_picture", True),
    ("expires_at", None),
    ("cursors", []),
    ("user_ids", []),
    ("typing", True),
    ("invisible", True),
    *((name, True) for name, value in SETTINGS.items() if isinstance(value, bool)),
)
