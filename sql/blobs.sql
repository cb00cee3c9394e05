-- name: next
-- A file that is to be removed; held until that is done.
select storage_key, media_id from blob_removals order by storage_key limit 1 for update skip locked;

-- name: again
-- A row when somebody has begun another upload by the same id.
select media_id from media_objects where media_id = :media_id;

-- name: removed
delete from blob_removals where storage_key = :storage_key;
