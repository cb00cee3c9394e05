"""Every statement on a table that is to be sharded carries its shard key, or is named here."""

from __future__ import annotations

from lumina_rt.store.queries import parse
from tests.store.parsed import blocks
from tests.store.readme import tables
from tests.store.test_statements import ALL

SHARD_BY = {table.name: table.shard_by for table in tables() if table.shard_by}
SHARD_BY["message_states"] = SHARD_BY["messages"]  # a view of it
SHARD_BY["member_states"] = SHARD_BY["conversation_participants"]  # likewise

# What must ask every shard, or asks by a key that a small table of its own would map to the shard.
EXCEPTIONS = {
    "follows.let_in": "follow_requests: those who wait for a user, on every shard",
    "people.search": "users: by the beginning of a name",
    "sessions.lock": "sessions: by its id, which a token names",
    "sessions.ended_since": "access_tokens, sessions: what has ended of late on the shard",
    "access_tokens.use": "access_tokens: by its digest, before anybody knows whose it is",
    "accounts.by_username": "users: by name",
    "profiles.id_of": "users: by name",
    "blocks.lock_conversation": "conversations: by the pair, likewise",
    "lifecycle.companions": "conversation_participants: those of a user, by an index of their own",
    "lifecycle.rename": "users: whether the name is somebody else's",
    "lifecycle.taken": "username_history, users: by name",
    "conversations.audience": "message_hides: who of a conversation, by an index of its own",
    "messages.number_change": "message_hides: the same",
    "messages.number_changes": "message_hides: the same",
    "conversations.find_direct": "conversations: by the pair, before anybody knows the id",
    "groups.refer_to_picture": "media_refs: those of a group, by an index of their own",
    "profile_changes.refer_to_picture": "media_refs: those of a user, likewise",
    "topics.refer_to_icon": "media_refs: those of a topic, likewise",
    "invites.find": "conversation_invites: by its digest, before anybody knows whose it is",
    "comments.lock": "posts: by its id, before anybody knows whose it is",
    "stories.lock": "stories: by its id, before anybody knows whose it is",
    "comments.about": "posts: that of a comment",
    "comments.named": "users: by name",
    "notifications.announce_later": "follows: those of others, on every shard",
    "notifications.announce": "follows: the same",
    "notifications.announcement": "posts: of what is to be told on the shard",
    "comments.post_of": "comments: by its id, when nobody knows the post",
    "comments.post_author": "posts: the same",
    "comments.stream": "posts: the same",
    "reactions.mine": "reactions: what a user has reacted to, by an index of their own",
    "watches.viewers": "follows: blocks by whom they are of, on the shards of those",
    "trace.find": "messages: by its id, when an operator knows no more",
    "conversations.cursors": "conversation_participants: those of a user, by an index of their own",
    "conversations.page": "conversation_participants: the same",
    "conversations.pinned": "conversation_participants: the same",
    "preferences.pinned_count": "conversation_participants: the same",
    "receipts.unread": "conversation_participants: the same",
    "receipts.beyond": "conversation_participants: the same",
    "moderation.set_role": "users: by name",
    "moderation.queue": "reports: what is pending on any shard",
    "moderation.appeals": "reports: the same",
    "moderation.of": "reports: of a subject, by whomever on any shard",
    "moderation.decide": "reports: the same",
    "moderation.decide_appeal": "reports: the same",
    "moderation.suspend": "reports: against a user, by whomever on any shard",
    "moderation.suspension": "reports: the same",
    "moderation.appeal": "reports: by its id, from whom it is against",
    "moderation.appealed": "reports: the same",
    "moderation.show_comment": "comments: by its id, when nobody knows the post",
    "reports.see_comment": "comments: by its id, when nobody knows the post",
    "reports.see_story": "stories: by its id, before anybody knows whose it is",
    "post_changes.lock": "reports: whether staff have removed it, by whomever on any shard",
    "post_changes.deleted": "reports: the same",
    "post_people.lock": "posts: by its id, before anybody knows whose it is",
    "post_people.how_far": "posts: by its id, whosever it is",
    "post_people.nearby": "posts: around a place, on every shard",
    "posts.of_user": "post_coauthors: what a user has done elsewhere",
    "feed.older": "post_coauthors: the same of whom one follows",
    "feed.newer": "post_coauthors: the same",
    "feed.recent": "posts: what was published a moment ago, on every shard",
    "topics.seen": "post_topics: the posts of a topic, on every shard",
    "topics.complete": "post_topics: the same",
    "topics.posts": "post_topics: the same",
    "topics.states": "post_topics: the same",
    "trending.candidates": "posts: what was said of late, on every shard",
    "trending.weigh": "post_topics: the posts of a topic, on every shard",
    "mentioning.page": "post_mentions: by whom they name, on the shards of the posts",
    "posts.set_mentions": "users: by name",
    # Workers: each shard would have its own, over all that is on it.
    "counters.fold": (
        "comments, conversations, poll_options, posts, stories, users: what is pending on the shard"
    ),
    "counters.compare": "post_analytics, posts: all of a shard",
    "messages.delete": "media_refs, message_mentions: what it has used and named, on their shards",
    "expiry.due": "messages: what is due on the shard",
    "archive.messages": "membership_intervals: those of a user, by an index of their own",
    "archive.message_edits": "membership_intervals: the same",
    "archive.message_reactions": "membership_intervals: the same",
    "archive.followers": "follows: those of others, on every shard",
    "archive.follow_requests": "follow_requests: the same",
    "archive.coauthored": "post_coauthors: what a user has done elsewhere",
    "archive.post_mentions": "post_mentions: where others have named a user",
    "archive.shares": "post_shares: what a user has done elsewhere",
    "archive.votes": "poll_votes: what a user has done elsewhere",
    "archive.reactions": "reactions: what a user has done elsewhere",
    "archive.comments": "comments: what a user has done elsewhere",
    "archive.comment_likes": "comment_likes: what a user has done elsewhere",
    "archive.decisions": "reports: against a user, by whomever on any shard",
    "exports.next": "account_exports: what waits on the shard",
    "processing.take": "media_objects: what waits on the shard",
    "exports.finish": "account_exports: the same",
    "exports.expired": "account_exports: what is due on the shard",
    "erasure.due": "account_deletions: what is due on the shard",
    "erasure.followers": "follows: those of others, on every shard",
    "erasure.blocked_by": "follows: those of others, on every shard",
    "erasure.asked_to_follow": "follow_requests: those of others, on every shard",
    "erasure.reactions": "reactions: what a user has done elsewhere",
    "erasure.liked": "comment_likes, comments: what a user has done elsewhere",
    "erasure.poll_votes": "poll_votes: what a user has done elsewhere",
    "erasure.post_mentions": "post_mentions: where others have named a user",
    "erasure.post_coauthors": "post_coauthors: what a user has done elsewhere",
    "erasure.post_shares": "post_shares: what a user has done elsewhere",
    "erasure.caused_notifications": "notifications: those of others, on every shard",
    "erasure.commented": "comments: what a user has done elsewhere",
    "erasure.audiences": "posts: whether any is still for it",
    "erasure.owned": "conversation_participants: the groups of a user",
    "erasure.belongings": "audience_members, conversation_bans: where others have put a user",
    "purge.posts": "media_refs, posts: what is due on the shard, and what it used",
    "purge.deleted_comments": "comments: what is due on the shard",
    "purge.comments": "comments, media_refs: those just found, by their ids",
    "purge.deleted_stories": "media_refs, stories: what is due on the shard, and what it used",
    "purge.expired_stories": "stories, story_highlight_items: what is due on the shard",
    "purge.stories": "media_refs, stories, story_highlight_items: those just found, by their ids",
    "media_urls.visible": (
        "comments, stories, story_highlights, users: by what shows it, wherever that is"
    ),
    "media_urls.fetch": "media_objects: by its id, which a signed URL names",
    "blobs.again": "media_objects: whether there is one again, by its id",
    "media_check.of": "media_objects: those whose files were found, by their ids",
    "media_check.page": "media_objects: all, on every shard",
    "purge.expired_uploads": "media_objects: what is due on the shard",
    "purge.unused_media": "media_objects: the same",
    "purge.unused": "media_objects: those just found, by their ids",
    "purge.deleted_media": (
        "comments, media_objects, stories, story_highlights: what is due on the shard; "
        "who uses it may be on any other"
    ),
    "purge.media": "media_objects: those just found, by their ids",
    "purge.sessions": "sessions: what is due on the shard",
    "purge.access_tokens": "access_tokens: what is due on the shard",
    "purge.account_tokens": "account_tokens: what is due on the shard",
    "emails.owner": "users: by address, before anybody knows the id",
    "emails.by_address": "users: by address",
    "keys.count": "account_tokens, devices, mails, user_totp, users: all of a shard",
    "keys.emails_from": "users: all of a shard, batch by batch",
    "keys.push_tokens_from": "devices: all of a shard, batch by batch",
    "keys.push_tokens_to": "devices: those just found, by their ids",
    "keys.secrets_from": "user_totp: all of a shard, batch by batch",
    "keys.pending_from": "account_tokens: all of a shard, batch by batch",
    "keys.pending_to": "account_tokens: those just found, by their ids",
    "keys.recipients_from": "mails: all of a shard, batch by batch",
    "keys.recipients_to": "mails: those just found, by their ids",
    "keys.bodies_from": "mails: all of a shard, batch by batch",
    "keys.bodies_to": "mails: those just found, by their ids",
    "mails.take": "mails: what is due on the shard",
    "purge.scheduled_messages": "scheduled_messages: what is due on the shard",
    "purge.post_drafts": "post_drafts: what is due on the shard",
    "purge.mails": "mails: what is due on the shard",
    "purge.username_history": "username_history: what is due on the shard",
    "purge.notifications": "notifications: what is due on the shard",
    "notifications.look_at_post": "notification_causes, notifications: of whoever is told of it",
    "notifications.look_at_comment": "notification_causes, notifications: the same",
    "notifications.look_at_story": "notifications: the same",
    "notifications.due": "notification_causes: what is due on the shard",
    "notifications.orphans": "notification_causes: the same",
    "message_notifications.look": "message_mentions: whom these name, on their shards",
    "message_notifications.look_at_deleted": "notifications: of whoever was told of it",
    "purge.user_events": "user_events: what is due on the shard",
    "purge.message_edits": "message_edits: what is due on the shard",
}


