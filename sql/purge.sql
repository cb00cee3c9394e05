-- What is removed for good. Each statement takes one batch, passes by what others have locked, and returns how
-- many rows of its table it has removed. Their children go by cascade.

-- name: clock
-- The database's: a node whose clock is ahead must not remove what is not due.
select now() as now;

-- name: patiently
-- A post may have a million reactions, which go with it.
set local statement_timeout = '10min';

-- name: posts
with gone as materialized (
    select post_id from posts where is_deleted and deleted_at < :before
    order by deleted_at limit :batch for update skip locked
), released as (
    delete from media_refs where subject_type = 'post' and subject_id = any (array(select post_id from gone))
), released_by_comments as (
    delete from media_refs where subject_type = 'comment'
      and subject_id = any (array(select comment_id from comments join gone using (post_id) where media_id is not null))
), removed as (
    -- As an array the ids choose their months; joined, every month would be read.
    delete from posts p where p.post_id = any (array(select post_id from gone)) returning 1
)
select count(*) as removed from removed;

-- name: deleted_comments
-- Locks those that may go; `comments` removes them. Without replies only: a tombstone stays until the last of
-- those below it is gone. Whoever is replying has locked the comment too (by the foreign key), so it is
-- passed by; a reply of since this began, a later statement sees.
select comment_id from comments c
where is_deleted and deleted_at < :before
  and not exists (select from comments r where r.post_id = c.post_id and r.parent_comment_id = c.comment_id)
order by deleted_at limit :batch for update skip locked;

-- name: comments
-- Of those that this transaction has locked.
with gone as materialized (
    select comment_id from comments c where comment_id = any(:found::uuid[])
      and not exists (select from comments r where r.post_id = c.post_id and r.parent_comment_id = c.comment_id)
), released as (
    delete from media_refs where subject_type = 'comment' and subject_id in (select comment_id from gone)
), removed as (
    delete from comments c using gone g where c.comment_id = g.comment_id returning 1
)
select count(*) as removed from removed;

-- name: deleted_stories
with gone as materialized (
    select story_id from stories where is_deleted and deleted_at < :before
    order by deleted_at limit :batch for update skip locked
), released as (
    delete from media_refs where subject_type = 'story' and subject_id in (select story_id from gone)
), removed as (
    delete from stories s using gone g where s.story_id = g.story_id returning 1
)
select count(*) as removed from removed;

-- name: expired_stories
-- Locks those that may go; `stories` removes them. Whoever is putting one into a highlight has locked it too
-- (by the foreign key), so it is passed by; what was put there since this began, a later statement sees.
select story_id from stories s
where expires_at < :before
  and not exists (select from story_highlight_items i where i.story_id = s.story_id)
order by expires_at limit :batch for update skip locked;

-- name: stories
-- Of those that this transaction has locked.
with gone as materialized (
    select story_id from stories s where story_id = any(:found::uuid[])
      and not exists (select from story_highlight_items i where i.story_id = s.story_id)
), released as (
    delete from media_refs where subject_type = 'story' and subject_id in (select story_id from gone)
), removed as (
    delete from stories s using gone g where s.story_id = g.story_id returning 1
)
select count(*) as removed from removed;

-- name: deleted_media
-- Rows; their bytes are removed afterwards, see blob_removals. Locked first, as comments and stories are; `media` removes
-- them.
select media_id from media_objects m
where is_deleted and deleted_at < :before
  and not exists (select from media_refs r where r.media_id = m.media_id)
  and not exists (select from comments c where c.media_id = m.media_id)
  and not exists (select from stories s where s.media_id = m.media_id)
  and not exists (select from story_highlights h where h.cover_media_id = m.media_id)
  and not exists (select from topics t where t.icon_media_id = m.media_id)
order by deleted_at limit :batch for update skip locked;

-- name: expired_uploads
-- That were not completed in time.
select media_id from media_objects where status = 'uploading' and expires_at < :before
order by expires_at limit :batch for update skip locked;

-- name: unused_media
-- Of which it has to be looked whether something shows them: `unused` removes those that nothing does.
select media_id from media_objects m
where unused_since < :before and status in ('ready', 'failed') and not is_deleted
order by unused_since limit :batch for update skip locked;

