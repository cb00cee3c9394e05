-- min_code: 0.1.0

alter table user_settings
    -- Shown to nobody as online, until it is taken back.
    add column invisible    boolean not null default false,
    -- When the last connection of a user ended who shows it.
    add column last_seen_at timestamptz;
select audit_table('user_settings', 'user_id');

-- Whether somebody sees whether another is online, and when they were last: both show theirs, neither has
-- blocked the other, and they have to do with each other. That is: the viewer follows them, they have written
-- in their direct conversation (anybody can open one), or both are in a group of at most 200.
create function presence_shown(viewer uuid, owner uuid) returns setof uuid
language sql stable parallel safe as $$
    select u.user_id from users u
    where u.user_id = owner and (viewer = owner or (
        u.is_active and u.deleted_at is null and (u.suspended_until is null or u.suspended_until <= now())
        and exists (select from user_settings s where s.user_id = owner and s.show_activity_status and not s.invisible)
        and exists (select from user_settings s where s.user_id = viewer and s.show_activity_status)
        and not exists (select from blocked_between(viewer, owner))
        and (exists (select from follows f where f.follower_id = viewer and f.following_id = owner)
             or exists (select from conversations c
                        where c.direct_low = least(viewer, owner) and c.direct_high = greatest(viewer, owner)
                          and case when owner = c.direct_low then c.low_wrote else c.high_wrote end is not false)
             or exists (select from conversation_participants p
                        join conversation_participants q using (conversation_id)
                        join conversations c using (conversation_id)
                        where p.user_id = owner and q.user_id = viewer
                          and c.conversation_type = 'group' and c.member_count <= 200))))
$$;
