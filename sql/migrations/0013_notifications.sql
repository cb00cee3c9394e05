-- min_code: 0.1.0

create domain notification_type as varchar(50)
    check (value in ('reaction', 'comment', 'follow', 'mention', 'message', 'milestone', 'system'));

-- "alice and 11 others": what is shown as one, and read as one.
create table notification_groups (
    user_id           uuid not null references users on delete cascade,
    group_key         varchar(100) not null,
    notification_type notification_type not null,
    actor_count       integer not null default 0 check (actor_count >= 0),
    is_read           boolean not null default false,
    read_at           timestamptz,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    primary key (user_id, group_key)
);
create index notification_groups_of_user on notification_groups (user_id, updated_at desc);
comment on index notification_groups_of_user is 'notifications.page: the groups of one user, newest first';
create index notification_groups_unread on notification_groups (user_id) where not is_read;
comment on index notification_groups_unread is 'notifications.unread: how many one user has not read';

create table notifications (
    user_id           uuid not null references users on delete cascade,
    notification_id   uuid not null,
    notification_type notification_type not null,
    group_key         varchar(100),
    title             varchar(255) not null,
    message           text check (char_length(message) <= 2000),
    actor_id          uuid references users on delete cascade,
    post_id           uuid references posts on delete cascade,
    comment_id        uuid references comments on delete cascade,
    conversation_id   uuid references conversations on delete cascade,
    story_id          uuid references stories on delete cascade,
    action_url        varchar(500),
    is_read           boolean not null default false,
    read_at           timestamptz,
    created_at        timestamptz not null default now(),
    primary key (user_id, notification_id),
    foreign key (user_id, group_key) references notification_groups on delete cascade,
    constraint read_says_when check (is_read = (read_at is not null))
);
create index notifications_of_group on notifications (user_id, group_key, notification_id desc);
comment on index notifications_of_group is 'notifications.of_group: who is behind "and 11 others"';
create index notifications_old on notifications using brin (created_at);
comment on index notifications_old is 'purge.notifications: what came long enough ago';
create index notifications_of_actor on notifications (actor_id);
comment on index notifications_of_actor is 'follows.block: what the blocked one had caused is withdrawn';
create index notifications_of_post on notifications (post_id) where post_id is not null;
comment on index notifications_of_post is 'purge.posts: the notifications that go with a post';
create index notifications_of_comment on notifications (comment_id) where comment_id is not null;
comment on index notifications_of_comment is 'purge.comments: the notifications that go with a comment';
create index notifications_of_conversation on notifications (conversation_id, user_id) where conversation_id is not null;
comment on index notifications_of_conversation is
    'notifications.withdraw: those that reading a conversation settles; and what goes with a conversation';
create index notifications_of_story on notifications (story_id) where story_id is not null;
comment on index notifications_of_story is 'purge.stories: the notifications that go with a story';

create table reports (
    report_id     uuid primary key,
    reporter_id   uuid not null references users on delete cascade,
    reported_type varchar(20) not null
                  check (reported_type in ('post', 'comment', 'user', 'message', 'story', 'conversation')),
    reported_id   uuid not null,
    reason        varchar(50) not null,
    description   text check (char_length(description) <= 2000),
    status        varchar(20) not null default 'pending'
                  check (status in ('pending', 'reviewed', 'actioned', 'dismissed')),
    reviewed_by   uuid references users,
    reviewed_at   timestamptz,
    resolution    varchar(500),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint valid_reason check
        (reason in ('spam', 'harassment', 'inappropriate', 'copyright', 'impersonation', 'other')),
    constraint reviewed_says_when check ((status = 'pending') = (reviewed_at is null)),
    -- The same complaint twice is one.
    unique (reporter_id, reported_type, reported_id, reason)
);
create index reports_pending on reports (created_at) where status = 'pending';
comment on index reports_pending is 'reports.queue: what waits for a moderator, oldest first';
create index reports_of_subject on reports (reported_type, reported_id);
comment on index reports_of_subject is 'reports.of_subject: what else was said of it';
create index reports_by_reviewer on reports (reviewed_by, reviewed_at desc) where reviewed_by is not null;
comment on index reports_by_reviewer is 'reports.reviewed: what one moderator has decided, newest first';
