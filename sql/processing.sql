-- What was uploaded, and becomes usable: see lumina_rt/workers/processing.py. Only the columns of a try are changed while
-- it goes on, under its own `attempt_id`: a try whose lease has ended meanwhile finds no row.

-- name: take
-- One that waits, or whose node has died. That it is begun counts as a failure until it has ended well.
update media_objects m
set status = 'processing', attempt_id = gen_random_uuid(), failures = m.failures + 1, updated_at = now(),
    leased_until = clock_timestamp() + make_interval(secs => :lease_s)
where m.media_id = (
    select media_id from media_objects
    where status in ('uploaded', 'processing') and not is_deleted and (leased_until is null or leased_until <= now())
    order by leased_until nulls first, updated_at limit 1 for update skip locked)
returning m.media_id, m.user_id, m.kind, m.storage_key, m.attempt_id, m.failures;

-- name: hold
-- Go on having it. No row when it is somebody else's by now, or was deleted.
update media_objects set leased_until = clock_timestamp() + make_interval(secs => :lease_s)
where media_id = :media_id and user_id = :user_id and attempt_id = :attempt_id and status = 'processing' and not is_deleted
returning media_id;

-- name: give_back
-- To be tried again in a while; `failures` is put back where it was nobody's fault here.
update media_objects
set status = 'uploaded', attempt_id = null, failures = :failures, leased_until = clock_timestamp() + make_interval(secs => :wait_s)
where media_id = :media_id and user_id = :user_id and attempt_id = :attempt_id and status = 'processing'
returning media_id;

-- name: ready
-- What was uploaded goes: it may say where it was made. No row as in `hold`.
update media_objects
set status = 'ready', variants = :variants, width = :width, height = :height, duration_ms = :duration_ms,
    blurhash = :blurhash, waveform = :waveform, not_available = :not_available, storage_key = null,
    leased_until = null, failures = 0, error = null, error_code = null, unused_since = now(), updated_at = now()
where media_id = :media_id and user_id = :user_id and attempt_id = :attempt_id and status = 'processing' and not is_deleted
returning media_id;

-- name: told
-- After `ready`, whose own snapshot has it as it was.
select message_attachments(array[media_id]) -> 0 as media, not_available from media_objects
where media_id = :media_id and user_id = :user_id and not is_deleted;

-- name: remove_upload
-- By the worker that removes bytes, whenever their store is there.
insert into blob_removals (storage_key, media_id) values (:storage_key, :media_id) on conflict do nothing;

-- name: failed
-- For its owner. What was uploaded stays theirs until it is collected. No row as in `hold`.
update media_objects
set status = 'failed', error_code = :code, error = left(:error, 200), leased_until = null, unused_since = now(),
    updated_at = now()
where media_id = :media_id and user_id = :user_id and attempt_id = :attempt_id and status = 'processing' and not is_deleted
returning media_id;
