-- The functions are in migrations/0004_partitions.sql: they run with the rights of the schema's owner.

-- name: wait
-- For a node that makes parts already; at most for the pool's lock_timeout.
select pg_advisory_xact_lock(hashtext('lumina.partitions'));

-- name: patiently
-- After a long outage there may be many strays to move.
set local statement_timeout = '1min';

-- name: make
select make_partitions(coalesce(:at::timestamptz, now())) as part;

-- name: drop
select drop_partitions(coalesce(:at::timestamptz, now())) as part;

-- name: strays
-- Counted to 1,000.
select parent, strays from partition_default_rows();
