-- name: beginning
-- Where to begin to read: what is committed from now on is behind it.
select pg_snapshot_xmin(pg_current_snapshot())::text as xid;

-- name: tail
-- What has committed since the last look. Rows of transactions that are still under way, and all younger ones,
-- are left to the next look: they would be passed by otherwise, since numbers are given before the commit. A row
-- without outbox_id when there is nothing. All before `horizon` has ended.
with seen as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as horizon)
select o.*, seen.horizon::text as horizon
from seen left join lateral (
    select outbox_id, xid::text as xid, conversation_id, from_rev, to_rev, user_ids, user_revs,
           (extract(epoch from clock_timestamp() - created_at) * 1000)::bigint as age_ms
    from outbox
    where (xid, outbox_id) > (:xid::text::xid8, :outbox_id::bigint) and xid < seen.horizon
    order by xid, outbox_id
    limit :limit
) o on true
order by o.xid::xid8, o.outbox_id;

-- name: now
-- Whatever a statement before this one has seen is below.
select pg_snapshot_xmax(pg_current_snapshot())::text as xid;
