-- What is being uploaded. The bytes are in the store of files (lumina_rt/blobs); how far one is, that says.

-- name: own
-- Of the user, whatever became of it.
select media_id, kind, status, content_type, bytes, sha256, received, upload_id, storage_key, error,
       to_ms(created_at) as created_at, case when status = 'uploading' then to_ms(expires_at) end as expires_at,
       coalesce(status = 'uploading' and expires_at <= now(), false) as is_over
from media_objects where media_id = :media_id and user_id = :user_id and not is_deleted;

-- name: list
select media_id, kind, status, content_type, bytes, received, upload_id, storage_key, error,
       to_ms(created_at) as created_at, to_ms(expires_at) as expires_at
from media_objects where user_id = :user_id and status = 'uploading' and not is_deleted and expires_at > now()
order by expires_at, media_id limit :limit;

-- name: room
-- How many uploads the user has under way, and how many bytes they keep. Whoever adds one has locked the user.
select (select count(*) from media_objects
        where user_id = :user_id and status = 'uploading' and not is_deleted and expires_at > now()) as under_way,
       (select coalesce(sum(bytes), 0)::bigint from media_objects where user_id = :user_id and not is_deleted) as kept;

-- name: create
-- No row when the id is taken.
insert into media_objects (media_id, user_id, kind, content_type, bytes, sha256, storage_key, expires_at)
values (:made_id, :user_id, :media_kind, :content_type, :bytes, :sha256, :storage_key,
        date_trunc('milliseconds', clock_timestamp()) + make_interval(hours => :hours::integer))
on conflict do nothing
returning media_id;

-- name: begun
-- The store's own id of it; the first one stands.
update media_objects set upload_id = :upload_id
where media_id = :media_id and user_id = :user_id and status = 'uploading' and upload_id is null;

-- name: completed
-- No row when it was completed or given up meanwhile.
update media_objects set status = 'uploaded', received = bytes, upload_id = null, unused_since = now(), updated_at = now()
where media_id = :media_id and user_id = :user_id and status = 'uploading' and not is_deleted
returning media_id;

-- name: remove
-- What is not complete. Its bytes are removed afterwards, see blob_removals.
delete from media_objects where media_id = :media_id and user_id = :user_id and status = 'uploading'
returning media_id;

-- name: receiving
-- For the URL that a login, or a bot, has made: no row when that has ended, or there is no such upload any more.
select m.user_id, m.bytes, m.storage_key, to_ms(m.expires_at) as expires_at, m.status = 'uploading' as is_open
from media_objects m join users u on u.user_id = m.user_id
where m.media_id = :media_id and not m.is_deleted and u.is_active
  and (m.status <> 'uploading' or m.expires_at > now())
  and (exists (select from sessions s where s.session_id = :session_id and s.user_id = m.user_id
                                        and s.revoked_at is null and s.expires_at > now())
       or exists (select from access_tokens t where t.token_id = :session_id and t.user_id = m.user_id
                                                and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())));
