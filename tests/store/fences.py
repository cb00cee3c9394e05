"""Who sees which of the rows in tests/store/rows when logged in as lumina_app.

Each row is called by some of its columns, with names for ids: "alice public/bob" is bob's reaction
to the post with this caption.
"""

from __future__ import annotations

from dataclasses import dataclass, field

VIEWERS = ("alice", "bob", "carol", "trent", "mallory", "nobody")
"""Nobody: app.user_id is not set."""


@dataclass(frozen=True, slots=True)
class Sees:
    """`by` has the columns that rows are called by; who is left out sees none."""

    by: str
    alice: str = ""
    bob: str = ""
    carol: str = ""
    trent: str = ""
    mallory: str = ""
    nobody: str = ""

    def rows(self, viewer: str) -> list[str]:
        listed = getattr(self, viewer)
        return sorted(filter(None, (name.strip() for name in listed.split(","))))


@dataclass(frozen=True, slots=True)
class Own:
    """Everybody sees the rows that name them here, and no others."""

    column: str = "user_id"


@dataclass(frozen=True, slots=True)
class NoAccess:
    """Every statement on it is refused."""


@dataclass(frozen=True, slots=True)
class Writes:
    verbs: str
    removable: str = field(default="true")
    """Which of one's rows nothing refers to."""


def public(by: str, rows: str, *, trent: str = "") -> Sees:
    """What everybody sees but trent, who has blocked its owner."""
    return Sees(by, alice=rows, bob=rows, carol=rows, trent=trent, mallory=rows, nobody=rows)


PEOPLE = "alice, bob, carol, mallory"
POSTS = "alice public, alice poll, bob public, trent public, mallory public"
REACTIONS = "alice public/bob, bob public/alice, bob public/trent"
CLUB = "club/alice, club/bob, club/carol"
CLUB_SAID = "club/1, club/2, club/3"
DIRECT_SAID = "direct/1, direct/2, direct/3, direct/4"
STORY = "alice story public/bob"

