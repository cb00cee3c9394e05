-- What is done with a deleted account when its time is over: batches of what there may be much of, until there is none,
-- then the rest, and the account itself. Whoever does it holds the row of account_deletions.

-- name: due
-- One that nobody else is erasing.
select user_id from account_deletions where purge_after < :before and purged_at is null
order by purge_after limit 1 for update skip locked;

-- name: follows
with removed as (
    delete from follows where follower_id = :user_id
      and ctid = any(array(select ctid from follows where follower_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: followers
with removed as (
    delete from follows where following_id = :user_id and connection_type <> 'blocked'
      and ctid = any(array(select ctid from follows where following_id = :user_id and connection_type <> 'blocked' limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: blocked_by
with removed as (
    delete from follows where following_id = :user_id and connection_type = 'blocked'
      and ctid = any(array(select ctid from follows where following_id = :user_id and connection_type = 'blocked' limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: follow_requests
with removed as (
    delete from follow_requests where follower_id = :user_id
      and ctid = any(array(select ctid from follow_requests where follower_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: asked_to_follow
with removed as (
    delete from follow_requests where following_id = :user_id
      and ctid = any(array(select ctid from follow_requests where following_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: reactions
with removed as (
    delete from reactions where user_id = :user_id
      and ctid = any(array(select ctid from reactions where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: liked
-- Some of the comments that they like, by their posts.
select c.post_id, array_agg(c.comment_id order by c.comment_id) as comment_ids
from (select comment_id from comment_likes where user_id = :user_id limit :batch) l join comments c using (comment_id)
group by c.post_id order by c.post_id;

-- name: comment_likes
-- Under the lock of the post of these comments.
delete from comment_likes where user_id = :user_id and comment_id = any (:comment_ids::uuid[]) returning comment_id;

-- name: bookmarks
with removed as (
    delete from bookmarks where user_id = :user_id
      and ctid = any(array(select ctid from bookmarks where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: topic_follows
with removed as (
    delete from topic_follows where user_id = :user_id
      and ctid = any(array(select ctid from topic_follows where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: poll_votes
with removed as (
    delete from poll_votes where user_id = :user_id
      and ctid = any(array(select ctid from poll_votes where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: post_mentions
with removed as (
    delete from post_mentions where user_id = :user_id
      and ctid = any(array(select ctid from post_mentions where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: post_coauthors
with removed as (
    delete from post_coauthors where user_id = :user_id
      and ctid = any(array(select ctid from post_coauthors where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: post_shares
with removed as (
    delete from post_shares where user_id = :user_id
      and ctid = any(array(select ctid from post_shares where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: message_hides
with removed as (
    delete from message_hides where user_id = :user_id
      and ctid = any(array(select ctid from message_hides where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: message_mentions
with removed as (
    delete from message_mentions where user_id = :user_id
      and ctid = any(array(select ctid from message_mentions where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: notifications
with removed as (
    delete from notifications where user_id = :user_id
      and ctid = any(array(select ctid from notifications where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: caused_notifications
with removed as (
    delete from notifications where actor_id = :user_id
      and ctid = any(array(select ctid from notifications where actor_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: notification_groups
with removed as (
    delete from notification_groups where user_id = :user_id
      and ctid = any(array(select ctid from notification_groups where user_id = :user_id limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: notification_preferences
with removed as (
    delete from notification_preferences where user_id = :user_id returning 1
)
select count(*) as removed from removed where :batch > 0;

-- name: op_keys
with removed as (
    delete from op_keys where user_id = :user_id
      and (user_id, op_id) in (select user_id, op_id from op_keys where user_id = :user_id limit :batch)
    returning 1
)
select count(*) as removed from removed;

-- name: user_events
with removed as (
    delete from user_events where user_id = :user_id
      and (user_id, rev) in (select user_id, rev from user_events where user_id = :user_id limit :batch)
    returning 1
)
select count(*) as removed from removed;

-- name: posts
-- What they said goes at once; the rows, with all that hangs on them, go with other deleted posts.
with removed as (
    update posts set is_deleted = true, deleted_at = now(), caption = null, visibility = 'private', audience_id = null,
           location_name = null, latitude = null, longitude = null
    where user_id = :user_id and post_id = any(array(
        select post_id from posts where user_id = :user_id and not is_deleted limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: commented
-- Posts on which something that they said is left.
select distinct post_id from (
    select post_id from comments where user_id = :user_id and content <> '' limit :batch) c
order by post_id;

-- name: comments
-- Of a post, under its lock: what there was to be seen, is numbered.
with theirs as materialized (
    select comment_id, parent_comment_id, is_deleted from comments
    where post_id = :post_id and user_id = :user_id and content <> '' limit :batch
), removed as (
    update comments c set is_deleted = true, deleted_at = coalesce(c.deleted_at, now()), content = ''
    from theirs t where c.post_id = :post_id and c.comment_id = t.comment_id
)
select comment_id, parent_comment_id from theirs where not is_deleted;

-- name: stories
with removed as (
    update stories set is_deleted = true, deleted_at = now(), stickers = '[]'
    where user_id = :user_id and ctid = any(array(
        select ctid from stories where user_id = :user_id and not is_deleted limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: media
-- But those of messages and groups, which stay.
with removed as (
    update media_objects set is_deleted = true, deleted_at = now()
    where user_id = :user_id and ctid = any(array(
        select ctid from media_objects m where user_id = :user_id and not is_deleted
          and not exists (select from media_refs r where r.media_id = m.media_id and r.subject_type in ('message', 'conversation'))
        limit :batch))
    returning 1
)
select count(*) as removed from removed;

-- name: owned
-- Groups that the user owns.
select conversation_id from conversation_participants
where user_id = :user_id and role = 'owner'
order by conversation_id limit :batch;

-- name: step_down
-- Under the lock of the group. No row when it was so already.
update conversation_participants set role = 'member', updated_at = now()
where conversation_id = :conversation_id and user_id = :user_id and role = 'owner'
returning user_id;

-- name: belongings
-- Of which one user has few.
with sessions as (delete from sessions where user_id = :user_id and revoked_at is null),
     ended as (delete from sessions where user_id = :user_id and revoked_at is not null),
     devices as (delete from devices where user_id = :user_id),
     bots as (delete from access_tokens where user_id = :user_id),
     mailed as (delete from account_tokens where user_id = :user_id),
     mails as (delete from mails where user_id = :user_id),
     totp as (delete from user_totp where user_id = :user_id),
     codes as (delete from recovery_codes where user_id = :user_id),
     names as (delete from username_history where user_id = :user_id),
     drafts as (delete from conversation_drafts where user_id = :user_id),
     later as (delete from scheduled_messages where user_id = :user_id and sent_at is null),
     sent as (delete from scheduled_messages where user_id = :user_id and sent_at is not null),
     posts_to_come as (delete from post_drafts where user_id = :user_id),
     muted as (delete from mutes where user_id = :user_id),
     bans as (delete from conversation_bans where user_id = :user_id),
     in_audiences as (delete from audience_members where user_id = :user_id),
     collections as (delete from bookmark_collections where user_id = :user_id),
     highlights as (delete from story_highlights where user_id = :user_id),
     settings as (delete from user_settings where user_id = :user_id),
     exports as (
         update account_exports set status = case status when 'ready' then status else 'gone' end, expires_at = now()
         where user_id = :user_id and status in ('pending', 'ready')
     )
update user_streams set purged_rev = last_rev where user_id = :user_id;

-- name: audiences
-- The user's own posts refer to none by now.
delete from audiences a where a.user_id = :user_id
  and not exists (select from posts p where p.audience_id = a.audience_id);

-- name: settings
-- As they are for everybody at first.
insert into user_settings (user_id) values (:user_id) on conflict do nothing;

-- name: account
-- The key has a character that no name can have, so nobody has it already.
with erased as (
    update account_deletions set purged_at = now(), reason = null where user_id = :user_id
)
update users set username = 'deleted_' || right(replace(user_id::text, '-', ''), 12), username_key = 'deleted:' || user_id,
       password_hash = '!', full_name = null, bio = null, avatar_media_id = null, email = null, email_index = null,
       email_verified_at = null, is_private = false, is_verified = false, account_type = 'personal', staff_role = null,
       last_login_at = null, username_changed_at = null, is_active = false, deleted_at = coalesce(deleted_at, now()), erased_at = now()
where user_id = :user_id
returning username;
