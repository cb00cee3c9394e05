-- name: beat
-- Also proves that Postgres accepts writes.
insert into nodes (node_id, bus_ok) values (:node_id, :bus_ok)
on conflict (node_id) do update set heartbeat_at = now(), bus_ok = excluded.bus_ok;

-- name: live
-- What a node said of its bus, it may not have lived to take back.
select node_id, bus_ok and heartbeat_at > now() - interval '5 seconds' as bus_ok
from nodes where heartbeat_at > now() - :within_s::float8 * interval '1 second';

-- name: leave
delete from nodes where node_id = :node_id;

-- name: forget
-- Nodes that died without leaving.
delete from nodes where heartbeat_at < now() - interval '1 day';

-- name: cluster
select cluster_id, hash_key, epoch from cluster;
