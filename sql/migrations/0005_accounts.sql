-- min_code: 0.1.0

alter table users
    -- Encrypted by the server, and found again by its blind index, which is the unique one.
    add column email             bytea,
    add column email_index       bytea unique check (octet_length(email_index) = 32),
    add column email_verified_at timestamptz,
    add column bio               text check (char_length(bio) <= 500),
    add column is_private        boolean not null default false,
    add column is_verified       boolean not null default false,
    add column account_type      varchar(20) not null default 'personal'
                                 check (account_type in ('personal', 'creator', 'business')),
    -- Who may look at reports.
    add column staff_role        varchar(20) check (staff_role in ('moderator', 'admin')),
    add column follower_count    integer not null default 0,
    add column following_count   integer not null default 0,
    add column post_count        integer not null default 0,
    add column username_changed_at timestamptz,
    -- Asked for; hidden at once, and wiped when account_deletions says so. The row itself stays: messages
    -- of others' conversations refer to it.
    add column deleted_at        timestamptz,
    add column erased_at         timestamptz,
    add constraint email_has_its_index check ((email is null) = (email_index is null)),
    add constraint erased_after_deleted check (erased_at is null or deleted_at is not null);

create table user_settings (
    user_id                uuid primary key references users on delete cascade,
    profile_visibility     varchar(20) not null default 'public'
                           check (profile_visibility in ('public', 'friends', 'private')),
    show_activity_status   boolean not null default true,
    allow_messages_from    varchar(20) not null default 'everyone'
                           check (allow_messages_from in ('everyone', 'following', 'no_one')),
    email_notifications    boolean not null default true,
    push_notifications     boolean not null default true,
    notification_frequency varchar(20) not null default 'instant'
                           check (notification_frequency in ('instant', 'hourly', 'daily')),
    autoplay_videos        boolean not null default true,
    data_saver_mode        boolean not null default false,
    dark_mode              varchar(20) not null default 'auto' check (dark_mode in ('auto', 'light', 'dark')),
    calm_mode              boolean not null default false,
    time_limit_minutes     integer not null default 0 check (time_limit_minutes between 0 and 1440),
    hide_metrics           boolean not null default false,
    updated_at             timestamptz not null default now()
);

create table devices (
    device_id        uuid primary key,
    user_id          uuid not null references users on delete cascade,
    name             varchar(100) not null,
    platform         varchar(20) not null
                     check (platform in ('ios', 'android', 'web', 'desktop', 'bot', 'other')),
    app_version      varchar(50),
    -- Encrypted; the index finds the device again to which a provider refused a push.
    push_token       bytea,
    push_token_index bytea unique,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    last_seen_at     timestamptz not null default now(),
    constraint push_token_has_its_index check ((push_token is null) = (push_token_index is null))
);
create index devices_of_user on devices (user_id);
comment on index devices_of_user is 'devices.list: the devices of one user';

-- A login. Its refresh tokens are a family: one used twice ends it.
create table sessions (
    session_id   uuid primary key,
    user_id      uuid not null references users on delete cascade,
    device_id    uuid references devices on delete set null,
    address      inet,
    user_agent   varchar(300),
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    constraint expires_after_made check (expires_at > created_at)
);
create index sessions_of_user on sessions (user_id) where revoked_at is null;
comment on index sessions_of_user is 'sessions.list and log out everywhere: the open sessions of one user';
create index sessions_of_device on sessions (device_id);
comment on index sessions_of_device is 'devices.remove: the sessions that lose their device';
create index sessions_expired on sessions (expires_at);
comment on index sessions_expired is 'purge.sessions: those that ended long ago';
create index sessions_revoked on sessions (revoked_at) where revoked_at is not null;
comment on index sessions_revoked is 'purge.sessions: those that were logged out long ago';

create table refresh_tokens (
    token_digest bytea primary key check (octet_length(token_digest) = 32),
    session_id   uuid not null references sessions on delete cascade,
    user_id      uuid not null references users on delete cascade,
    created_at   timestamptz not null default now(),
    used_at      timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);
