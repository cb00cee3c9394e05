-- min_code: 0.1.0

create table conversations (
    conversation_id   uuid primary key,
    conversation_type varchar(20) not null default 'direct'
                      check (conversation_type in ('direct', 'group')),
    title             varchar(100),
    -- The two of a direct conversation, smaller id first: a pair has only one.
    direct_low        uuid references users,
    direct_high       uuid references users,
    -- Both change only under this row's lock: see sql/messages.sql.
    last_seq          bigint not null default 0,
    last_rev          bigint not null default 0,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    check ((conversation_type = 'direct') = (direct_low is not null and direct_high is not null)),
    check (direct_low < direct_high),
    unique (direct_low, direct_high)
);

create table conversation_participants (
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    joined_at       timestamptz not null default now(),
    primary key (conversation_id, user_id)
);
-- conversations.page: the conversations of one user
create index conversation_participants_by_user on conversation_participants (user_id);

-- Hash by conversation: a page of history reads one partition, and numbers can be unique.
create table messages (
    conversation_id uuid not null references conversations on delete cascade,
    message_id      uuid not null,
    seq             bigint not null check (seq > 0),
    rev             bigint not null check (rev > 0),
    sender_id       uuid not null references users,
    message_type    varchar(20) not null default 'text' check (message_type in ('text')),
    content         text,
    -- Keyed digest of what the sender asked for: tells a retry from a conflict, for ever.
    content_digest  bytea not null check (octet_length(content_digest) = 16),
    created_at      timestamptz not null default now(),
    primary key (conversation_id, message_id),
    unique (conversation_id, seq)
) partition by hash (conversation_id);

do $$
begin
    for i in 0..15 loop
        execute format(
            'create table messages_%s partition of messages for values with (modulus 16, remainder %s)',
            to_char(i, 'FM00'), i);
    end loop;
end $$;
