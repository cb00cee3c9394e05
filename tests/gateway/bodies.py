"""A good body for every operation, of fields that can be made wrong one at a time."""

from __future__ import annotations

from typing import Any

from lumina_protocol.fields import uuid7

from tests.gateway.wire import new_name
from tests.house import PASSWORD

SETTINGS: dict[str, Any] = {
    "is_private": False, "profile_visibility": "public", "show_activity_status": True,
    "allow_messages_from": "everyone", "email_notifications": True, "push_notifications": True,
    "notification_frequency": "instant", "autoplay_videos": True, "data_saver_mode": False,
    "dark_mode": "auto", "calm_mode": False, "time_limit_minutes": 0, "hide_metrics": False,
    "show_metrics": True,
}  # fmt: skip


Bodies = dict[str, dict[str, Any]]


def good_body(op: str) -> dict[str, Any]:
    """A body that the server takes, of fields that can be made wrong one at a time."""
    accounts = of_accounts() | of_safety() | of_people()
    posts = of_posts() | of_comments() | of_stories() | with_posts() | of_topics()
    files = of_uploads()
    return (accounts | of_conversations() | of_what_is_to_come() | posts | files)[op]


def of_uploads() -> Bodies:
    return {
        "upload.create": {"media_id": uuid7(), "kind": "image", "bytes": 10, "sha256": "0" * 64,
                          "content_type": "image/png"},
        "upload.get": {"media_id": uuid7()},
        "upload.list": {},
        "upload.parts": {"media_id": uuid7(), "first": 1, "limit": 5},
        "upload.complete": {"media_id": uuid7()},
        "upload.cancel": {"media_id": uuid7()},
        "media.urls": {"media_ids": [uuid7()], "conversation_id": uuid7()},
    }  # fmt: skip


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
                                "remove_picture": False, "slow_mode_s": 30,
                                "who_may_send": "admins"},
        "conversation.join": {"code": "linv_none", "op_id": uuid7()},
        "invite.create": {"invite_id": uuid7(), "conversation_id": uuid7(), "max_uses": 5,
                          "expires_at": 1},
        "invite.list": {"conversation_id": uuid7()},
        "invite.revoke": {"conversation_id": uuid7(), "invite_id": uuid7()},
        "invite.look": {"code": "linv_none"},
        "member.ban": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "member.unban": {"conversation_id": uuid7(), "user_id": uuid7(), "op_id": uuid7()},
        "member.bans": {"conversation_id": uuid7(), "before": [1, uuid7()], "limit": 5},
        "member.list": {"conversation_id": uuid7(), "after": ["admin", "bob"], "limit": 5,
                        "prefix": "b"},
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
        "notification.list": {"before": [1, "follow"], "limit": 5},
        "notification.of_group": {"group_key": "follow", "before": uuid7(), "limit": 5},
        "notification.unread": {},
        "notification.read": {"op_id": uuid7(), "group_keys": ["follow"], "upto": 1},
        "notification.delete": {"op_id": uuid7(), "group_keys": ["follow"]},
        "notification.preferences": {},
        "notification.set_preference": {"op_id": uuid7(), "type": "follow", "level": "silent"},
    }  # fmt: skip