def without_key(name: str, text: str) -> list[str]:
    """The sharded tables that a block of the statement touches without their key."""
    return sorted(
        {
            table
            for block in blocks(parse(name, text))
            for table in block.tables
            if table in SHARD_BY and SHARD_BY[table] not in block.by
        }
    )


def test_statements_carry_their_shard_key() -> None:
    found = {q.name: without_key(q.name, q.text) for q in ALL if without_key(q.name, q.text)}
    unnamed = {name: tables for name, tables in found.items() if name not in EXCEPTIONS}
    assert unnamed == {}
    assert sorted(found) == sorted(EXCEPTIONS), "an exception that is none any more"


def test_each_exception_says_the_tables_it_is_for() -> None:
    for name, why in EXCEPTIONS.items():
        (query,) = [query for query in ALL if query.name == name]
        said = why.partition(":")[0].split(", ")
        assert sorted(said) == without_key(name, query.text)


def test_a_statement_without_its_key_is_found() -> None:
    missing = {
        "select 1 from messages where message_id = $1": ["messages"],
        "select 1 from messages where conversation_id > $1": ["messages"],
        "update posts set caption = '' where post_id = $1": ["posts"],
        "delete from follows f using users u where u.user_id = $1": ["follows"],
        "with m as (select 1 from messages) select 1 from m where seq = $1": ["messages"],
        "select 1 from users where user_id = $1 and exists (select from posts where post_id = $2)":
            ["posts"],
        "select 1 from message_states s where s.seq = $1": ["message_states"],
        "insert into receipts (user_id) values ($1)": ["receipts"],
    }  # fmt: skip
    for text, tables_ in missing.items():
        assert without_key("t.t", text) == tables_, text


def test_a_statement_with_its_key_is_not() -> None:
    for text in (
        "select 1 from messages m where m.conversation_id = $1 and seq > 5",
        "select 1 from messages where conversation_id = any($1::uuid[])",
        "select 1 from messages where (conversation_id, seq) = ($1, $2)",
        "select 1 from conversation_participants p join conversations c using (conversation_id)",
        "insert into receipts (conversation_id, user_id) values ($1, $2)",
        "with m as (select 1) select 1 from m",
    ):
        assert without_key("t.t", text) == [], text
