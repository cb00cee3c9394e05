-- min_code: 0.1.0

alter table media_objects
    -- When an upload is given up that was not completed.
    add column expires_at   timestamptz,
    -- Since when nothing may refer to it, or when to look again; null once it has references. What is made has none yet.
    add column unused_since timestamptz default now(),
    -- 'uploaded': its bytes are all there and are what was said, and it waits to be processed.
    drop constraint media_objects_status_check,
    add constraint media_objects_status_check
        check (status in ('uploading', 'uploaded', 'processing', 'ready', 'failed'));
create index media_objects_open on media_objects (user_id, expires_at) where status = 'uploading';
comment on index media_objects_open is 'uploads.room and uploads.list: what one user is uploading';
create index media_objects_expiring on media_objects (expires_at) where status = 'uploading';
comment on index media_objects_expiring is 'purge.expired_uploads: uploads whose time is over';
create index media_objects_unused on media_objects (unused_since) where unused_since is not null;
comment on index media_objects_unused is 'purge.unused_media: what may be collected';
create or replace view live_media_objects with (security_invoker = true) as
    select * from media_objects where not is_deleted and status = 'ready';
select audit_table('media_objects', 'user_id', also => '{content_type}', ignored => '{received,unused_since}');

-- Bytes whose row is gone: kept until they are removed, however long the store of files is away.
create table blob_removals (
    storage_key varchar(500) primary key,
    media_id    uuid not null,
    created_at  timestamptz not null default now()
);
alter table blob_removals enable row level security;
create policy server on blob_removals to lumina_writer, lumina_admin using (true) with check (true);
grant select, insert, update, delete on blob_removals to lumina_writer, lumina_admin;

-- However a row goes: the owner of an account that is removed takes it along.
create function remove_blobs() returns trigger language plpgsql as $$
begin
    insert into blob_removals (storage_key, media_id)
    select o.storage_key, o.media_id from old_rows o where o.storage_key is not null
    on conflict do nothing;
    return null;
end $$;
create trigger remove_blobs after delete on media_objects referencing old table as old_rows
    for each statement execute function remove_blobs();

-- Whether something shows it. Drafts and what is to be sent later keep what they name.
create function media_in_use(media uuid, owner uuid) returns setof uuid
language sql stable parallel safe as $$
    select r.media_id from media_refs r where r.media_id = media
    union all select c.media_id from comments c where c.media_id = media
    union all select s.media_id from stories s where s.media_id = media
    union all select h.cover_media_id from story_highlights h where h.cover_media_id = media
    union all select t.icon_media_id from topics t where t.icon_media_id = media
    union all select u.avatar_media_id from users u where u.avatar_media_id = media
    union all select c.picture_media_id from conversations c where c.picture_media_id = media
    union all select media from post_drafts d where d.user_id = owner and d.body -> 'media_ids' ? media::text
    union all select media from scheduled_messages m
              where m.user_id = owner and m.sent_at is null and m.body -> 'media_ids' ? media::text
$$;

-- What has lost a reference may have lost the last one; the collector looks.
create function media_released() returns trigger language plpgsql as $$
begin
    update media_objects set unused_since = now() where media_id in (
        select m.media_id from media_objects m
        where m.media_id in (select o.media_id from old_rows o) and m.unused_since is null
        order by m.media_id for no key update);
    return null;
end $$;
create trigger media_released after delete on media_refs referencing old table as old_rows
    for each statement execute function media_released();
