-- name: staff_role
-- No row for whom is no staff, or may not act now.
select staff_role from users
where user_id = :user_id and staff_role is not null and is_active and still(suspended_until) is null;

-- name: set_role
-- No row when there is no such account.
update users set staff_role = :role where username_key = :username_key and is_active returning username;

-- name: queue
select s.* from report_states s
where s.status = 'pending'
  and (s.made_at, s.report_id) > (coalesce((select created_at from reports where report_id = :after_id), '-infinity'),
                                  coalesce(:after_id, '00000000-0000-0000-0000-000000000000'::uuid))
order by s.made_at, s.report_id
limit :limit;

-- name: appeals
select s.* from report_states s
where s.status = 'appealed'
  and (s.asked_at, s.report_id) > (coalesce((select appealed_at from reports where report_id = :after_id), '-infinity'),
                                   coalesce(:after_id, '00000000-0000-0000-0000-000000000000'::uuid))
order by s.asked_at, s.report_id
limit :limit;

-- name: of
-- All that was said of one subject, oldest first.
select s.* from report_states s
where s.kind = :kind and s.subject_id = :subject_id
  and (s.made_at, s.report_id) > (coalesce((select created_at from reports where report_id = :after_id), '-infinity'),
                                  coalesce(:after_id, '00000000-0000-0000-0000-000000000000'::uuid))
order by s.made_at, s.report_id
limit :limit;

-- name: one
select s.* from report_states s where s.report_id = :report_id;

-- name: lock_user
-- Before a decision about them: who logs in meanwhile waits. No row when nobody is meant.
select staff_role from users where user_id = :user_id for no key update;

-- name: decide
-- All that is pending of the subject.
update reports
set status = :status, action = :action, decided_in = :report_id, reviewed_by = :user_id,
    reviewed_at = clock_timestamp(), resolution = :note, suspended_until = now() + :days::integer * interval '1 day'
where reported_type = :kind and reported_id = :subject_id and status = 'pending'
returning reporter_id;

-- name: suspend
-- Makes what the account says what the decisions about it say: the longest suspension that stands, or none.
update users
set (suspended_at, suspended_until, suspended_reason) = (
    select now(), r.suspended_until, r.resolution from reports r
    where r.owner_id = :user_id and r.action = 'suspend' and r.decided_in = r.report_id and r.status <> 'overturned'
      and r.suspended_until > now()
    order by r.suspended_until desc limit 1)
where user_id = :user_id;

-- name: suspension
-- The decision that keeps a user out.
select report_id from reports
where owner_id = :user_id and action = 'suspend' and decided_in = report_id and status <> 'overturned'
  and suspended_until > now()
order by suspended_until desc limit 1;

-- name: show_post
update posts set is_deleted = :hidden, deleted_at = case when :hidden::boolean then now() end
where user_id = :owner_id and post_id = :subject_id and is_deleted <> :hidden;

-- name: show_comment
update comments set is_deleted = :hidden, deleted_at = case when :hidden::boolean then now() end
where comment_id = :subject_id and user_id = :owner_id and is_deleted <> :hidden
returning post_id, parent_comment_id;

-- name: show_story
update stories set is_deleted = :hidden, deleted_at = case when :hidden::boolean then now() end
where user_id = :owner_id and story_id = :subject_id and is_deleted <> :hidden;

-- name: appeal
-- Once, by whom it was decided against. No row when it cannot be.
update reports set status = 'appealed', appeal = :text, appealed_at = clock_timestamp()
where report_id = :report_id and owner_id = :user_id and decided_in = report_id and status = 'actioned'
returning report_id;

-- name: appealed
-- What there is to appeal against: no row for anybody else.
select status, appeal from reports
where report_id = :report_id and owner_id = :user_id and decided_in = report_id and status <> 'dismissed';

-- name: decide_appeal
update reports
set status = :status, appeal_reviewed_by = :user_id, appeal_reviewed_at = clock_timestamp(), appeal_resolution = :note
where reported_type = :kind and reported_id = :subject_id and decided_in = :report_id
returning reporter_id;
