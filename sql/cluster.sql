-- name: identity
select cluster_id, hash_key from cluster;

-- name: raise_epoch
-- Which Postgres this is, and which history of it: a promoted standby and a restore to a point in time begin a new
-- timeline, a restore of a dump is in another system. The timeline is that of what is written now; the control file's
-- is that of the last checkpoint, and old for minutes after a promotion. Of nodes that come at once the first raises
-- it: the others wait for the row, and then find it in order. An epoch below the one that a node has seen is that
-- of a restored row; timelines only grow, so counting on from them leaves out what nodes of before a restore gave.
update cluster c
set epoch = case when c.system_identifier is null and c.epoch >= :known_epoch::bigint then c.epoch
                 else greatest(c.epoch, :known_epoch::bigint, e.timeline - 1) + 1 end,
    system_identifier = e.system_identifier,
    timeline = e.timeline
from (select system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer as timeline
      from pg_control_system()) e
where (c.system_identifier, c.timeline) is distinct from (e.system_identifier, e.timeline)
   or c.epoch < :known_epoch::bigint;

-- name: history
select epoch, system_identifier, timeline from cluster;