def of_posts() -> Bodies:
    return {
        "post.create": {"post_id": uuid7(), "post_type": "poll", "visibility": "custom",
                        "audience_id": uuid7(), "allow_comments": False, "allow_reactions": False,
                        "who_may_comment": "friends",
                        "location": {"name": "Oslo", "latitude": 59.9, "longitude": 10.7},
                        "media_ids": [uuid7()], "quoted_post_id": uuid7(), "coauthors": [],
                        "poll": {"question": "Tea?", "options": ["yes", "no"]}, "caption": "x"},
        "post.mentioning": {"before": uuid7(), "limit": 5},
        "feed.home": {"before": uuid7(), "limit": 5},
        "post.get": {"post_id": uuid7()},
        "post.of_user": {"user_id": uuid7(), "before": uuid7(), "limit": 5},
        "post.edit": {"post_id": uuid7(), "op_id": uuid7(), "base_version": 1, "caption": "x",
                      "visibility": "custom", "audience_id": uuid7(), "allow_comments": False,
                      "allow_reactions": False, "who_may_comment": "friends"},
        "post.edits": {"post_id": uuid7(), "before": 2, "limit": 5},
        "post.archive": {"post_id": uuid7(), "op_id": uuid7()},
        "post.unarchive": {"post_id": uuid7(), "op_id": uuid7()},
        "post.delete": {"post_id": uuid7(), "op_id": uuid7()},
        "post.restore": {"post_id": uuid7(), "op_id": uuid7()},
        "post.archived": {"before": uuid7(), "limit": 5},
        "post.draft_set": {"draft_id": uuid7(), "op_id": uuid7(), "publish_at": 2**52,
                           "post": {"post_type": "text", "caption": "x"}},
        "post.draft_remove": {"draft_id": uuid7(), "op_id": uuid7()},
        "post.drafts": {"before": uuid7(), "limit": 5},
        "post.coauthor_answer": {"post_id": uuid7(), "op_id": uuid7(), "accept": False},
        "post.share": {"share_id": uuid7(), "post_id": uuid7(), "via": "repost"},
        "post.viewed": {"views": [{"post_id": uuid7(), "watch_s": 5}]},
        "post.nearby": {"latitude": 59.9, "longitude": 10.7, "within_km": 5.5, "newest": False,
                        "after": uuid7(), "limit": 5},
        "post.trash": {"before": uuid7(), "limit": 5},
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
        "profile.change": {"op_id": uuid7(), "full_name": "A. B.", "bio": "I walk.",
                           "picture_media_id": uuid7(), "remove_picture": False},
        "settings.get": {},
        "settings.change": {"op_id": uuid7(), **SETTINGS},
        "presence.watch": {"user_ids": [uuid7()]},
        "presence.set": {"op_id": uuid7(), "invisible": True},
        "presence.count": {"conversation_id": uuid7()},
    }  # fmt: skip


def of_comments() -> Bodies:
    name = {"post_id": uuid7(), "comment_id": uuid7(), "op_id": uuid7()}
    where = {"post_id": uuid7(), "after": [1, uuid7()], "limit": 5}
    return {
        "comment.create": {"post_id": uuid7(), "comment_id": uuid7(), "content": "hello",
                           "parent_comment_id": uuid7(), "media_id": uuid7()},
        "comment.edit": {**name, "base_version": 1, "content": "hello"},
        "comment.delete": name,
        "comment.like": name,
        "comment.unlike": name,
        "comment.pin": name,
        "comment.unpin": name,
        "comment.page": {**where, "sort": "oldest"},
        "comment.replies": {**where, "comment_id": uuid7()},
        "comment.get": {"post_id": uuid7(), "comment_ids": [uuid7()]},
        "comment.sync": {"post_id": uuid7(), "after_rev": 9, "limit": 5},
        "watch": {"subject_type": "post", "subject_id": uuid7()},
        "unwatch": {"subject_type": "post", "subject_id": uuid7()},

    }  # fmt: skip


