-- name: suggestions
-- Of the 200 whom the user has followed last the 50 whom each has followed last: what it costs does not grow with how
-- many they follow. Whose lists are not for the user says nothing.
with friends as (
    select f.following_id as user_id from follows f
    where f.follower_id = :user_id and f.connection_type <> 'blocked'
    order by f.created_at desc, f.following_id
    limit 200
), shown as materialized (
    select g.user_id from friends g
    cross join lateral (
        select from user_settings s
        where s.user_id = g.user_id and exists (select from may_see(:user_id::uuid, s.user_id, s.profile_visibility))
        offset 0
    ) s
), counted as materialized (
    select c.following_id as user_id, count(*) as mutual
    from shown g
    cross join lateral (
        select f.following_id from follows f
        where f.follower_id = g.user_id and f.connection_type <> 'blocked'
        order by f.created_at desc, f.following_id
        limit 50
    ) c
    where c.following_id <> :user_id
    group by c.following_id
), best as materialized (
    select c.user_id, c.mutual from counted c
    where not exists (select from follows f where f.follower_id = :user_id and f.following_id = c.user_id)
      and not exists (select from follow_requests r where r.follower_id = :user_id and r.following_id = c.user_id)
      and not exists (select from mutes m where m.user_id = :user_id and m.muted_id = c.user_id
                                            and (m.until is null or m.until > now()))
    order by c.mutual desc, c.user_id
    limit 500
)
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified,
       case when not o.hide_metrics then b.mutual end as mutual
from best b
join user_settings o on o.user_id = :user_id
cross join lateral (
    select * from users u
    where u.user_id = b.user_id and u.is_active and exists (select from findable(:user_id::uuid, u.user_id))
    offset 0
) u
order by b.mutual desc, b.user_id
limit :limit;

-- name: search
-- The first 200 whose names begin so, of whom those come first whom the user follows.
with named as materialized (
    select u.user_id, u.username, u.username_key, u.full_name, u.is_private, u.is_verified from users u
    where u.username_key ~>=~ :prefix and u.username_key ~<~ :past_prefix and u.is_active
      and exists (select from findable(:user_id::uuid, u.user_id))
    order by u.username_key using ~<~
    limit 200
)
select n.user_id, n.username, n.full_name, n.is_private, n.is_verified
from named n
left join follows f on f.follower_id = :user_id and f.following_id = n.user_id
order by n.username_key <> :prefix, f.following_id is null, n.username_key
limit :limit;
