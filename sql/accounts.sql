-- name: register
-- No row when the name is taken.
insert into users (user_id, username, username_key, password_hash, full_name)
values (:user_id, :username, :username_key, :password_hash, :full_name)
on conflict (username_key) do nothing
returning user_id, username;

-- name: credentials
select user_id, username, password_hash
from users
where username_key = :username_key and is_active;

-- name: password
select username, password_hash from users where user_id = :user_id and is_active;

-- name: logged_in
update users set last_login_at = now() where user_id = :user_id;

-- name: name
select user_id, username from users where user_id = :user_id and is_active;

-- name: by_username
select user_id, username from users where username_key = :username_key and is_active;
