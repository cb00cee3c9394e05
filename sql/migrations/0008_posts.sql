-- min_code: 0.1.0

create domain mood as varchar(20)
    check (value in ('inspired', 'grateful', 'curious', 'excited', 'thoughtful'));

-- By month, on the id itself: a UUIDv7 begins with its time. So the key stays one column, foreign keys
-- work, and a page by id stops early. A draft is no post: it gets its id when it is published.
create table posts (
    post_id            uuid primary key,
    user_id            uuid not null references users on delete cascade,
    caption            text check (char_length(caption) <= 2200),
    post_type          varchar(20) not null,
    -- In their order. media_refs says the same to the collector.
    media_ids          uuid[] not null default '{}' check (cardinality(media_ids) <= 20),
    aspect_ratio       varchar(10),
    duration_seconds   integer check (duration_seconds >= 0),
    visibility         varchar(20) not null default 'public'
                       check (visibility in ('public', 'friends', 'private', 'custom')),
    audience_id        uuid references audiences,
    allow_comments     boolean not null default true,
    allow_reactions    boolean not null default true,
    who_may_comment    varchar(20) not null default 'everyone'
                       check (who_may_comment in ('everyone', 'following', 'friends')),
    location_name      varchar(255),
    latitude           decimal(10, 8) check (latitude between -90 and 90),
    longitude          decimal(11, 8) check (longitude between -180 and 180),
    -- Without a foreign key: what it quotes may be gone, and is shown so.
    quoted_post_id     uuid,
    reactions_inspired   integer not null default 0,
    reactions_grateful   integer not null default 0,
    reactions_curious    integer not null default 0,
    reactions_excited    integer not null default 0,
    reactions_thoughtful integer not null default 0,
    reaction_count     integer not null generated always as (reactions_inspired + reactions_grateful
                       + reactions_curious + reactions_excited + reactions_thoughtful) stored,
    comment_count      integer not null default 0,
    share_count        integer not null default 0,
    view_count         integer not null default 0,
    is_edited          boolean not null default false,
    is_archived        boolean not null default false,
    is_deleted         boolean not null default false,
    deleted_at         timestamptz,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now(),
    published_at       timestamptz not null default now(),
    constraint valid_post_type check (post_type in ('photo', 'video', 'text', 'audio', 'poll', 'collaborative')),
    constraint place_has_both_coordinates check ((latitude is null) = (longitude is null)),
    constraint custom_has_its_audience check ((visibility = 'custom') = (audience_id is not null)),
    constraint deleted_says_when check (is_deleted = (deleted_at is not null))
) partition by range (post_id);
create table posts_default partition of posts default;
insert into partition_rules (parent, keyed_by, step, ahead) values ('posts', 'uuid7', 'month', 3);
create trigger refuse_unbelievable_id before insert on posts
    for each row execute function refuse_unbelievable_id('post_id');

create index posts_of_author on posts (user_id, post_id desc) where not is_deleted;
comment on index posts_of_author is 'posts.of_author and posts.feed: the newest posts of one author';
create index posts_deleted on posts (deleted_at) where is_deleted;
comment on index posts_deleted is 'purge.posts: what was deleted long enough ago';
create index posts_nearby on posts (latitude, longitude)
    where latitude is not null and visibility = 'public' and not is_deleted;
comment on index posts_nearby is 'posts.nearby: public posts within a box';
create index posts_of_audience on posts (audience_id) where audience_id is not null;
comment on index posts_of_audience is 'audiences.remove: refused while posts are for it';

create table post_drafts (
    draft_id   uuid primary key,
    user_id    uuid not null references users on delete cascade,
    -- The post as it will be asked for.
    body       jsonb not null check (pg_column_size(body) <= 65536),
    publish_at timestamptz,
    -- Why publishing it failed, for its author.
    error      varchar(200),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint publish_within_a_year check (publish_at <= created_at + interval '1 year')
);
create index post_drafts_of_user on post_drafts (user_id, draft_id desc);
comment on index post_drafts_of_user is 'posts.drafts: those of one author, newest first';
create index post_drafts_due on post_drafts (publish_at) where publish_at is not null;
comment on index post_drafts_due is 'posts.publish_due: what the worker publishes';

