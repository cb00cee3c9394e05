-- name: id_of
select user_id from users where username_key = :username_key;

-- name: get
-- Of whom the user may know; who has blocked them, they may not. What a whole profile has beyond its name is for
-- those whom the settings of its owner allow. What a counter says is its column and what is pending.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, u.bio, to_ms(u.created_at) as created_at,
       u.follower_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                           where d.subject_id = u.user_id and d.counter = 'users.follower_count')::bigint as follower_count,
       u.following_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                            where d.subject_id = u.user_id and d.counter = 'users.following_count')::bigint as following_count,
       u.post_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                       where d.subject_id = u.user_id and d.counter = 'users.post_count')::bigint as post_count,
       s.hide_metrics,
       exists (select from may_see(:user_id::uuid, u.user_id, s.profile_visibility)) as whole,
       mine.connection_type as mine, theirs.connection_type as theirs,
       exists (select from follow_requests r
               where r.follower_id = :user_id and r.following_id = u.user_id) as requested
from users u
join user_settings s on s.user_id = u.user_id
left join follows mine on mine.follower_id = :user_id and mine.following_id = u.user_id
left join follows theirs on theirs.follower_id = u.user_id and theirs.following_id = :user_id
where u.user_id = :other_id and u.deleted_at is null
  and (u.user_id = :user_id
       or exists (select from users a where a.user_id = :user_id and a.staff_role is not null and a.is_active)
       or (u.is_active and (u.suspended_until is null or u.suspended_until <= now())
           and theirs.connection_type is distinct from 'blocked'));
