-- name: ask
-- No row when the id is taken.
insert into account_exports (export_id, user_id) values (:export_id, :user_id)
on conflict do nothing
returning export_id;

-- name: asked_lately
-- How many are being made, and how long until another one may be asked for: three in 7 days, but for those that failed.
select count(*) filter (where status = 'pending') as pending,
       ceil(extract(epoch from (array_agg(created_at order by created_at desc))[3]
                               + interval '7 days' - clock_timestamp()) * 1000)::bigint as wait_ms
from account_exports where user_id = :user_id and status <> 'failed';

-- name: of_user
-- Newest first; or one of them. Its time is over by itself, whenever the archive is removed.
select export_id, case when status = 'ready' and expires_at <= now() then 'gone' else status end as status, size_bytes,
       to_ms(created_at) as created_at, case when status = 'ready' and expires_at > now() then to_ms(expires_at) end as expires_at
from account_exports
where user_id = :user_id and (:export_id::uuid is null or export_id = :export_id::uuid)
order by created_at desc limit :limit;

-- name: fetch
-- For a link that a login has made: no row when the login has ended, or the archive is gone.
select e.storage_key, to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD') as day
from account_exports e
join sessions s on s.user_id = e.user_id
join users u on u.user_id = e.user_id
where e.export_id = :export_id and s.session_id = :session_id and e.status = 'ready' and e.expires_at > now()
  and s.revoked_at is null and s.expires_at > now() and u.is_active;

-- name: next
-- One that nobody else is making, and has not been made.
select export_id, user_id from account_exports
where status = 'pending' and storage_key is null
order by created_at limit 1 for update skip locked;

-- name: made
update account_exports
set storage_key = :storage_key, size_bytes = :size_bytes, expires_at = clock_timestamp() + interval '7 days'
where export_id = :export_id and user_id = :user_id;

-- name: failed
update account_exports set status = 'failed'
where export_id = :export_id and user_id = :user_id and status = 'pending' and storage_key is null
returning export_id;

-- name: finish
-- One that was made and not told of.
update account_exports set status = 'ready'
where export_id = (select export_id from account_exports
                   where status = 'pending' and storage_key is not null
                   order by created_at limit 1 for update skip locked)
returning export_id, user_id;

-- name: expired
-- Whose archive is to be removed; the row is held until that is done.
select export_id, user_id, storage_key from account_exports
where storage_key is not null and expires_at <= now()
order by expires_at limit 1 for update skip locked;

-- name: gone
update account_exports set status = 'gone', storage_key = null
where export_id = :export_id and user_id = :user_id;

-- name: unhurried
-- A large account takes longer than other transactions may.
select set_config('statement_timeout', '10min', true),
       set_config('idle_in_transaction_session_timeout', '1min', true);
