-- min_code: 0.1.0

create table follows (
    follower_id     uuid not null references users on delete cascade,
    following_id    uuid not null references users on delete cascade,
    -- A block is a row of the one who blocks; it takes the place of a follow.
    connection_type varchar(20) not null default 'follow'
                    check (connection_type in ('follow', 'close_friend', 'blocked')),
    notify_on_post  boolean not null default true,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (follower_id, following_id),
    constraint no_self_follow check (follower_id <> following_id)
);
create index follows_of_user on follows (follower_id, created_at desc, following_id) where connection_type <> 'blocked';
comment on index follows_of_user is 'follows.following: whom one user follows, newest first';
create index follows_to_user on follows (following_id, created_at desc, follower_id) where connection_type <> 'blocked';
comment on index follows_to_user is 'follows.followers: who follows one user, newest first; whom a post is told';
create index follows_blocks_to_user on follows (following_id, follower_id) where connection_type = 'blocked';
comment on index follows_blocks_to_user is 'access.blocked: by whom one user is blocked';

create table follow_requests (
    follower_id  uuid not null references users on delete cascade,
    following_id uuid not null references users on delete cascade,
    created_at   timestamptz not null default now(),
    primary key (follower_id, following_id),
    constraint no_self_follow check (follower_id <> following_id)
);
create index follow_requests_to_user on follow_requests (following_id, created_at desc);
comment on index follow_requests_to_user is 'follows.requests: who waits for one user''s answer, newest first';

create table mutes (
    user_id    uuid not null references users on delete cascade,
    muted_id   uuid not null references users on delete cascade,
    scope      varchar(20) not null default 'all' check (scope in ('posts', 'stories', 'all')),
    -- Null: until it is taken back.
    until      timestamptz,
    created_at timestamptz not null default now(),
    primary key (user_id, muted_id),
    constraint no_self_mute check (user_id <> muted_id)
);

-- A list of people that posts with visibility `custom` are for.
create table audiences (
    audience_id uuid primary key,
    user_id     uuid not null references users on delete cascade,
    name        varchar(100) not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    unique (user_id, name)
);
create table audience_members (
    audience_id uuid not null references audiences on delete cascade,
    user_id     uuid not null references users on delete cascade,
    created_at  timestamptz not null default now(),
    primary key (audience_id, user_id)
);
create index audience_members_by_user on audience_members (user_id, audience_id);
comment on index audience_members_by_user is 'posts.feed: the custom audiences that one user is in';
