-- One row: for each parameter of a statement, by its name, a value as it is in use: of those who have much.
with busy as (select conversation_id, last_seq, last_rev from conversations order by last_seq desc limit 1),
     reader as (select min(user_id::text)::uuid as user_id from notifications where group_key is not null),
     talked as (select post_id from comments where parent_comment_id is not null
                group by post_id order by count(*) desc limit 1)
select busy.conversation_id, busy.last_seq - 20 as seq, busy.last_seq - 20 as before_seq,
       busy.last_seq - 20 as after_seq, reader.user_id, gen_random_uuid() as message_id,
       (select user_id from conversation_participants p
        where p.conversation_id = busy.conversation_id limit 1) as sender_id,
       (select user_id from users order by user_id desc limit 1) as other_id,
       (select user_id from users order by user_id desc limit 1) as peer_id,
       array[busy.conversation_id] as ids,
       array(select user_id from users where user_id not in (
           select user_id from conversation_participants p
           where p.conversation_id = busy.conversation_id) limit 3) as user_ids,
       'somebody' as username, 'user7' as username_key, 'Some Body' as full_name, '!' as password_hash,
       talked.post_id,
       (select comment_id from comments where post_id = talked.post_id limit 1) as comment_id,
       (select parent_comment_id from comments where post_id = talked.post_id
        and parent_comment_id is not null limit 1) as parent_comment_id,
       (select post_id from poll_votes limit 1) as poll_id,
       (select story_id from story_views group by 1 order by count(*) desc limit 1) as story_id,
       (select array_agg(id) from (
           (select comment_id as id from comments limit 2) union all
           (select story_id from stories limit 2) union all
           (select media_id from media_objects where is_deleted limit 2)) f) as found,
       (select topic_id from post_topics group by 1 order by count(*) desc limit 1) as topic_id,
       (select collection_id from bookmark_collections limit 1) as collection_id,
       (select media_id from media_objects limit 1) as media_id,
       (select group_key from notifications n where n.user_id = reader.user_id limit 1) as group_key,
       talked.post_id::text as row_key, 'node1' as node_id,
       (select max(outbox_id) - 100 from outbox) as outbox_id, '3900' as xid, md5('7')::uuid as id,
       'topic1' as prefix, 'topic2' as past_prefix, 48 as south, 49 as north, 2 as west, 3 as east,
       now() - interval '30 days' as before, now() - interval '300 days' as long_ago,
       now() - interval '7 days' as recently, 20 as "limit", 5 as batch, 0 as after,
       array[busy.conversation_id] as conversation_ids, array[gen_random_uuid()] as message_ids,
       (select array_agg(user_id) from (select user_id from conversation_participants p
        where p.conversation_id = busy.conversation_id limit 1) s) as sender_ids,
       array[busy.last_rev - 20] as after_revs, array[busy.last_rev - 20] as revs, array[busy.last_seq - 20] as seqs,
       'The busy ones' as title, array['user7', 'user8'] as username_keys, 'conversation.left' as event_type,
       '{}' as body, '{}' as note, array['member', 'member', 'member'] as roles, reader.user_id as inviter_id,
       array['hello'] as contents, array[null::jsonb] as extras, busy.last_seq - 20 as upto_seq, array[decode(md5('hello'), 'hex')] as digests,
       busy.last_seq - 20 as base_rev, busy.last_rev - 20 as after_rev, 'hello' as content, uuid7_floor(now()) as op_id, 'message.edit' as op,
       decode(md5('hello'), 'hex') as digest, '{}' as result,
       gen_random_uuid() as mail_id, true as archived, true as pinned, false as forever, 1 as muted_ms, 1000 as within,
       array[true] as are_read,
       (select array_agg(user_id) from (select user_id from conversation_participants p
        where p.conversation_id = busy.conversation_id limit 1) s) as reader_ids, 'reset_password' as purpose, array['reset_password'] as purposes, 'x' as recipient,
       'x' as mail_body, 180 as lease_s, 3600 as ttl_s, 30 as delay_s, 1 as tries, 'SMTPDataError 451' as error,
       array[sha256('x')] as indexes, sha256('x') as email_index, 'x' as email, sha256('x') as token_digest,
       md5('7')::uuid as after_id, sha256('7') as after_digest, md5('7')::uuid as row_id, 'x' as head, 'x' as sealed,
       sha256('x') as "index", 'x' as was,
       to_ms(now()) as before_ms, busy.conversation_id as before_id, 30 as within_s,
       1 as known_epoch, 'http://node1:9090' as private_url, true as bus_ok, now() as committed, busy.last_rev - 20 as sent_rev, null as at, false as fix, 'posts.comment_count' as counter,
       s.session_id, gen_random_uuid() as opened_id, s.session_id as kept, s.device_id, 10 as keep, '192.0.2.1' as address, interval '90 days' as ttl,
       interval '30 seconds' as "window", decode(md5('token') || md5('token'), 'hex') as token_digest,
       s.session_id as token_id, 'phone' as name, 'ios' as platform, '1.0' as app_version, array['read'] as scopes,
       '$2b$04$new' as new_hash, 'no reason' as reason,
       to_ms(now()) as expires_ms, '\x01'::bytea as secret, 7 as step,
       decode(md5('code') || md5('code'), 'hex') as code_digest, array[decode(md5('c') || md5('c'), 'hex')] as code_digests,
       p.report_id, p.report_id as after_id, p.reported_type as kind, p.reported_id as subject_id, p.owner_id, 'spam' as reason,
       'again' as description, 'buy this' as evidence, 'moderator' as role, 'actioned' as status, 'suspend' as action,
       3 as days, true as hidden, 'it was a joke' as text,
       'friends' as shown_to, (select audience_id from audiences limit 1) as audience_id,
       true as is_private, 'friends' as profile_visibility, true as show_activity_status, 'no_one' as allow_messages_from,
       true as email_notifications, true as push_notifications, 'daily' as notification_frequency,
       true as autoplay_videos, true as data_saver_mode, 'dark' as dark_mode, true as calm_mode,
       60 as time_limit_minutes, true as hide_metrics,
       'curious' as reaction, to_ms(now()) as after_ms, busy.last_rev - 20 as before_rev,
       array['{1,2,3}'] as page_seqs,
       (select export_id from account_exports limit 1) as export_id, 'exports/1.zip' as storage_key, 100 as size_bytes
from busy, reader, talked, (select * from sessions where revoked_at is null limit 1) s,
     (select * from reports where status = 'appealed' order by report_id limit 1) p;
