-- name: act_as
-- For whom the rest of the transaction is: the audit log names them.
select set_config('app.user_id', :user_id::uuid::text, true);

-- name: lock_subject
-- For whoever reports something or decides about it: one after the other. What there is, only the next statement sees.
select pg_advisory_xact_lock(hashtextextended(:kind::text || :subject_id::uuid::text, 0));

-- name: see_message
-- By what the user may have read, also when they have left since.
select s.sender_id as owner_id, s.content as evidence, s.is_deleted, s.message_type = 'system' as is_note
from message_states s
where s.conversation_id = :conversation_id and s.message_id = :subject_id
  and exists (select from membership_intervals i
              where i.conversation_id = :conversation_id and i.user_id = :user_id
                and i.from_seq <= s.seq and (i.to_seq is null or s.seq < i.to_seq));

-- name: see_user
-- Not one who has blocked the user; what they have written, can be reported all the same.
select u.user_id as owner_id, concat_ws(E'\n', u.username, u.full_name, u.bio) as evidence
from live_users u
where u.user_id = :subject_id
  and not exists (select from follows f where f.follower_id = u.user_id and f.following_id = :user_id
                  and f.connection_type = 'blocked');

-- name: see_conversation
-- Of a direct one the other is told, of a group its owner.
select c.title as evidence,
       case when c.direct_low = :user_id then c.direct_high
            when c.direct_high = :user_id then c.direct_low
            else (select p.user_id from conversation_participants p
                  where p.conversation_id = :subject_id and p.role = 'owner'
                  order by p.joined_at, p.user_id limit 1) end as owner_id
from conversation_participants m
join conversations c using (conversation_id)
where m.conversation_id = :subject_id and m.user_id = :user_id;

-- name: see_post
select p.user_id as owner_id, p.caption as evidence from post_for(:user_id::uuid, :subject_id::uuid) p
where not p.is_archived;

-- name: see_comment
select c.user_id as owner_id, c.content as evidence
from comments c
where c.comment_id = :subject_id and not c.is_deleted
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
  and exists (select from post_for(:user_id::uuid, c.post_id) p where not p.is_archived);

-- name: see_story
select s.user_id as owner_id, null as evidence from stories s
where s.story_id = :subject_id and not s.is_deleted and s.expires_at > now()
  and exists (select from may_see(:user_id::uuid, s.user_id, s.visibility));

-- name: create
-- No row when the user has said the same before, or the id is taken.
insert into reports (report_id, reporter_id, reported_type, reported_id, conversation_id, owner_id, reason,
                     description, evidence)
values (:report_id, :user_id, :kind, :subject_id, :conversation_id, :owner_id, :reason, :description, :evidence)
on conflict do nothing
returning report_id, reported_type as kind, reported_id as subject_id, conversation_id, reason, description, status,
          to_ms(created_at) as created_at;

-- name: same
select report_id, case status when 'appealed' then 'actioned' else status end as status from reports
where reporter_id = :user_id and reported_type = :kind and reported_id = :subject_id and reason = :reason;

-- name: mine
-- That it was appealed against, is not told before it is decided.
select report_id, reported_type as kind, reported_id as subject_id, conversation_id, reason, description,
       case status when 'appealed' then 'actioned' else status end as status,
       decided_in as decision_id, to_ms(created_at) as created_at
from reports
where reporter_id = :user_id
order by created_at desc, report_id desc
limit :limit;

-- name: against
-- What was decided against a user, once for all who had reported it.
select s.report_id, s.kind, s.subject_id, s.conversation_id, s.reason, s.status, s.action, s.note, s.decided_at, s.until
from report_states s
where s.owner_id = :user_id and s.decision_id = s.report_id and s.action <> 'dismiss'
order by s.decided_at desc, s.report_id desc
limit :limit;
