-- Rows of the tables that `python -m loadtest data` leaves empty, about 4,000 each: enough that reading a
-- table from end to end costs more than an index. For plans only: what they refer to is not always there.
set local session_replication_role = replica;

create temporary table given on commit drop as
with people as (select user_id, row_number() over (order by user_id) - 1 as n, count(*) over () as all_of_them from users),
     talks as (select conversation_id, row_number() over (order by conversation_id) - 1 as n, count(*) over () as all_of_them
               from conversations),
     tales as (select story_id, row_number() over (order by story_id) - 1 as n, count(*) over () as all_of_them from stories),
     said as (select post_id, row_number() over (order by post_id) - 1 as n from posts order by post_id limit 4000)
select said.n, md5(said.n::text)::uuid as id, one.user_id, other.user_id as other_id, conversation_id, story_id, post_id,
       decode(md5('a' || said.n) || md5('b' || said.n), 'hex') as digest, now() - said.n * interval '10 minutes' as at
from said
join people one on one.n = said.n % one.all_of_them
join people other on other.n = (said.n + 1 + said.n / other.all_of_them) % other.all_of_them
join talks on talks.n = said.n % talks.all_of_them
join tales on tales.n = said.n % tales.all_of_them;

insert into devices (device_id, user_id, name, platform, push_token, push_token_index)
select id, user_id, 'phone', 'ios', digest, digest from given;
insert into sessions (session_id, user_id, device_id, created_at, expires_at, revoked_at)
select id, user_id, id, at, at + interval '30 days', case when n % 10 = 0 then at + interval '1 hour' end from given;
insert into refresh_tokens (token_digest, session_id, user_id) select digest, id, user_id from given;
insert into access_tokens (token_id, user_id, name, token_digest) select id, user_id, 'bot', digest from given;
insert into account_tokens (token_digest, user_id, email, purpose, created_at, expires_at)
select digest, user_id, digest, case n / 400 % 3 when 0 then 'verify_email' when 1 then 'change_email' else 'reset_password' end,
       at, at + interval '1 hour' from given;
insert into mails (mail_id, user_id, purpose, recipient, body, created_at, next_try_at, sent_at)
select id, user_id, 'reset_password', case when n % 100 = 0 then digest end, case when n % 100 = 0 then digest end, at, at,
       case when n % 100 > 0 then at end from given;
insert into username_history (username_key, user_id, held_until) select 'former' || n, user_id, at from given;
insert into account_deletions (user_id, purge_after, created_at, purged_at)
select id, at, at, case when n % 50 > 0 then at end from given;
insert into account_exports (export_id, user_id, status, created_at, storage_key, size_bytes, expires_at)
select id, user_id, case when n % 100 < 2 then 'pending' when n % 100 = 2 then 'ready' else 'gone' end, at,
       case when n % 100 in (1, 2) then 'exports/' || n end, case when n % 100 in (1, 2) then 100 end, at + interval '7 days' from given;

insert into media_objects (media_id, user_id, kind, status, content_type, bytes, sha256, is_deleted, deleted_at, updated_at,
                           expires_at, unused_since)
select id, user_id, 'image', case when n % 20 = 1 then 'uploading' else 'ready' end, 'image/webp', 1000, digest,
       n % 20 = 0, case when n % 20 = 0 then at end, at, case when n % 20 = 1 then at end, case when n % 20 < 2 then at end
from given;
insert into blob_removals (storage_key, media_id, created_at) select 'uploads/' || n, id, at from given;
insert into media_refs (media_id, subject_type, subject_id) select id, 'post', post_id from given;
update users u set avatar_media_id = g.id from (select distinct on (user_id) * from given) g where u.user_id = g.user_id and n % 10 = 0;
update conversations c set picture_media_id = g.id
from (select distinct on (conversation_id) * from given) g where c.conversation_id = g.conversation_id and n % 20 = 0;

insert into follow_requests (follower_id, following_id, created_at)
select user_id, other_id, at from given on conflict do nothing;
insert into audiences (audience_id, user_id, name) select id, user_id, 'Close ' || n from given;
insert into audience_members (audience_id, user_id) select id, other_id from given;
update posts p set visibility = 'custom', audience_id = g.id from given g where p.post_id = g.post_id and n % 10 = 0;
update comments c set media_id = g.id, media_type = 'gif'
from given g where c.post_id = g.post_id and n % 20 = 0;

