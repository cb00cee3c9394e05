-- min_code: 0.1.0

-- Until when somebody may not log in; over by itself. `suspended_at` is when it was last said, for the
-- connections that are to be closed.
alter table users
    add column suspended_at     timestamptz,
    add column suspended_until  timestamptz,
    add column suspended_reason varchar(500),
    add constraint suspended_says_when check ((suspended_at is null) = (suspended_until is null));
create index users_suspended on users (suspended_at) where suspended_at is not null;
comment on index users_suspended is 'sessions.ended_since: the bots of whom was suspended of late';

-- A time that is still to come, in milliseconds; null when it has passed.
create function still(moment timestamptz) returns bigint
    language sql stable parallel safe
    return case when moment > now() then to_ms(moment) end;

alter table reports
    -- Whose the subject is, and of a message its conversation.
    add column owner_id           uuid references users,
    add column conversation_id    uuid,
    -- What was complained of, as it was then: it may be edited or deleted before a moderator looks.
    add column evidence           text check (char_length(evidence) <= 4000),
    add column action             varchar(20) check (action in ('remove', 'warn', 'suspend', 'dismiss')),
    -- The report that the decision was made about; it holds for all of the subject that were pending then.
    add column decided_in         uuid,
    add column suspended_until    timestamptz,
    add column appeal             text check (char_length(appeal) <= 2000),
    add column appealed_at        timestamptz,
    add column appeal_reviewed_by uuid references users,
    add column appeal_reviewed_at timestamptz,
    add column appeal_resolution  varchar(500),
    drop constraint reports_status_check,
    add constraint reports_status_check check
        (status in ('pending', 'reviewed', 'actioned', 'dismissed', 'appealed', 'upheld', 'overturned')),
    add constraint suspension_says_until check (action is distinct from 'suspend' or suspended_until is not null);
create index reports_of_owner on reports (owner_id, reviewed_at desc) where owner_id is not null;
comment on index reports_of_owner is 'reports.against: what was decided against one user, newest first';
create index reports_appealed on reports (appealed_at) where status = 'appealed';
comment on index reports_appealed is 'moderation.appeals: what waits for another moderator, oldest first';

-- A report as moderators see it.
create view report_states with (security_invoker = true) as
    select r.report_id, r.reported_type as kind, r.reported_id as subject_id, r.conversation_id, r.reporter_id,
           r.owner_id, o.username as owner, r.reason, r.description, r.evidence, r.status,
           r.created_at as made_at, to_ms(r.created_at) as created_at,
           (select count(*) - 1 from reports s
            where s.reported_type = r.reported_type and s.reported_id = r.reported_id) as others,
           r.decided_in as decision_id, r.action, r.resolution as note, r.reviewed_by as decided_by,
           to_ms(r.reviewed_at) as decided_at, to_ms(r.suspended_until) as until,
           r.appeal, r.appealed_at as asked_at, to_ms(r.appealed_at) as appealed_at,
           r.appeal_resolution as appeal_note, r.appeal_reviewed_by as appeal_decided_by
    from reports r left join users o on o.user_id = r.owner_id;
grant select on report_states to lumina_writer, lumina_admin;

-- Who reported may see what they reported, and what became of it, but not what others said to it.
revoke select on reports from lumina_app;
grant select (report_id, reporter_id, reported_type, reported_id, conversation_id, reason, description, evidence,
              status, created_at, updated_at) on reports to lumina_app;

-- The new columns under audit too.
select audit_table('users', 'user_id', also => '{username,full_name}',
                   ignored => '{follower_count,following_count,post_count}');
select audit_table('reports', 'reporter_id', also => '{reason,resolution}');
