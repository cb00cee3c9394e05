-- name: register
-- No row when the name is taken.
insert into users (user_id, username, username_key, password_hash, full_name)
values (:user_id, :username, :username_key, :password_hash, :full_name)
on conflict (username_key) do nothing
returning user_id, username;

-- name: credentials
-- Also of an account that its owner has hidden, or deleted: `deleted_until` says how long that can be undone, and
-- then there is none.
select u.user_id, u.username, u.password_hash, to_ms(d.purge_after) as deleted_until
from users u
left join account_deletions d on d.user_id = u.user_id and d.purge_after > now() and d.purged_at is null
where u.username_key = :username_key and (u.is_active or u.deactivated_at is not null)
  and (u.deleted_at is null or d.user_id is not null);

-- name: lock
-- For whoever changes what is the user's: one after the other. Others may refer to the row meanwhile, as those do who tell
-- the user something.
select password_hash from users where user_id = :user_id and is_active for no key update;

-- name: password
select username, password_hash from users where user_id = :user_id and is_active;

-- name: logged_in
-- Locks the user: whoever suspends them meanwhile sees the login that follows, or this sees the suspension.
-- It shows what its owner had hidden. No row when it cannot be logged in to any more, or has another password since
-- that was looked at.
update users set last_login_at = now(), is_active = true, deactivated_at = null
where user_id = :user_id and password_hash = :password_hash
  and (is_active or deactivated_at is not null) and deleted_at is null
returning still(suspended_until) as suspended_until, suspended_reason;

-- name: name
select user_id, username from users where user_id = :user_id and is_active;

-- name: by_username
select user_id, username from users where username_key = :username_key and is_active;