create table post_edits (
    post_id   uuid not null references posts on delete cascade,
    edited_at timestamptz not null default now(),
    -- As it was before.
    caption   text,
    primary key (post_id, edited_at)
);

create table post_coauthors (
    post_id    uuid not null references posts on delete cascade,
    user_id    uuid not null references users on delete cascade,
    status     varchar(20) not null default 'invited' check (status in ('invited', 'accepted', 'declined')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (post_id, user_id)
);
create index post_coauthors_by_user on post_coauthors (user_id, post_id desc);
comment on index post_coauthors_by_user is 'posts.of_author: posts that one user is a co-author of, or is invited to';

create table post_mentions (
    post_id    uuid not null references posts on delete cascade,
    user_id    uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    primary key (post_id, user_id)
);
create index post_mentions_by_user on post_mentions (user_id, post_id desc);
comment on index post_mentions_by_user is 'posts.mentioning: posts that name one user, newest first';

create table post_shares (
    share_id   uuid primary key,
    post_id    uuid not null references posts on delete cascade,
    user_id    uuid not null references users on delete cascade,
    via        varchar(20) not null check (via in ('message', 'story', 'quote', 'repost', 'link')),
    created_at timestamptz not null default now()
);
create index post_shares_of_post on post_shares (post_id, created_at desc);
comment on index post_shares_of_post is 'posts.shared_by: who shared a post, newest first';
create index post_shares_by_user on post_shares (user_id, share_id desc);
comment on index post_shares_by_user is 'posts.of_author: what one user reposted';

create table polls (
    post_id      uuid primary key references posts on delete cascade,
    question     varchar(300) not null,
    multiple     boolean not null default false,
    closes_at    timestamptz,
    show_results varchar(20) not null default 'after_vote'
                 check (show_results in ('always', 'after_vote', 'after_close')),
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    constraint closes_within_a_year check (closes_at between created_at and created_at + interval '1 year')
);
create table poll_options (
    post_id    uuid not null references polls on delete cascade,
    option_no  smallint not null check (option_no between 0 and 19),
    label      varchar(100) not null,
    vote_count integer not null default 0,
    created_at timestamptz not null default now(),
    primary key (post_id, option_no)
);
create table poll_votes (
    post_id    uuid not null,
    user_id    uuid not null references users on delete cascade,
    option_no  smallint not null,
    created_at timestamptz not null default now(),
    primary key (post_id, user_id, option_no),
    foreign key (post_id, option_no) references poll_options on delete cascade
);
create index poll_votes_by_user on poll_votes (user_id, post_id);
comment on index poll_votes_by_user is 'accounts.export: the votes of one user';
create index poll_votes_of_option on poll_votes (post_id, option_no, created_at desc);
comment on index poll_votes_of_option is 'polls.voters: who voted for an option, newest first';

-- Once per viewer and day. Without a foreign key: it is written most of all, and dropped by the month.
create table post_views (
    post_id       uuid not null,
    user_id       uuid not null,
    day           date not null default (now() at time zone 'UTC')::date,
    times         integer not null default 1 check (times > 0),
    watch_seconds integer not null default 0 check (watch_seconds >= 0),
    primary key (post_id, user_id, day)
) partition by range (day);
create table post_views_default partition of post_views default;
insert into partition_rules (parent, keyed_by, step, ahead, keep)
values ('post_views', 'date', 'month', 2, interval '60 days');

create table post_analytics (
    post_id                uuid not null references posts on delete cascade,
    date                   date not null,
    views                  integer not null default 0,
    unique_views           integer not null default 0,
    reactions_inspired     integer not null default 0,
    reactions_grateful     integer not null default 0,
    reactions_curious      integer not null default 0,
    reactions_excited      integer not null default 0,
    reactions_thoughtful   integer not null default 0,
    comments               integer not null default 0,
    shares                 integer not null default 0,
    saves                  integer not null default 0,
    avg_watch_time_seconds integer check (avg_watch_time_seconds >= 0),
    completion_rate        decimal(5, 2) check (completion_rate between 0 and 100),
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    primary key (post_id, date)
) partition by range (date);
create table post_analytics_default partition of post_analytics default;
insert into partition_rules (parent, keyed_by, step, ahead) values ('post_analytics', 'date', 'month', 2);

-- Before the first row: what has strayed into posts_default stays there.
select make_partitions();