def of_stories() -> Bodies:
    story = {"story_id": uuid7(), "op_id": uuid7()}
    highlight = {"highlight_id": uuid7(), "highlight_title": "Summer", "cover_media_id": uuid7()}
    page = {"story_id": uuid7(), "before": [1, uuid7()], "limit": 5}
    return {
        "story.create": {"story_id": uuid7(), "media_id": uuid7(), "visibility": "followers",
                         "stickers": [{"type": "question", "question": "Why?"}]},
        "story.get": {"story_ids": [uuid7()]},
        "story.of_user": {"user_id": uuid7(), "after": uuid7(), "limit": 5},
        "story.tray": {"limit": 5},
        "story.delete": story,
        "story.viewed": {"story_ids": [uuid7()]},
        "story.viewers": page,
        "story.react": {**story, "reaction": "curious"},
        "story.answer": {**story, "sticker_no": 0, "text": "because"},
        "story.answers": {**page, "sticker_no": 0},
        "story.reply": {**story, "conversation_id": uuid7(), "content": "hello"},
        "highlight.create": {**highlight, "story_ids": [uuid7()]},
        "highlight.change": {**highlight, "op_id": uuid7(), "add_ids": [uuid7()],
                             "take_ids": [uuid7()]},
        "highlight.remove": {"highlight_id": uuid7(), "op_id": uuid7()},
        "highlight.list": {"user_id": uuid7()},
    }  # fmt: skip


def of_people() -> Bodies:
    one, page = {"user_id": uuid7(), "op_id": uuid7()}, {"before": [1, uuid7()], "limit": 5}
    audience = {"audience_id": uuid7(), "op_id": uuid7()}
    return {
        "user.follow": one,
        "user.unfollow": one,
        "user.remove_follower": one,
        "follow.approve": one,
        "follow.decline": one,
        "follow.set": {**one, "close_friend": True, "notify_on_post": True},
        "user.following": {"user_id": uuid7(), "close_friends": False, **page},
        "user.followers": {"user_id": uuid7(), **page},
        "follow.requests": {"sent": True, **page},
        "user.mute": {**one, "mute_scope": "stories", "until": 2**52},
        "user.unmute": one,
        "user.mutes": page,
        "audience.create": {"audience_id": uuid7(), "name": "Family"},
        "audience.change": {**audience, "name": "Family"},
        "audience.remove": audience,
        "audience.add": {**audience, "member_ids": [uuid7()]},
        "audience.take": {**audience, "member_ids": [uuid7()]},
        "audience.list": {},
        "audience.members": {"audience_id": uuid7(), **page},
        "user.suggestions": {"limit": 5},
        "user.search": {"prefix": "so", "limit": 5},
    }


def with_posts() -> Bodies:
    name = {"post_id": uuid7(), "op_id": uuid7()}
    where = {"before": [1, uuid7()], "limit": 5}
    return {
        "reaction.set": {**name, "mood": "curious"},
        "reaction.remove": name,
        "reaction.page": {"post_id": uuid7(), "mood": "curious", **where},
        "reaction.mine": where,
        "poll.vote": {**name, "options": [0]},
        "poll.unvote": name,
        "poll.voters": {"post_id": uuid7(), "option_no": 0, **where},
        "bookmark.set": {**name, "collection_id": uuid7()},
        "bookmark.remove": name,
        "bookmark.page": {"collection_id": uuid7(), **where},
        "collection.create": {"collection_id": uuid7(), "name": "for later"},
        "collection.change": {"collection_id": uuid7(), "op_id": uuid7(), "name": "for later"},
        "collection.remove": {"collection_id": uuid7(), "op_id": uuid7()},
        "collection.list": {},
        "post.insights": {"post_id": uuid7(), "from_day": "2026-01-01", "to_day": "2026-01-31"},
    }


def of_topics() -> Bodies:
    name = {"topic_id": uuid7(), "op_id": uuid7()}
    return {
        "topic.get": {"topic_name": "#Oslo"},
        "topic.list": {"after": uuid7(), "limit": 5},
        "topic.trending": {"window": "day", "limit": 5},
        "topic.followed": {"after": uuid7(), "limit": 5},
        "topic.complete": {"prefix": "#os", "limit": 5},
        "topic.posts": {"topic_id": uuid7(), "before": uuid7(), "limit": 5},
        "topic.follow": name,
        "topic.unfollow": name,
        "topic.change": {
            **name,
            "color_hex": "#2f6f8f",
            "is_featured": True,
            "description": "hills",
            "display_name": "Oslo",
            "icon_media_id": uuid7(),
            "remove_icon": False,
        },
    }