-- name: media
-- Of those that this transaction has locked. Foreign keys refuse what is used elsewhere by now.
with removed as (
    delete from media_objects m where media_id = any(:found::uuid[])
      and not exists (select from media_refs r where r.media_id = m.media_id)
    returning 1
)
select count(*) as removed from removed;

-- name: unused
-- Likewise. What has references is looked at again when it loses one; what is used without one, as by a draft, later.
with used as (
    update media_objects m
    set unused_since = case when not exists (select from media_refs r where r.media_id = m.media_id) then now() end
    where media_id = any(:found::uuid[])
      and exists (select from media_in_use(m.media_id, m.user_id))
), removed as (
    delete from media_objects m where media_id = any(:found::uuid[])
      and not exists (select from media_in_use(m.media_id, m.user_id))
    returning 1
)
select count(*) as removed from removed;

-- name: sessions
with gone as materialized (
    select session_id from sessions where expires_at < :before or revoked_at < :before
    limit :batch for update skip locked
), removed as (
    delete from sessions s using gone g where s.session_id = g.session_id returning 1
)
select count(*) as removed from removed;

-- name: access_tokens
with gone as materialized (
    select token_id from access_tokens where revoked_at < :before
    order by revoked_at limit :batch for update skip locked
), removed as (
    delete from access_tokens t using gone g where t.token_id = g.token_id returning 1
)
select count(*) as removed from removed;

-- name: account_tokens
with gone as materialized (
    select token_digest from account_tokens where expires_at < :before
    order by expires_at limit :batch for update skip locked
), removed as (
    delete from account_tokens t using gone g where t.token_digest = g.token_digest returning 1
)
select count(*) as removed from removed;

-- name: username_history
with gone as materialized (
    select username_key, user_id from username_history where held_until < :before
    order by held_until limit :batch for update skip locked
), removed as (
    delete from username_history h using gone g
    where h.username_key = g.username_key and h.user_id = g.user_id returning 1
)
select count(*) as removed from removed;

-- name: notifications
with gone as materialized (
    select user_id, notification_id from notifications where created_at < :before
    limit :batch for update skip locked
), removed as (
    delete from notifications n using gone g
    where n.user_id = g.user_id and n.notification_id = g.notification_id returning 1
)
select count(*) as removed from removed;

-- name: user_events
-- A stream is forgotten from its beginning, under the row lock that numbers it: what is gone and what
-- purged_rev says change together.
with old as materialized (
    select user_id, max(rev) as to_rev
    from (select user_id, rev from user_events where created_at < :before limit :batch) o
    group by user_id
), streams as materialized (
    select s.user_id, o.to_rev from user_streams s join old o using (user_id)
    order by s.user_id for no key update of s skip locked
), raised as (
    update user_streams s set purged_rev = greatest(s.purged_rev, t.to_rev)
    from streams t where s.user_id = t.user_id
), removed as (
    delete from user_events e using streams t where e.user_id = t.user_id and e.rev <= t.to_rev returning 1
)
select count(*) as removed from removed;

-- name: message_edits
with gone as materialized (
    select conversation_id, seq, rev from message_edits where edited_at < :before
    limit :batch for update skip locked
), removed as (
    delete from message_edits e using gone g
    where e.conversation_id = g.conversation_id and e.seq = g.seq and e.rev = g.rev returning 1
)
select count(*) as removed from removed;

-- name: mails
with gone as materialized (
    select mail_id from mails where coalesce(sent_at, failed_at) < :before
    order by coalesce(sent_at, failed_at) limit :batch for update skip locked
), removed as (
    delete from mails m using gone g where m.mail_id = g.mail_id returning 1
)
select count(*) as removed from removed;

-- name: scheduled_messages
-- What was sent; what still waits, or was refused, stays.
with gone as materialized (
    select message_id from scheduled_messages where sent_at < :before
    order by sent_at limit :batch for update skip locked
), removed as (
    delete from scheduled_messages s using gone g where s.message_id = g.message_id returning 1
)
select count(*) as removed from removed;

-- name: post_drafts
-- What was published; what still waits, or was refused, stays.
with gone as materialized (
    select draft_id from post_drafts where published_at < :before
    order by published_at limit :batch for update skip locked
), removed as (
    delete from post_drafts d using gone g where d.draft_id = g.draft_id returning 1
)
select count(*) as removed from removed;
