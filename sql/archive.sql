-- What a user has, for the archive of an export: each statement is a file of it, each row a line of JSON with the names
-- of the columns (sql/README.md). Without what was deleted, keys and digests, where files are kept, and whoever
-- complained. tests/workers/test_archive.py accounts for every column that has a user.

-- name: account
-- E-mail is encrypted, and opened by the worker.
select (to_jsonb(u) - '{password_hash,username_key,email,email_index,deleted_at,erased_at,suspended_at}'::text[])::text as line,
       u.email as sealed
from users u where u.user_id = :user_id;

-- name: settings
select (to_jsonb(s) - 'user_id')::text as line from user_settings s where s.user_id = :user_id;

-- name: former_names
select (to_jsonb(h) - 'user_id')::text as line from username_history h where h.user_id = :user_id;

-- name: devices
select (to_jsonb(d) - '{user_id,push_token,push_token_index}'::text[])::text as line
from devices d where d.user_id = :user_id order by d.created_at;

-- name: logins
select (to_jsonb(s) - '{user_id,op_id}'::text[])::text as line
from sessions s where s.user_id = :user_id and s.revoked_at is null order by s.created_at;

-- name: bots
select (to_jsonb(t) - '{user_id,token_digest}'::text[])::text as line
from access_tokens t where t.user_id = :user_id order by t.created_at;

-- name: exports
select (to_jsonb(e) - '{user_id,storage_key}'::text[])::text as line
from account_exports e where e.user_id = :user_id order by e.created_at;

-- name: following
select (to_jsonb(f) - 'follower_id')::text as line
from follows f where f.follower_id = :user_id and f.connection_type <> 'blocked' order by f.created_at;

-- name: followers
select jsonb_build_object('follower_id', f.follower_id, 'created_at', f.created_at)::text as line
from follows f where f.following_id = :user_id and f.connection_type <> 'blocked' order by f.created_at;

-- name: blocked
select jsonb_build_object('user_id', f.following_id, 'created_at', f.created_at)::text as line
from follows f where f.follower_id = :user_id and f.connection_type = 'blocked' order by f.created_at;

-- name: follow_requests
-- In both directions.
select to_jsonb(r)::text as line from follow_requests r where r.follower_id = :user_id
union all
select to_jsonb(r)::text from follow_requests r where r.following_id = :user_id;

-- name: muted
select (to_jsonb(m) - 'user_id')::text as line from mutes m where m.user_id = :user_id;

-- name: audiences
select (to_jsonb(a) - 'user_id' || jsonb_build_object('members', (
           select coalesce(jsonb_agg(m.user_id), '[]') from audience_members m where m.audience_id = a.audience_id)))::text as line
from audiences a where a.user_id = :user_id;

-- name: conversations
-- Those that the user is in.
select (to_jsonb(p) - 'user_id' || jsonb_build_object(
           'conversation_type', c.conversation_type, 'title', c.title,
           'with', case when c.direct_low = p.user_id then c.direct_high else c.direct_low end,
           'read_seq', r.read_seq, 'last_read_at', r.last_read_at))::text as line
from conversation_participants p
cross join lateral (select * from conversations c where c.conversation_id = p.conversation_id offset 0) c
left join receipts r on r.conversation_id = p.conversation_id and r.user_id = :user_id
where p.user_id = :user_id;

-- name: messages
-- The user's own, also in conversations that they have left. What others said is theirs.
select (to_jsonb(m) - '{sender_id,rev,content_digest,is_deleted,deleted_at}'::text[])::text as line
from membership_intervals i
cross join lateral (
    select * from messages m
    where m.conversation_id = i.conversation_id and m.seq >= i.from_seq and m.seq < coalesce(i.to_seq, 9223372036854775807)
      and m.sender_id = :user_id and not m.is_deleted and (m.expires_at is null or m.expires_at > now()) offset 0) m
where i.user_id = :user_id;

-- name: message_edits
-- What these said before.
select to_jsonb(e)::text as line
from membership_intervals i
cross join lateral (
    select e.* from message_edits e
    join messages m on m.conversation_id = i.conversation_id and m.seq = e.seq
    where e.conversation_id = i.conversation_id and e.seq >= i.from_seq and e.seq < coalesce(i.to_seq, 9223372036854775807)
      and m.sender_id = :user_id and not m.is_deleted and (m.expires_at is null or m.expires_at > now()) offset 0) e
where i.user_id = :user_id;

-- name: message_reactions
select (to_jsonb(r) - 'user_id')::text as line
from membership_intervals i
cross join lateral (
    select * from message_reactions r
    where r.conversation_id = i.conversation_id and r.user_id = :user_id
      and r.seq >= i.from_seq and r.seq < coalesce(i.to_seq, 9223372036854775807) offset 0) r
where i.user_id = :user_id;

-- name: message_pins
select (to_jsonb(p) - 'user_id')::text as line
from conversation_participants m
join message_pins p on p.conversation_id = m.conversation_id and p.user_id = m.user_id
where m.user_id = :user_id;

