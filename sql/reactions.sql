-- Nobody waits for the row of the post: what is counted is written beside it, see migrations/0015_counters.sql.

-- name: react
-- The group commit of moods, see migrations/0052_reacting_together.sql: one row for each, in their order.
select status, changed, user_rev, untimely, digest, result
from react(:actor_ids, :op_ids, :ops, :digests, :post_ids, :moods, :notification_ids, :title, :pause_s, :node_id);

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
