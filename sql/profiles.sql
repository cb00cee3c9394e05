-- name: id_of
select user_id from users where username_key = :username_key;

-- name: get
-- Of whom the user may know; who has blocked them, they may not. What a whole profile has beyond its name is for
-- those whom the settings of its owner allow. What a counter says is its column and what is pending.
select u.user_id, u.username, u.full_name, u.avatar_media_id as picture_media_id, u.is_private, u.is_verified, u.bio, to_ms(u.created_at) as created_at,
       u.follower_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                           where d.subject_id = u.user_id and d.counter = 'users.follower_count')::bigint as follower_count,
       u.following_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                            where d.subject_id = u.user_id and d.counter = 'users.following_count')::bigint as following_count,
       u.post_count + (select coalesce(sum(d.delta), 0) from counter_deltas d
                       where d.subject_id = u.user_id and d.counter = 'users.post_count')::bigint as post_count,
       not s.hide_metrics and (s.show_metrics or u.user_id = :user_id) and not exists (
           select from user_settings o where o.user_id = :user_id and o.hide_metrics) as counted,
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

-- name: states
-- What these profiles are now, for those who watch them. The newest post is one of the last 100.
select u.user_id, u.username, u.full_name, u.avatar_media_id as picture_media_id, u.is_private, u.is_verified, u.bio,
       u.follower_count + d.followers as follower_count, u.following_count + d.following as following_count,
       u.post_count + d.posts as post_count, s.show_metrics and not s.hide_metrics as shows_numbers,
       not u.is_private and s.profile_visibility = 'public' as whole_for_all,
       concat_ws(' ', u.is_private, s.profile_visibility, u.is_active, u.suspended_until > now()) as access,
       (select p.post_id
        from (select p.post_id, p.visibility from posts p
              where p.user_id = u.user_id and not p.is_deleted and not p.is_archived
              order by p.post_id desc limit 100) p
        where p.visibility = 'public' order by p.post_id desc limit 1) as newest_post_id
from unnest(:user_ids::uuid[]) g (user_id)
join users u on u.user_id = g.user_id and u.deleted_at is null
join user_settings s on s.user_id = u.user_id
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'users.follower_count'), 0)::bigint as followers,
           coalesce(sum(d.delta) filter (where d.counter = 'users.following_count'), 0)::bigint as following,
           coalesce(sum(d.delta) filter (where d.counter = 'users.post_count'), 0)::bigint as posts
    from counter_deltas d where d.subject_id = u.user_id) d;

-- name: watched_by
-- Which of these users may know that there is this profile; `whole`: see all of it.
select v.user_id, exists (select from may_see(v.user_id, u.user_id, s.profile_visibility)) as whole
from unnest(:user_ids::uuid[]) v (user_id)
join users u on u.user_id = :other_id and u.deleted_at is null
join user_settings s on s.user_id = u.user_id
where u.user_id = v.user_id
   or exists (select from users a where a.user_id = v.user_id and a.staff_role is not null and a.is_active)
   or (u.is_active and (u.suspended_until is null or u.suspended_until <= now())
       and not exists (select from blocked_between(v.user_id, u.user_id)));
