-- min_code: 0.1.0

create table reactions (
    post_id       uuid not null references posts on delete cascade,
    user_id       uuid not null references users on delete cascade,
    reaction_type mood not null,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    primary key (post_id, user_id)
);
create index reactions_of_post on reactions (post_id, created_at desc, user_id);
comment on index reactions_of_post is 'reactions.page: who reacted to a post, newest first';
create index reactions_by_user on reactions (user_id, created_at desc);
comment on index reactions_by_user is 'reactions.mine: what one user reacted to, newest first';

create table comments (
    comment_id        uuid primary key,
    post_id           uuid not null references posts on delete cascade,
    user_id           uuid not null references users on delete cascade,
    content           text not null check (char_length(content) <= 2200),
    parent_comment_id uuid,
    thread_depth      integer not null default 0,
    media_id          uuid references media_objects,
    media_type        varchar(20) check (media_type in ('image', 'gif', 'sticker')),
    like_count        integer not null default 0,
    reply_count       integer not null default 0,
    pinned_at         timestamptz,
    is_edited         boolean not null default false,
    is_deleted        boolean not null default false,
    deleted_at        timestamptz,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    constraint max_thread_depth check (thread_depth between 0 and 3),
    constraint depth_counts_parents check ((parent_comment_id is null) = (thread_depth = 0)),
    constraint media_has_its_type check ((media_id is null) = (media_type is null)),
    constraint deleted_says_when check (is_deleted = (deleted_at is not null)),
    unique (post_id, comment_id),
    -- A reply is under the post of what it replies to.
    foreign key (post_id, parent_comment_id) references comments (post_id, comment_id) on delete cascade
);
create index comments_of_post on comments (post_id, created_at desc, comment_id) where parent_comment_id is null;
comment on index comments_of_post is 'comments.page: the threads of a post, newest or oldest first';
create index comments_liked on comments (post_id, like_count desc, comment_id) where parent_comment_id is null;
comment on index comments_liked is 'comments.page: the threads of a post, most liked first';
create index comments_replies on comments (post_id, parent_comment_id, created_at, comment_id)
    where parent_comment_id is not null;
comment on index comments_replies is 'comments.replies: the answers to a comment, oldest first';
create index comments_by_user on comments (user_id, created_at desc);
comment on index comments_by_user is 'comments.mine: what one user wrote, newest first';
create index comments_deleted on comments (deleted_at) where is_deleted;
comment on index comments_deleted is 'purge.comments: what was deleted long enough ago';
create index comments_by_media on comments (media_id) where media_id is not null;
comment on index comments_by_media is 'purge.media: not while a comment shows it';

create table comment_likes (
    comment_id uuid not null references comments on delete cascade,
    user_id    uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    primary key (comment_id, user_id)
);
create index comment_likes_by_user on comment_likes (user_id, created_at desc);
comment on index comment_likes_by_user is 'comments.mine_liked: what one user likes, newest first';
