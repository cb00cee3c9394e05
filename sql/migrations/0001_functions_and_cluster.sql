-- min_code: 0.1.0

-- The wire's time: milliseconds since 1970 in UTC.
create function to_ms(t timestamptz) returns bigint
    language sql immutable strict parallel safe
    return (extract(epoch from t) * 1000)::bigint;

-- One row that says which history this is. hash_key keys the digests by which a retry is told
-- from a conflict, so that a digest kept after a purge gives nothing away to a guesser.
create table cluster (
    only_row   boolean primary key default true check (only_row),
    cluster_id uuid not null default gen_random_uuid(),
    hash_key   bytea not null
               default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
    epoch      bigint not null default 1,
    created_at timestamptz not null default now()
);
insert into cluster default values;

-- Nodes that take part. A node is one run of `serve`: started again, it is another one.
create table nodes (
    node_id      text primary key,
    started_at   timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
);
