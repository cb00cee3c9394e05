-- min_code: 0.1.0

alter table media_objects
    -- Whose try it is: what another one made comes too late, and is removed.
    add column attempt_id    uuid,
    -- So long it is theirs; then their node is taken to be dead, and another one tries.
    add column leased_until  timestamptz,
    -- Tries that were begun and came to nothing; one that has ended well or was refused is not tried again.
    add column failures      smallint not null default 0 check (failures >= 0),
    -- Why it was refused, in a word; `error` says it in a sentence.
    add column error_code    varchar(20),
    -- What the node did not have to look into it: 'ffmpeg'.
    add column not_available varchar(20);
create index media_objects_waiting on media_objects (leased_until nulls first, updated_at)
    where status in ('uploaded', 'processing') and not is_deleted;
comment on index media_objects_waiting is 'processing.take: what waits to be processed, or was left by a node that died';
create or replace view live_media_objects with (security_invoker = true) as
    select * from media_objects where not is_deleted and status = 'ready';
select audit_table('media_objects', 'user_id', also => '{content_type}',
                   ignored => '{received,unused_since,attempt_id,leased_until,failures}');

-- As in 0037, and: what is kept is the first variant, of which the type and the size are told. `content_type` and
-- `bytes` of the row are those of what was uploaded.
create or replace function message_attachments(media_ids uuid[]) returns jsonb
language plpgsql stable parallel safe as $$
begin
    return (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                   'media_id', o.media_id, 'kind', o.kind,
                   'content_type', coalesce(o.variants #>> '{0,content_type}', o.content_type),
                   'bytes', coalesce((o.variants #>> '{0,bytes}')::bigint, o.bytes),
                   'width', o.width, 'height', o.height, 'duration_ms', o.duration_ms, 'blurhash', o.blurhash,
                   'waveform', case when o.kind = 'voice_note'
                                    then translate(encode(o.waveform, 'base64'), E'\n', '') end)) order by g.ord)
        from unnest(media_ids) with ordinality g (media_id, ord)
        join media_objects o on o.media_id = g.media_id and not o.is_deleted);
end $$;

-- As in 0050, and: of what was processed there is no upload any more, and its variants are below one folder.
create or replace function remove_blobs() returns trigger language plpgsql as $$
begin
    insert into blob_removals (storage_key, media_id)
    select coalesce(o.storage_key, o.variants #>> '{0,storage_key}'), o.media_id from old_rows o
    where coalesce(o.storage_key, o.variants #>> '{0,storage_key}') is not null
    on conflict do nothing;
    return null;
end $$;
