-- What the store of files should have, by the table: see lumina_rt/workers/media_check.py.

-- name: page
-- Keys with their bytes, of so many rows behind that one; no bytes of an upload that is still coming, and no key where a row names nothing.
select o.media_id, o.status, case when o.status = 'processing' then o.attempt_id end as attempt_id, k.storage_key, k.bytes, k.variant
from (select * from media_objects where media_id > :media_id order by media_id limit :limit) o
left join lateral (
    select o.storage_key, case when o.status <> 'uploading' then o.bytes end as bytes, null as variant
    where o.storage_key is not null
    union all
    select v ->> 'storage_key', (v ->> 'bytes')::bigint, v ->> 'name' from jsonb_array_elements(o.variants) v) k on true
order by o.media_id;

-- name: of
-- The same of these.
select o.media_id, o.status, case when o.status = 'processing' then o.attempt_id end as attempt_id, k.storage_key, k.bytes, k.variant
from media_objects o
left join lateral (
    select o.storage_key, case when o.status <> 'uploading' then o.bytes end as bytes, null as variant
    where o.storage_key is not null
    union all
    select v ->> 'storage_key', (v ->> 'bytes')::bigint, v ->> 'name' from jsonb_array_elements(o.variants) v) k on true
where o.media_id = any (:media_ids::uuid[]);

-- name: going
-- What the nodes remove already.
select storage_key, media_id from blob_removals where media_id = any (:media_ids::uuid[]);
