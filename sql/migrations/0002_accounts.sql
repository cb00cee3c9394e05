-- min_code: 0.1.0

create table users (
    user_id       uuid primary key,
    username      varchar(30) not null,
    -- The username as it is compared: NFKC, case folded, by the server.
    username_key  text not null unique,
    password_hash varchar(255) not null,
    full_name     varchar(100),
    is_active     boolean not null default true,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    last_login_at timestamptz
);
