-- min_code: 0.1.0

create table topics (
    topic_id       uuid primary key,
    -- As it is compared: NFKC, case folded, by the server. display_name is how it is shown.
    topic_name     varchar(100) not null unique,
    display_name   varchar(100) not null,
    description    text check (char_length(description) <= 2000),
    color_hex      varchar(7) check (color_hex ~ '^#[0-9a-fA-F]{6}$'),
    icon_media_id  uuid references media_objects,
    post_count     integer not null default 0,
    follower_count integer not null default 0,
    is_trending    boolean not null default false,
    is_featured    boolean not null default false,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);
create index topics_featured on topics (topic_id) where is_featured;
comment on index topics_featured is 'topics.featured: the few that are shown to everybody';
create index topics_trending on topics (topic_id) where is_trending;
comment on index topics_trending is 'topics.trending: what the worker found last';
create index topics_by_prefix on topics (topic_name varchar_pattern_ops);
comment on index topics_by_prefix is 'topics.complete: what begins with these letters';
create index topics_by_icon on topics (icon_media_id) where icon_media_id is not null;
comment on index topics_by_icon is 'purge.media: not while a topic shows it';

create table post_topics (
    post_id    uuid not null references posts on delete cascade,
    topic_id   uuid not null references topics on delete cascade,
    created_at timestamptz not null default now(),
    primary key (post_id, topic_id)
);
create index post_topics_of_topic on post_topics (topic_id, post_id desc);
comment on index post_topics_of_topic is 'topics.posts: the posts of a topic, newest first';
create index post_topics_recent on post_topics using brin (created_at);
comment on index post_topics_recent is 'topics.score: what was said in the last days, for trends';

create table topic_follows (
    user_id    uuid not null references users on delete cascade,
    topic_id   uuid not null references topics on delete cascade,
    created_at timestamptz not null default now(),
    primary key (user_id, topic_id)
);
create index topic_follows_of_topic on topic_follows (topic_id, user_id);
comment on index topic_follows_of_topic is 'topics.followers: whom a post in a topic is shown to';

create table bookmark_collections (
    collection_id uuid primary key,
    user_id       uuid not null references users on delete cascade,
    name          varchar(100) not null,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    unique (user_id, name),
    unique (user_id, collection_id)
);
create table bookmarks (
    user_id       uuid not null references users on delete cascade,
    post_id       uuid not null references posts on delete cascade,
    collection_id uuid,
    created_at    timestamptz not null default now(),
    primary key (user_id, post_id),
    -- One's own collection only; what it held stays bookmarked without it.
    foreign key (user_id, collection_id) references bookmark_collections (user_id, collection_id)
        on delete set null (collection_id)
);
create index bookmarks_of_user on bookmarks (user_id, created_at desc, post_id);
comment on index bookmarks_of_user is 'bookmarks.page: all of one user, newest first';
create index bookmarks_of_collection on bookmarks (user_id, collection_id, created_at desc) where collection_id is not null;
comment on index bookmarks_of_collection is 'bookmarks.page: one collection, newest first';
create index bookmarks_of_post on bookmarks (post_id);
comment on index bookmarks_of_post is 'purge.posts: the bookmarks that go with a post';
