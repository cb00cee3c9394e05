-- name: keep
-- An event that is no change of a conversation.
insert into outbox (node_id, user_ids, payload) values (:node_id, :user_ids, :payload) returning outbox_id;

-- name: beginning
-- Where to begin to read: what is committed from now on is behind it.
select pg_snapshot_xmin(pg_current_snapshot())::text as xid;

-- name: tail
-- What has committed since the last look. Rows of transactions that are still under way, and all younger ones,
-- are left to the next look: they would be passed by otherwise, since numbers are given before the commit.
select outbox_id, xid::text as xid, conversation_id, from_rev, to_rev, user_ids, payload,
       (extract(epoch from clock_timestamp() - created_at) * 1000)::bigint as age_ms
from outbox
where (xid, outbox_id) > (:xid::text::xid8, :outbox_id::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid, outbox_id
limit :limit;
