-- For each index that is not unique, under its name, the query that it is for. Where no statement of sql/ asks
-- it yet, it is what the comment on the index says, as the seed or the design wants it.

-- name: devices_of_user
select device_id, name from devices where user_id = :user_id;
-- name: sessions_of_user
select session_id, last_seen_at from sessions where user_id = :user_id and revoked_at is null;
-- name: sessions_ended_of_user
delete from sessions where user_id = :user_id and revoked_at is not null;
-- name: scheduled_messages_sent_of_user
delete from scheduled_messages where user_id = :user_id and sent_at is not null;
-- name: sessions_of_device
update sessions set device_id = null where device_id = :id;
-- name: sessions_expired
delete from sessions where session_id in (select session_id from sessions where expires_at < :before order by expires_at limit :limit);
-- name: sessions_revoked
select session_id from sessions where revoked_at < :before order by revoked_at limit :limit;
-- name: access_tokens_revoked
select user_id, token_id from access_tokens where revoked_at > now() - interval '30 seconds';
-- name: access_tokens_of_user
select token_id, name from access_tokens where user_id = :user_id;
-- name: account_tokens_of_user
update account_tokens set used_at = now() where user_id = :user_id and purpose = 'reset_password';
-- name: account_tokens_expired
select token_digest from account_tokens where expires_at < :before order by expires_at limit :limit;
-- name: mails_due
select mail_id from mails where sent_at is null and failed_at is null and next_try_at <= now() order by next_try_at limit :limit;
-- name: mails_of_user
select count(*) from mails where user_id = :user_id and created_at > :before;
-- name: mails_over
select mail_id from mails where coalesce(sent_at, failed_at) < :before order by coalesce(sent_at, failed_at) limit :limit;
-- name: username_history_of_user
select username_key from username_history where user_id = :user_id;
-- name: username_history_held
select username_key from username_history where held_until < :before order by held_until limit :limit;
-- name: account_deletions_due
select user_id from account_deletions where purge_after < :before and purged_at is null order by purge_after limit :limit;
-- name: account_exports_of_user
select export_id, status from account_exports where user_id = :user_id order by created_at desc limit :limit;
-- name: account_exports_open
select export_id from account_exports where status = 'pending' order by created_at limit 1;
-- name: account_exports_kept
select export_id from account_exports where storage_key is not null and expires_at <= :before order by expires_at limit 1;

-- name: media_objects_of_user
select media_id, bytes from media_objects where user_id = :user_id and not is_deleted;
-- name: media_objects_unfinished
select media_id from media_objects where status in ('uploading', 'processing') order by updated_at limit 1;
-- name: media_objects_open
select media_id from media_objects where user_id = :user_id and status = 'uploading' order by expires_at limit :limit;
-- name: media_objects_expiring
select media_id from media_objects where status = 'uploading' and expires_at < :before order by expires_at limit :limit;
-- name: media_objects_unused
select media_id from media_objects where unused_since < :before order by unused_since limit :limit;
-- name: media_objects_waiting
select media_id from media_objects
where status in ('uploaded', 'processing') and not is_deleted and (leased_until is null or leased_until <= now())
order by leased_until nulls first, updated_at limit 1;
-- name: media_objects_deleted
select media_id from media_objects where is_deleted and deleted_at < :before order by deleted_at limit :limit;
-- name: media_refs_of_subject
delete from media_refs where subject_type = 'post' and subject_id = :post_id;
-- name: users_by_avatar
update users set avatar_media_id = null where avatar_media_id = :media_id;

-- name: follows_of_user
select following_id from follows where follower_id = :user_id and connection_type <> 'blocked'
order by created_at desc limit :limit;
-- name: follows_to_user
select follower_id from follows where following_id = :user_id and connection_type <> 'blocked'
order by created_at desc limit :limit;
-- name: follows_blocks_of_user
select following_id from follows where follower_id = :user_id and connection_type = 'blocked'
order by created_at desc limit 20;
-- name: follows_blocks_to_user
select follower_id from follows where following_id = :user_id and connection_type = 'blocked';
-- name: follow_requests_to_user
select follower_id from follow_requests where following_id = :user_id order by created_at desc limit :limit;
-- name: audience_members_by_user
select audience_id from audience_members where user_id = :user_id;

-- name: posts_of_author
select post_id, caption from posts where user_id = :user_id and not is_deleted and post_id < :post_id
order by post_id desc limit :limit;
-- name: posts_archived_of_author
select post_id from posts where user_id = :user_id and is_archived and not is_deleted order by post_id desc limit :limit;
-- name: posts_deleted_of_author
select post_id from posts where user_id = :user_id and is_deleted order by post_id desc limit :limit;
-- name: post_drafts_published
select draft_id from post_drafts where published_at < :before order by published_at limit :limit;
-- name: posts_deleted
select post_id from posts where is_deleted and deleted_at < :before order by deleted_at limit :limit;
-- name: posts_nearby
select post_id from posts
where latitude between :south and :north and longitude between :west and :east
  and latitude is not null and visibility = 'public' and not is_deleted
