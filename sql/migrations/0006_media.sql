-- min_code: 0.1.0

-- What was uploaded. URLs are made when they are asked for, from `storage_key`: they are signed, or on a
-- CDN whose address changes, so none is stored.
create table media_objects (
    media_id      uuid primary key,
    user_id       uuid not null references users on delete cascade,
    kind          varchar(20) not null check (kind in ('image', 'video', 'audio', 'voice_note', 'gif', 'sticker')),
    status        varchar(20) not null default 'uploading'
                  check (status in ('uploading', 'processing', 'ready', 'failed')),
    content_type  varchar(100) not null,
    bytes         bigint not null check (bytes > 0),
    sha256        bytea not null check (octet_length(sha256) = 32),
    received      bigint not null default 0 constraint received_at_most_all check (received between 0 and bytes),
    -- The store's own id of an upload in parts, to abort it by.
    upload_id     varchar(500),
    storage_key   varchar(500) unique,
    width         integer check (width > 0),
    height        integer check (height > 0),
    duration_ms   integer check (duration_ms >= 0),
    blurhash      varchar(100),
    waveform      bytea check (octet_length(waveform) <= 1024),
    -- Sizes and thumbnails: [{"name", "storage_key", "content_type", "width", "height", "bytes"}]
    variants      jsonb not null default '[]',
    -- Why it failed, for its owner.
    error         varchar(200),
    is_deleted    boolean not null default false,
    deleted_at    timestamptz,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint deleted_says_when check (is_deleted = (deleted_at is not null))
);
create index media_objects_of_user on media_objects (user_id, media_id) where not is_deleted;
comment on index media_objects_of_user is 'media.quota and media.list: what one user keeps';
create index media_objects_unfinished on media_objects (updated_at) where status in ('uploading', 'processing');
comment on index media_objects_unfinished is 'media.next: what waits for the worker, and uploads that were left';
create index media_objects_deleted on media_objects (deleted_at) where is_deleted;
comment on index media_objects_deleted is 'purge.media: what was deleted long enough ago';

-- Where an object is used. What nothing refers to is collected after a grace time.
create table media_refs (
    media_id     uuid not null references media_objects on delete cascade,
    subject_type varchar(20) not null check (subject_type in
                 ('user', 'conversation', 'message', 'post', 'comment', 'story', 'topic', 'highlight')),
    subject_id   uuid not null,
    created_at   timestamptz not null default now(),
    primary key (media_id, subject_type, subject_id)
);
create index media_refs_of_subject on media_refs (subject_type, subject_id);
comment on index media_refs_of_subject is 'media.release: what a purged thing had used';

alter table users add column avatar_media_id uuid references media_objects on delete set null;
create index users_by_avatar on users (avatar_media_id) where avatar_media_id is not null;
comment on index users_by_avatar is 'purge.media: the users that lose their picture';
