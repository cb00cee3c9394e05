-- min_code: 0.1.0

create table stories (
    story_id       uuid primary key,
    user_id        uuid not null references users on delete cascade,
    media_id       uuid not null references media_objects,
    media_type     varchar(20) not null,
    -- [{"type": "poll" | "question" | "link" | "mention", ...}], numbered by their place
    stickers       jsonb not null default '[]'
                   check (jsonb_typeof(stickers) = 'array' and pg_column_size(stickers) <= 16384),
    visibility     varchar(20) not null default 'followers'
                   check (visibility in ('public', 'followers', 'close_friends')),
    view_count     integer not null default 0,
    reaction_count integer not null default 0,
    is_deleted     boolean not null default false,
    deleted_at     timestamptz,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    expires_at     timestamptz not null default now() + interval '24 hours',
    constraint valid_media_type check (media_type in ('image', 'video')),
    constraint expires_within_24_hours check (expires_at between created_at and created_at + interval '24 hours'),
    constraint deleted_says_when check (is_deleted = (deleted_at is not null))
);
create index stories_of_author on stories (user_id, expires_at desc) where not is_deleted;
comment on index stories_of_author is 'stories.tray: the stories of one author that have not expired';
create index stories_expired on stories (expires_at);
comment on index stories_expired is 'purge.stories: what expired long enough ago and is in no highlight';
create index stories_deleted on stories (deleted_at) where is_deleted;
comment on index stories_deleted is 'purge.stories: what was deleted long enough ago';
create index stories_by_media on stories (media_id);
comment on index stories_by_media is 'purge.media: not while a story shows it';

create table story_views (
    story_id   uuid not null references stories on delete cascade,
    user_id    uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    primary key (story_id, user_id)
);
create index story_views_of_story on story_views (story_id, created_at desc, user_id);
comment on index story_views_of_story is 'stories.viewers: who saw a story, newest first';

create table story_reactions (
    story_id      uuid not null references stories on delete cascade,
    user_id       uuid not null references users on delete cascade,
    reaction_type mood not null,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    primary key (story_id, user_id)
);

create table story_answers (
    story_id   uuid not null references stories on delete cascade,
    sticker_no smallint not null check (sticker_no between 0 and 19),
    user_id    uuid not null references users on delete cascade,
    answer     jsonb not null check (pg_column_size(answer) <= 4096),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (story_id, sticker_no, user_id)
);

create table story_highlights (
    highlight_id   uuid primary key,
    user_id        uuid not null references users on delete cascade,
    title          varchar(100) not null,
    cover_media_id uuid references media_objects,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);
create index story_highlights_of_user on story_highlights (user_id, highlight_id);
comment on index story_highlights_of_user is 'stories.highlights: those of one author';
create index story_highlights_by_cover on story_highlights (cover_media_id) where cover_media_id is not null;
comment on index story_highlights_by_cover is 'purge.media: not while a highlight shows it';

create table story_highlight_items (
    highlight_id uuid not null references story_highlights on delete cascade,
    story_id     uuid not null references stories on delete cascade,
    created_at   timestamptz not null default now(),
    primary key (highlight_id, story_id)
);
create index story_highlight_items_by_story on story_highlight_items (story_id);
comment on index story_highlight_items_by_story is 'purge.stories: what is in a highlight stays';