order by post_id desc limit :limit;
-- name: posts_of_audience
select exists (select from posts where audience_id = :id);
-- name: post_drafts_of_user
select draft_id, body from post_drafts where user_id = :user_id order by draft_id desc limit :limit;
-- name: post_drafts_due
select draft_id from post_drafts where publish_at < :before order by publish_at limit :limit;
-- name: post_coauthors_by_user
select post_id from post_coauthors where user_id = :user_id and status = 'accepted' order by post_id desc limit :limit;
-- name: post_mentions_by_user
select post_id from post_mentions where user_id = :user_id order by post_id desc limit :limit;
-- name: post_shares_of_post
select user_id, via from post_shares where post_id = :post_id order by created_at desc limit :limit;
-- name: post_shares_by_user
select post_id from post_shares where user_id = :user_id and via = 'repost' order by share_id desc limit :limit;
-- name: poll_votes_by_user
select post_id, option_no from poll_votes where user_id = :user_id;
-- name: poll_votes_of_option
select user_id from poll_votes where post_id = :poll_id and option_no = 1 order by created_at desc limit :limit;

-- name: reactions_of_post
select user_id, reaction_type from reactions where post_id = :post_id order by created_at desc, user_id limit :limit;
-- name: reactions_by_user
select post_id, reaction_type from reactions where user_id = :user_id order by created_at desc limit :limit;
-- name: reactions_of_mood
select user_id from reactions where post_id = :post_id and reaction_type = 'curious'
order by created_at desc, user_id limit :limit;
-- name: comments_pinned
select comment_id from comments where post_id = :post_id and pinned_at is not null order by pinned_at desc;
-- name: comments_of_post
select comment_id from comments where post_id = :post_id and parent_comment_id is null
order by created_at desc, comment_id limit :limit;
-- name: comments_liked
select comment_id from comments where post_id = :post_id and parent_comment_id is null
order by like_count desc, comment_id limit :limit;
-- name: comments_replies
select comment_id from comments where post_id = :post_id and parent_comment_id = :parent_comment_id
order by created_at, comment_id limit :limit;
-- name: comments_by_user
select comment_id from comments where user_id = :user_id order by created_at desc limit :limit;
-- name: comments_deleted
select comment_id from comments where is_deleted and deleted_at < :before order by deleted_at limit :limit;
-- name: comments_by_media
select exists (select from comments where media_id = :media_id);
-- name: comment_likes_by_user
select comment_id from comment_likes where user_id = :user_id order by created_at desc limit :limit;

-- name: stories_of_author
select story_id from stories where user_id = :user_id and not is_deleted and expires_at > :before order by expires_at desc;
-- name: stories_expired
select story_id from stories where expires_at < :before order by expires_at limit :limit;
-- name: stories_deleted
select story_id from stories where is_deleted and deleted_at < :before order by deleted_at limit :limit;
-- name: stories_by_media
select exists (select from stories where media_id = :media_id);
-- name: story_views_of_story
select user_id from story_views where story_id = :story_id order by created_at desc, user_id limit :limit;
-- name: story_highlights_of_user
select highlight_id, title from story_highlights where user_id = :user_id order by highlight_id;
-- name: story_highlights_by_cover
select exists (select from story_highlights where cover_media_id = :media_id);
-- name: story_highlight_items_by_story
select exists (select from story_highlight_items where story_id = :story_id);

-- name: topics_featured
select topic_id, display_name from topics where is_featured;
-- name: topics_trending
select topic_id, display_name from topics where is_trending;
-- name: topics_by_prefix
select topic_id, display_name from topics where topic_name ~>=~ :prefix and topic_name ~<~ :past_prefix limit :limit;
-- name: topics_by_icon
select exists (select from topics where icon_media_id = :media_id);
-- name: post_topics_of_topic
select post_id from post_topics where topic_id = :topic_id and post_id < :post_id order by post_id desc limit :limit;
-- name: post_topics_recent
select topic_id, count(*) from post_topics where created_at > :recently group by topic_id;
-- name: topic_follows_of_topic
select user_id from topic_follows where topic_id = :topic_id;
-- name: bookmarks_of_user
select post_id from bookmarks where user_id = :user_id order by created_at desc, post_id limit :limit;
-- name: bookmarks_of_collection
select post_id from bookmarks where user_id = :user_id and collection_id = :collection_id
order by created_at desc limit :limit;
-- name: bookmarks_of_post
delete from bookmarks where post_id = :post_id;