comment on index refresh_tokens_of_session is 'purge.sessions: the tokens that go with a session';

-- Personal access tokens, for bots.
create table access_tokens (
    token_id     uuid primary key,
    user_id      uuid not null references users on delete cascade,
    name         varchar(100) not null,
    token_digest bytea not null unique check (octet_length(token_digest) = 32),
    scopes       varchar(50)[] not null default '{}' check (cardinality(scopes) <= 50),
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
create index access_tokens_of_user on access_tokens (user_id);
comment on index access_tokens_of_user is 'access_tokens.list: the tokens of one user';

-- What is mailed: once, for a while, for one purpose.
create table account_tokens (
    token_digest bytea primary key check (octet_length(token_digest) = 32),
    user_id      uuid not null references users on delete cascade,
    purpose      varchar(20) not null check (purpose in ('verify_email', 'change_email', 'reset_password')),
    -- Encrypted, as in users: the address to be verified.
    email        bytea,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null constraint expires_after_made check (expires_at > created_at),
    used_at      timestamptz
);
create index account_tokens_of_user on account_tokens (user_id, purpose);
comment on index account_tokens_of_user is 'account_tokens.replace: a new one makes the older ones of its kind useless';
create index account_tokens_expired on account_tokens (expires_at);
comment on index account_tokens_expired is 'purge.account_tokens: those that ended long ago';

create table user_totp (
    user_id      uuid primary key references users on delete cascade,
    secret       bytea not null,
    confirmed_at timestamptz,
    -- The last 30 s step that was accepted: a code works once.
    last_step    bigint not null default 0,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);

create table recovery_codes (
    user_id     uuid not null references users on delete cascade,
    code_digest bytea not null check (octet_length(code_digest) = 32),
    created_at  timestamptz not null default now(),
    used_at     timestamptz,
    primary key (user_id, code_digest)
);

-- Names that were given up, held for a while so that nobody is taken for their former owner.
create table username_history (
    username_key text not null,
    user_id      uuid not null references users on delete cascade,
    held_until   timestamptz not null,
    created_at   timestamptz not null default now(),
    primary key (username_key, user_id)
);
create index username_history_of_user on username_history (user_id);
comment on index username_history_of_user is 'accounts.export: the former names of one user';
create index username_history_held on username_history (held_until);
comment on index username_history_held is 'purge.username_history: names that are free again';

create table account_deletions (
    user_id      uuid primary key references users on delete cascade,
    reason       varchar(500),
    created_at   timestamptz not null default now(),
    purge_after  timestamptz not null constraint purge_after_asked check (purge_after >= created_at),
    purged_at    timestamptz
);
create index account_deletions_due on account_deletions (purge_after) where purged_at is null;
comment on index account_deletions_due is 'purge.accounts: those whose grace time is over';

create table account_exports (
    export_id   uuid primary key,
    user_id     uuid not null references users on delete cascade,
    status      varchar(20) not null default 'pending' check (status in ('pending', 'ready', 'failed', 'gone')),
    storage_key varchar(500),
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    expires_at  timestamptz
);
create index account_exports_of_user on account_exports (user_id, created_at desc);
comment on index account_exports_of_user is 'accounts.exports: those of one user, newest first';
create index account_exports_open on account_exports (created_at) where status = 'pending';
comment on index account_exports_open is 'exports.next: what the worker takes up';

-- An account comes with its settings and its personal stream, whichever statement made it.
create table user_streams (
    user_id    uuid primary key references users on delete cascade,
    last_rev   bigint not null default 0,
    -- Events up to here are gone: a cursor below it is answered `reset`.
    purged_rev bigint not null default 0 constraint purged_is_past check (purged_rev <= last_rev)
);
create function open_accounts() returns trigger language plpgsql as $$
begin
    insert into user_settings (user_id) select user_id from new_rows;
    insert into user_streams (user_id) select user_id from new_rows;
    return null;
end $$;
create trigger open_accounts after insert on users
    referencing new table as new_rows for each statement execute function open_accounts();
insert into user_settings (user_id) select user_id from users;
insert into user_streams (user_id) select user_id from users;
