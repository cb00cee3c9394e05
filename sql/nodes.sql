-- name: beat
-- Also proves that Postgres accepts writes.
insert into nodes (node_id, private_url) values (:node_id, :private_url)
on conflict (node_id) do update set heartbeat_at = now(), private_url = excluded.private_url;

-- name: live
select node_id, private_url from nodes where heartbeat_at > now() - :within_s::float8 * interval '1 second' order by node_id;

-- name: leave
delete from nodes where node_id = :node_id;

-- name: forget
-- Nodes that died without leaving.
delete from nodes where heartbeat_at < now() - interval '1 day';