insert into post_drafts (draft_id, user_id, body, publish_at)
select id, user_id, '{}', case when n % 20 = 0 then at end from given;
insert into post_coauthors (post_id, user_id) select post_id, other_id from given;
insert into post_mentions (post_id, user_id) select post_id, other_id from given;
insert into post_shares (share_id, post_id, user_id, via, created_at) select id, post_id, other_id, 'repost', at from given;
insert into polls (post_id, question) select post_id, 'Tea or coffee?' from given where n % 40 = 0;
insert into poll_options (post_id, option_no, label)
select post_id, o, 'Option ' || o from given, generate_series(0, 3) o where n % 40 = 0;
insert into poll_votes (post_id, user_id, option_no, created_at)
select first.post_id, g.other_id, g.n % 4, g.at from given g join given first on first.n = g.n / 40 * 40
on conflict do nothing;

insert into story_highlights (highlight_id, user_id, title, cover_media_id)
select id, user_id, 'Summer', case when n % 20 = 0 then id end from given;
insert into story_highlight_items (highlight_id, story_id) select id, story_id from given where n % 10 = 0;
update stories s set is_deleted = true, deleted_at = g.at
from (select distinct on (story_id) * from given) g where s.story_id = g.story_id and n % 25 = 0;
insert into topics (topic_id, topic_name, display_name, is_featured, is_trending, icon_media_id)
select id, 'subject ' || n, 'Subject ' || n, n % 400 = 1, n % 200 = 1, case when n % 40 = 0 then id end from given;

insert into conversation_invites (invite_id, conversation_id, created_by, code_digest)
select id, conversation_id, user_id, digest from given;
insert into conversation_bans (conversation_id, user_id, banned_by, created_at)
select conversation_id, other_id, user_id, at from given on conflict do nothing;
insert into conversation_drafts (conversation_id, user_id, content)
select conversation_id, user_id, 'so far' from given on conflict do nothing;
insert into scheduled_messages (message_id, conversation_id, user_id, body, send_at, sent_at)
select id, conversation_id, user_id, '{}', at, case when n % 20 > 0 then at end from given;
insert into reports (report_id, reporter_id, reported_type, reported_id, reason, status, reviewed_by, reviewed_at, created_at)
select id, user_id, 'post', post_id, 'spam', case when n % 20 = 0 then 'pending' else 'dismissed' end,
       case when n % 20 > 0 then other_id end, case when n % 20 > 0 then at end, at from given;
update reports set owner_id = coalesce(reviewed_by, reporter_id), decided_in = case when status <> 'pending' then report_id end;
update reports set status = 'appealed', appealed_at = reviewed_at, action = 'suspend', suspended_until = now() + interval '1 day'
where report_id in (select report_id from reports where status = 'dismissed' order by report_id limit 50);
update users set suspended_at = now() - interval '1 hour', suspended_until = now() + interval '1 day'
where user_id in (select user_id from users order by user_id limit 20);

insert into message_hides (conversation_id, seq, user_id)
select conversation_id, seq, sender_id from messages where seq < 20 order by message_id limit 4000 on conflict do nothing;
insert into message_mentions (conversation_id, seq, user_id)
select conversation_id, seq, user_id from message_hides on conflict do nothing;

-- Of old messages, as new as the newest ones.
insert into message_changes (conversation_id, seq, rev)
select conversation_id, m.seq, c.last_rev - 20 + m.seq
from messages m join conversations c using (conversation_id)
where m.seq <= 10 and c.last_rev > 20 order by c.last_seq desc, conversation_id, m.seq limit 4000 on conflict do nothing;

-- Who reads in plan_values.sql may see the busiest conversation.
with reader as (
    select (select conversation_id from conversations order by last_seq desc limit 1) as conversation_id,
           min(user_id::text)::uuid as user_id
    from notifications where group_key is not null
), joined as (
    insert into conversation_participants (conversation_id, user_id) select * from reader on conflict do nothing
)
insert into membership_intervals (conversation_id, user_id, from_seq) select *, 1 from reader
on conflict do nothing;

insert into outbox (xid, node_id, conversation_id, from_rev, to_rev)
select (n + 1)::text::xid8, 'node' || n % 3, conversation_id, 1, 1 from given;
insert into user_events (user_id, rev, event_type, body, created_at)
select user_id, g.n * 10 + r, 'read', '{}', at from given g, generate_series(1, 5) r;
insert into counter_deltas (counter, subject_id, delta) select 'posts.share_count', post_id, 1 from given;
insert into audit_log (actor_id, table_name, op, row_key) select user_id, 'posts', 'update', post_id::text from given;
insert into notification_causes (user_id, group_key, kind, created_at, due_at) select user_id, 'follow', 'remove', at, at from given;
insert into outbox_readers (reader, epoch, xid, outbox_id) values ('notifications', 1, '3900', 1);
