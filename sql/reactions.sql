-- Nobody waits for the row of the post: what is counted is written beside it, see migrations/0015_counters.sql.

-- name: set
-- No row when the post is not for the user. `was`: the mood before. Times are of whole milliseconds, for pages.
with seen as materialized (
    select p.post_id, p.user_id, p.allow_reactions from post_for(:user_id::uuid, :post_id::uuid) p
), made as (
    insert into reactions as r (post_id, user_id, reaction_type, created_at)
    select s.post_id, :user_id, :mood::text::mood, date_trunc('milliseconds', clock_timestamp())
    from seen s where s.allow_reactions
    on conflict (post_id, user_id) do update set reaction_type = excluded.reaction_type
    where r.reaction_type <> excluded.reaction_type
    returning (xmax = 0) as is_new
)
select s.user_id as author_id, s.allow_reactions, m.is_new is not null as changed, coalesce(m.is_new, false) as is_new
from seen s left join made m on true;

-- name: remove
-- No row when there is none.
with gone as (
    delete from reactions where post_id = :post_id and user_id = :user_id returning post_id
)
select p.user_id as author_id from gone join posts p using (post_id);

-- name: page
select u.user_id, u.username, r.reaction_type as mood, to_ms(r.created_at) as reacted_at
from reactions r
join users u on u.user_id = r.user_id and u.is_active and u.deleted_at is null
            and (u.suspended_until is null or u.suspended_until <= now())
where r.post_id = :post_id
  and (:before_ms::bigint is null or (r.created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (r.created_at < to_timestamp(:before_ms::bigint / 1000.0) or r.user_id > :before_id::uuid)))
  and not exists (select from blocked_between(:user_id::uuid, r.user_id))
order by r.created_at desc, r.user_id limit :limit;

-- name: page_of_mood
select u.user_id, u.username, r.reaction_type as mood, to_ms(r.created_at) as reacted_at
from reactions r
join users u on u.user_id = r.user_id and u.is_active and u.deleted_at is null
            and (u.suspended_until is null or u.suspended_until <= now())
where r.post_id = :post_id and r.reaction_type = :mood::text::mood
  and (:before_ms::bigint is null or (r.created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (r.created_at < to_timestamp(:before_ms::bigint / 1000.0) or r.user_id > :before_id::uuid)))
  and not exists (select from blocked_between(:user_id::uuid, r.user_id))
order by r.created_at desc, r.user_id limit :limit;

-- name: mine
select post_id, reaction_type as mood, to_ms(created_at) as reacted_at
from reactions
where user_id = :user_id
  and (:before_ms::bigint is null or (created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (created_at < to_timestamp(:before_ms::bigint / 1000.0) or post_id > :before_id::uuid)))
order by created_at desc, post_id limit :limit;