-- name: conversations_by_picture
update conversations set picture_media_id = null where picture_media_id = :media_id;
-- name: conversation_participants_by_activity
select conversation_id from conversation_participants where user_id = :user_id order by active_day desc limit :limit;
-- name: conversation_participants_pinned
select conversation_id from conversation_participants where user_id = :user_id and pinned_at is not null
order by pinned_at desc;
-- name: conversation_participants_by_inviter
update conversation_participants set invited_by = null where invited_by = :user_id;
-- name: receipts_by_user
select conversation_id, delivered_seq, read_seq from receipts where user_id = :user_id;
-- name: membership_intervals_by_user
select conversation_id, from_seq, to_seq from membership_intervals where user_id = :user_id;
-- name: conversation_bans_newest
select user_id from conversation_bans where conversation_id = :conversation_id order by created_at desc, user_id desc limit :limit;
-- name: conversation_bans_by_user
delete from conversation_bans where user_id = :user_id;
-- name: conversation_bans_by_admin
update conversation_bans set banned_by = null where banned_by = :id;
-- name: conversation_invites_of_conversation
select invite_id, expires_at from conversation_invites where conversation_id = :conversation_id;
-- name: messages_unread_expiring
select seq from messages
where conversation_id = :conversation_id and seq <= :seq and expires_after_s is not null and expires_at is null
  and not is_deleted;

-- name: messages_expiring
select conversation_id, seq from messages where expires_at < :before and not is_deleted order by expires_at limit :limit;
-- name: message_edits_old
select conversation_id, seq, rev from message_edits where edited_at < :long_ago;
-- name: message_hides_of_message
delete from message_hides where conversation_id = :conversation_id and seq = :seq;
-- name: message_mentions_of_message
select user_id from message_mentions where conversation_id = :conversation_id and seq = :seq;
-- name: scheduled_messages_of_user
select message_id, send_at from scheduled_messages
where user_id = :user_id and conversation_id = :conversation_id and sent_at is null order by send_at;
-- name: scheduled_messages_sent
select message_id from scheduled_messages where sent_at < :before order by sent_at limit :limit;
-- name: scheduled_messages_due
select message_id from scheduled_messages where send_at < :before and sent_at is null and error is null
order by send_at limit :limit;

-- name: notification_groups_of_user
select group_key, actor_count from notification_groups where user_id = :user_id order by updated_at desc limit :limit;
-- name: notification_groups_unread
select count(*) from notification_groups where user_id = :user_id and not is_read;
-- name: notifications_of_group
select actor_id from notifications where user_id = :user_id and group_key = :group_key
order by notification_id desc limit :limit;
-- name: notifications_old
select user_id, notification_id from notifications where created_at < :long_ago;
-- name: notifications_of_actor
delete from notifications where actor_id = :other_id;
-- name: notifications_of_post
delete from notifications where post_id = :post_id;
-- name: notifications_of_comment
delete from notifications where comment_id = :comment_id;
-- name: notifications_of_conversation
delete from notifications where user_id = :user_id and conversation_id = :conversation_id;
-- name: notifications_of_story
delete from notifications where story_id = :story_id;
-- name: reports_pending
select report_id from reports where status = 'pending' order by created_at limit :limit;
-- name: reports_of_subject
select reason, status from reports where reported_type = 'post' and reported_id = :post_id;
-- name: reports_of_owner
select report_id from reports where owner_id = :user_id order by reviewed_at desc limit :limit;
-- name: reports_appealed
select report_id from reports where status = 'appealed' order by appealed_at limit :limit;
-- name: users_suspended
select user_id from users where suspended_at > now() - interval '30 seconds';
-- name: reports_by_reviewer
select report_id from reports where reviewed_by = :user_id order by reviewed_at desc limit :limit;

-- name: outbox_by_xid
select outbox_id from outbox where xid >= :xid::xid8 order by xid, outbox_id limit :limit;
-- name: user_events_old
select user_id, rev from user_events where created_at < :long_ago;
-- name: counter_deltas_of_subject
select counter, part, sum(delta) from counter_deltas where subject_id = :post_id group by counter, part;
-- name: audit_log_of_row
select at, op, changes from audit_log where table_name = 'posts' and row_key = :row_key order by at desc limit :limit;
-- name: audit_log_of_actor
select at, table_name, op from audit_log where actor_id = :user_id order by at desc limit :limit;
-- name: messages_words
select seq from messages where search_words(content) @@ to_tsquery('simple', 'mesu');
-- name: messages_by_time
select seq from messages where conversation_id = :conversation_id and created_at >= ms_begins(:after_ms::bigint);
-- name: users_by_prefix
select user_id from users where username_key ~>=~ :prefix and username_key ~<~ :past_prefix and is_active limit :limit;

-- name: notification_groups_newest
select group_key from notification_groups where user_id = :user_id order by to_ms(news_at) desc, group_key desc limit :limit;
-- name: notifications_of_group_actor
select 1 from notifications where user_id = :user_id and group_key = :group_key and actor_id = :other_id;
-- name: notification_causes_due
select user_id from notification_causes where due_at <= :long_ago order by due_at limit :limit;
-- name: notification_causes_of_post
select user_id, group_key from notification_causes where post_id = :post_id and kind = 'add';
-- name: notification_causes_of_comment
select user_id, group_key from notification_causes where comment_id = :comment_id and kind = 'add';
-- name: follows_to_tell
select follower_id from follows where following_id = :user_id and notify_on_post and connection_type <> 'blocked'
order by follower_id limit :limit;
-- name: notification_causes_of_group
select cause_id from notification_causes where user_id = :user_id and group_key = :group_key order by cause_id limit :limit;
