-- name: put
-- No row when another user has this id.
insert into devices (device_id, user_id, name, platform, app_version)
values (:device_id, :user_id, :name, :platform, :app_version)
on conflict (device_id) do update
set name = excluded.name, platform = excluded.platform, app_version = excluded.app_version, last_seen_at = now()
where devices.user_id = excluded.user_id
returning device_id;

-- name: list
select device_id, name, platform, app_version, to_ms(created_at) as created_at, to_ms(last_seen_at) as last_seen_at
from devices where user_id = :user_id
order by last_seen_at desc, device_id desc
limit :limit;

-- name: rename
update devices set name = :name where device_id = :device_id and user_id = :user_id
returning device_id;

-- name: remove
-- And its login with it.
with ended as (
    update sessions set revoked_at = now()
    where user_id = :user_id and device_id = :device_id and revoked_at is null
)
delete from devices where device_id = :device_id and user_id = :user_id
returning device_id;

-- name: forget
-- Of those that are logged out the oldest, when there are so many.
delete from devices d
using (select device_id from devices where user_id = :user_id
       order by last_seen_at desc, device_id desc offset :keep) old
where d.user_id = :user_id and d.device_id = old.device_id
  and not exists (select from sessions s
                  where s.user_id = :user_id and s.device_id = d.device_id and s.revoked_at is null);
