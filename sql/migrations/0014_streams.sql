-- min_code: 0.1.0

-- Which Postgres this history was last seen on: another one, or another timeline, raises the epoch.
alter table cluster
    add column system_identifier bigint,
    add column timeline          integer;

alter table nodes add column code varchar(20);

-- A short log of what must be told, by reference: read again by whoever has missed something, never
-- deleted row by row. `xid` orders what `outbox_id` cannot: identity values commit out of order.
create table outbox (
    outbox_id       bigint generated always as identity,
    created_at      timestamptz not null default now(),
    xid             xid8 not null default pg_current_xact_id(),
    node_id         text not null,
    version         smallint not null default 1,
    -- What: a range of a conversation's changes, or an event for some users.
    conversation_id uuid,
    from_rev        bigint,
    to_rev          bigint,
    members_version integer,
    user_ids        uuid[],
    payload         bytea,
    primary key (created_at, outbox_id),
    constraint range_of_a_conversation check ((conversation_id is null) = (from_rev is null)),
    constraint range_has_both_ends check ((from_rev is null) = (to_rev is null)),
    constraint range_is_forward check (from_rev <= to_rev),
    constraint is_for_somebody check (conversation_id is not null or user_ids is not null)
) partition by range (created_at);
create table outbox_default partition of outbox default;
insert into partition_rules (parent, keyed_by, step, ahead, keep)
values ('outbox', 'timestamptz', 'hour', 4, interval '1 hour');
create index outbox_by_xid on outbox (xid, outbox_id);
comment on index outbox_by_xid is 'outbox.tail: what committed since the last look';

-- The first result of a change, kept for as long as its key is accepted. Cut by the time in the key, so
-- that (user_id, op_id) can be unique.
create table op_keys (
    user_id    uuid not null references users on delete cascade,
    op_id      uuid not null,
    op         varchar(50) not null,
    -- Keyed digest of what was asked for: tells a retry from a conflict.
    digest     bytea not null check (octet_length(digest) = 16),
    result     jsonb,
    created_at timestamptz not null default now(),
    primary key (user_id, op_id)
) partition by range (op_id);
create table op_keys_default partition of op_keys default;
insert into partition_rules (parent, keyed_by, step, ahead, keep)
values ('op_keys', 'uuid7', 'week', 2, interval '37 days');

-- The personal stream: notifications, memberships, settings, follows, read positions, what one deleted
-- for oneself. Numbered by user_streams, under its row lock.
create table user_events (
    user_id    uuid not null references users on delete cascade,
    rev        bigint not null check (rev > 0),
    event_type varchar(50) not null,
    body       jsonb not null,
    created_at timestamptz not null default now(),
    primary key (user_id, rev)
) partition by hash (user_id);
do $$
begin
    for i in 0..15 loop
        execute format(
            'create table user_events_%s partition of user_events for values with (modulus 16, remainder %s)',
            to_char(i, 'FM00'), i);
    end loop;
end $$;
create index user_events_old on user_events using brin (created_at);
comment on index user_events_old is 'purge.user_events: what happened long enough ago';
