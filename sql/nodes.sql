-- name: beat
-- Also proves that Postgres accepts writes.
insert into nodes (node_id, private_url, bus_ok) values (:node_id, :private_url, :bus_ok)
on conflict (node_id) do update
set heartbeat_at = now(), private_url = excluded.private_url, bus_ok = excluded.bus_ok;

-- name: live
-- What a node said of its bus, it may not have lived to take back.
select node_id, private_url, bus_ok and heartbeat_at > now() - interval '5 seconds' as bus_ok
from nodes where heartbeat_at > now() - :within_s::float8 * interval '1 second'
order by node_id;

-- name: leave
delete from nodes where node_id = :node_id;

-- name: forget
-- Nodes that died without leaving.
delete from nodes where heartbeat_at < now() - interval '1 day';