-- name: message_hides
select (to_jsonb(h) - 'user_id')::text as line from message_hides h where h.user_id = :user_id;

-- name: mentions
-- Messages that name the user.
select (to_jsonb(m) - 'user_id')::text as line from message_mentions m where m.user_id = :user_id;

-- name: message_drafts
select (to_jsonb(d) - 'user_id')::text as line from conversation_drafts d where d.user_id = :user_id;

-- name: scheduled_messages
select (to_jsonb(s) - 'user_id')::text as line from scheduled_messages s where s.user_id = :user_id and s.sent_at is null;

-- name: invites
-- That the user has made in groups that they are in.
select (to_jsonb(v) - '{created_by,code_digest}'::text[])::text as line
from conversation_participants p
join conversation_invites v on v.conversation_id = p.conversation_id and v.created_by = p.user_id
where p.user_id = :user_id;

-- name: posts
select (to_jsonb(p) - '{user_id,is_deleted,deleted_at}'::text[] || jsonb_build_object(
           'topics', (select coalesce(jsonb_agg(t.topic_name), '[]') from post_topics x join topics t using (topic_id)
                      where x.post_id = p.post_id),
           'poll', (select to_jsonb(q) - 'post_id' || jsonb_build_object('options', (
                        select jsonb_agg(to_jsonb(o) - 'post_id' order by o.option_no) from poll_options o
                        where o.post_id = q.post_id)) from polls q where q.post_id = p.post_id),
           'edits', (select coalesce(jsonb_agg(to_jsonb(e) - 'post_id' order by e.edited_at), '[]') from post_edits e
                     where e.post_id = p.post_id)))::text as line
from posts p where p.user_id = :user_id and not p.is_deleted order by p.post_id;

-- name: post_drafts
select (to_jsonb(d) - 'user_id')::text as line from post_drafts d where d.user_id = :user_id and d.published_at is null;

-- name: coauthored
select (to_jsonb(a) - 'user_id')::text as line from post_coauthors a where a.user_id = :user_id;

-- name: post_mentions
select (to_jsonb(m) - 'user_id')::text as line from post_mentions m where m.user_id = :user_id;

-- name: shares
select (to_jsonb(s) - 'user_id')::text as line from post_shares s where s.user_id = :user_id order by s.share_id;

-- name: votes
select (to_jsonb(v) - 'user_id')::text as line from poll_votes v where v.user_id = :user_id;

-- name: reactions
select (to_jsonb(r) - 'user_id')::text as line from reactions r where r.user_id = :user_id order by r.created_at;

-- name: comments
select (to_jsonb(c) - '{user_id,is_deleted,deleted_at}'::text[])::text as line
from comments c where c.user_id = :user_id and not c.is_deleted order by c.created_at;

-- name: comment_likes
select (to_jsonb(l) - 'user_id')::text as line from comment_likes l where l.user_id = :user_id order by l.created_at;

-- name: stories
select (to_jsonb(s) - '{user_id,is_deleted,deleted_at}'::text[])::text as line
from stories s where s.user_id = :user_id and not s.is_deleted;

-- name: highlights
select (to_jsonb(h) - 'user_id' || jsonb_build_object('stories', (
           select coalesce(jsonb_agg(i.story_id), '[]') from story_highlight_items i where i.highlight_id = h.highlight_id)))::text as line
from story_highlights h where h.user_id = :user_id;

-- name: topics
select jsonb_build_object('topic_name', t.topic_name, 'created_at', f.created_at)::text as line
from topic_follows f join topics t using (topic_id) where f.user_id = :user_id;

-- name: bookmarks
select (to_jsonb(b) - 'user_id')::text as line from bookmarks b where b.user_id = :user_id order by b.created_at;

-- name: bookmark_collections
select (to_jsonb(c) - 'user_id')::text as line from bookmark_collections c where c.user_id = :user_id;

-- name: notifications
select (to_jsonb(n) - 'user_id')::text as line
from notifications n where n.user_id = :user_id order by n.notification_id;

-- name: reports
-- That the user has made.
select jsonb_build_object('report_id', r.report_id, 'kind', r.reported_type, 'subject_id', r.reported_id, 'reason', r.reason,
                          'description', r.description, 'status', r.status, 'created_at', r.created_at)::text as line
from reports r where r.reporter_id = :user_id;

-- name: decisions
-- That staff have made about what is the user's, once for each; not who complained.
select jsonb_build_object('report_id', r.report_id, 'kind', r.reported_type, 'subject_id', r.reported_id, 'action', r.action,
                          'note', r.resolution, 'decided_at', r.reviewed_at, 'status', r.status, 'appeal', r.appeal,
                          'appeal_note', r.appeal_resolution)::text as line
from reports r where r.owner_id = :user_id and r.decided_in = r.report_id order by r.reviewed_at desc;

-- name: media
select (to_jsonb(m) - '{user_id,storage_key,upload_id,variants,waveform,is_deleted,deleted_at}'::text[])::text as line
from media_objects m where m.user_id = :user_id and not m.is_deleted order by m.media_id;