SEES: dict[str, Sees | Own | NoAccess] = {
    "access_tokens": Own(),
    "account_deletions": Own(),
    "account_exports": Own(),
    "account_tokens": NoAccess(),
    "audience_members": Sees("audience_id, user_id", alice="audience/bob"),
    "audiences": Own(),
    "audit_log": NoAccess(),
    "blob_removals": NoAccess(),
    "bookmark_collections": Own(),
    "bookmarks": Own(),
    "cluster": NoAccess(),
    "comment_likes": public(
        "comment_id, user_id",
        "comment of bob on alice public/alice, comment of bob on alice public/carol, "
        "comment of alice on bob public/bob",
    ),
    "comment_streams": NoAccess(),
    "comments": Sees(
        "post_id, user_id",
        alice="alice public/alice, alice public/bob, bob public/alice, alice private/alice",
        bob=f"{REACTIONS}, alice public/alice",
        carol=f"{REACTIONS}, alice public/alice",
        mallory=f"{REACTIONS}, alice public/alice",
        nobody=f"{REACTIONS}, alice public/alice",
        trent="bob public/trent",
    ),
    "conversation_bans": NoAccess(),
    "conversation_drafts": Own(),
    "conversation_invites": NoAccess(),
    "conversation_participants": Sees(
        "conversation_id, user_id",
        alice=f"{CLUB}, direct/alice, direct/bob, past/alice, past/carol",
        bob=f"{CLUB}, direct/alice, direct/bob",
        carol=f"{CLUB}, past/alice, past/carol",
    ),
    "conversations": Sees(
        "conversation_id", alice="club, direct, past", bob="club, direct", carol="club, past"
    ),
    "counter_deltas": NoAccess(),
    "devices": Own(),
    "follow_requests": Sees("follower_id, following_id", alice="alice/carol", carol="alice/carol"),
    "follows": public(
        "follower_id, following_id", "alice/bob, bob/alice, carol/alice", trent="trent/alice"
    ),
    "media_objects": Sees(
        "media_id",
        alice="alice's picture, unfinished picture",
        bob="bob has uploaded, bob uploads",
        trent="trent's picture",
    ),
    "mails": NoAccess(),
    "media_refs": NoAccess(),
    "membership_intervals": Own(),
    "message_changes": Sees(
        "conversation_id, seq",
        alice="direct/2, direct/4, past/1, past/3",
        bob="direct/2, direct/4, past/1",
        carol="past/1, past/3",
    ),
    "message_edits": Sees(
        "conversation_id, seq", alice="direct/2, past/3", bob="direct/2", carol="past/3"
    ),
    "message_hides": Own(),
    "message_mentions": Sees(
        "conversation_id, seq, user_id",
        alice="direct/1/bob, past/3/carol",
        bob="direct/1/bob",
        carol="past/3/carol",
    ),
    "message_pins": Sees(
        "conversation_id, seq", alice="direct/1, past/3", bob="direct/1", carol="past/3"
    ),
    "message_reactions": Sees(
        "conversation_id, seq, user_id",
        alice="direct/2/alice, past/1/carol, past/3/carol",
        bob="direct/2/alice, past/1/carol",
        carol="past/1/carol, past/3/carol",
    ),
    "messages": Sees(
        "conversation_id, seq",
        alice=f"{DIRECT_SAID}, {CLUB_SAID}, past/1, past/2, past/3",
        bob=f"{DIRECT_SAID}, {CLUB_SAID}, past/1, past/2",
        carol=f"{CLUB_SAID}, past/1, past/2, past/3",
    ),
    "mutes": Own(),
    "nodes": NoAccess(),
    "notification_causes": NoAccess(),
    "notification_groups": Own(),
    "notification_preferences": Own(),
    "notifications": Own(),
    "op_keys": NoAccess(),
    "outbox": NoAccess(),
    "outbox_readers": NoAccess(),
    "partition_rules": NoAccess(),
    "poll_options": public("post_id, option_no", "alice poll/0, alice poll/1"),
    "poll_votes": Own(),
    "polls": public("post_id", "alice poll"),
    "post_analytics": Sees("post_id", alice="alice public"),
    "post_announcements": NoAccess(),
    "post_coauthors": Sees(
        "post_id, user_id", alice="alice friends/carol", bob="alice friends/carol"
    ),
    "post_drafts": Own(),
    "post_edits": Sees("post_id", alice="alice public, alice public"),
    "post_mentions": Sees("post_id, user_id", alice="alice custom/bob", bob="alice custom/bob"),
    "post_shares": Sees("post_id, user_id", alice="alice private/alice"),
    "post_topics": Sees("post_id, topic_id", alice="alice private/topic"),
    "post_views": NoAccess(),
    "posts": Sees(
        "post_id",
        alice="alice public, alice poll, alice friends, alice private, alice custom, "
        "alice archived, alice deleted, bob public, mallory public",
        bob=f"{POSTS}, alice friends, alice custom",
        carol=POSTS,
        trent="bob public, trent public, mallory public",
        mallory=POSTS,
        nobody=POSTS,
    ),
    "reactions": Sees(
        "post_id, user_id",
        alice="alice public/bob, bob public/alice, alice private/alice",
        bob=REACTIONS,
        carol=REACTIONS,
        trent="bob public/trent",
        mallory=REACTIONS,
        nobody=REACTIONS,
    ),
    "receipts": Sees(
        "conversation_id, user_id",
        alice=f"{CLUB}, direct/alice, direct/bob, past/alice, past/bob, past/carol",
        bob=f"{CLUB}, direct/alice, direct/bob",
        carol=f"{CLUB}, past/alice, past/bob, past/carol",
    ),
    "recovery_codes": NoAccess(),
    "refresh_tokens": NoAccess(),
    "reports": Own("reporter_id"),
    "scheduled_messages": Own(),
    "schema_migrations": NoAccess(),
    "sessions": Own(),
    "stories": Sees(
        "story_id",
        alice="alice story public, alice story followers, alice story close_friends, "
        "alice story deleted, alice story expired",
        bob="alice story public, alice story followers, alice story close_friends, "
        "trent story public",
        carol="alice story public, alice story followers, trent story public",
        trent="trent story public",
        mallory="alice story public, trent story public",
        nobody="alice story public, trent story public",
    ),
    "story_answers": Sees("story_id, user_id", alice=STORY, bob=STORY),
    "story_highlight_items": public("highlight_id, story_id", "highlight/alice story expired"),
    "story_highlights": public("highlight_id", "highlight"),
    "story_reactions": Sees("story_id, user_id", alice=STORY, bob=STORY),
    "story_views": Sees("story_id, user_id", alice=STORY, bob=STORY),
    "topic_follows": Own(),
    "topics": public("topic_id", "topic", trent="topic"),
    "user_events": Own(),
    "user_settings": Own(),
    "user_streams": Own(),
    "user_totp": NoAccess(),
    "username_history": NoAccess(),
    "users": Sees(
        "user_id",
        alice=PEOPLE,
        bob=f"{PEOPLE}, trent",
        carol=f"{PEOPLE}, trent",
        trent="bob, carol, trent, mallory",
        mallory=f"{PEOPLE}, trent",
        nobody=f"{PEOPLE}, trent",
    ),
}

LIVE: dict[str, tuple[str, set[str]] | None] = {
    "comment_states": None,
    "counter_truths": None,
    "counter_values": None,
    "live_comments": ("comments", set()),
    "live_media_objects": (
        "media_objects",
        {"unfinished picture", "bob has uploaded", "bob uploads"},
    ),
    "live_messages": ("messages", {"direct/3", "direct/4"}),
    "live_posts": ("posts", {"alice archived", "alice deleted"}),
    "live_stories": ("stories", {"alice story deleted", "alice story expired"}),
    "live_users": ("users", set()),
    "member_states": None,
    "message_states": None,
    "report_states": None,
}
"""Of each view its table, and what it does not show of that to anybody. None: no access."""

WRITES = {
    "audience_members": Writes("insert delete"),
    "audiences": Writes("insert update delete", removable="name = 'audience of none'"),
    "bookmark_collections": Writes("insert update delete"),
    "bookmarks": Writes("insert update delete"),
    "conversation_drafts": Writes("insert update delete"),
    "devices": Writes("insert update delete"),
    "mutes": Writes("insert update delete"),
    "notification_groups": Writes("update delete"),
    "notifications": Writes("update delete"),
    "post_drafts": Writes("insert update delete"),
    "story_highlights": Writes("insert update delete"),
    "topic_follows": Writes("insert delete"),
    "user_settings": Writes("update"),
}
"""What users may do with their own rows."""

SECRETS = {
    "access_tokens": "token_digest",
    "conversation_participants": "muted_until archived_at pinned_at marked_unread_at",
    "devices": "push_token push_token_index",
    "follows": "connection_type notify_on_post",
    "receipts": "delivered_seq read_seq delivered_at last_read_at marked_unread_at",
    "users": "password_hash email email_index email_verified_at staff_role last_login_at",
}
"""Columns that lumina_app does not read, of rows that it sees."""
