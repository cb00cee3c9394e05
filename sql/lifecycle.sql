-- name: lock
-- For no one else until the commit: also not for who begins a login or makes a token, since those refer to the row.
-- `wait_ms`: until the name may be changed again.
select username, username_key, password_hash,
       ceil(extract(epoch from username_changed_at + interval '7 days' - clock_timestamp()) * 1000)::bigint as wait_ms
from users where user_id = :user_id and is_active for update;

-- name: set_password
-- No row when it was changed since it was looked at.
update users set password_hash = :new_hash
where user_id = :user_id and password_hash = :password_hash and is_active
returning user_id;

-- name: rename
update users set username = :username, username_key = :username_key, username_changed_at = now()
where user_id = :user_id and is_active
  and not exists (select from users u where u.username_key = :username_key and u.user_id <> :user_id);

-- name: give_up
insert into username_history (username_key, user_id, held_until)
values (:username_key, :user_id, now() + interval '14 days')
on conflict (username_key, user_id) do update set held_until = excluded.held_until;

-- name: take_back
delete from username_history where username_key = :username_key and user_id = :user_id;

-- name: taken
-- Whether a name is somebody else's, or is held for somebody else.
select exists (select from users where username_key = :username_key and user_id <> :user_id)
       or exists (select from username_history
                  where username_key = :username_key and user_id <> :user_id and held_until > now()) as taken;

-- name: companions
-- Who is in a conversation with somebody, also who is hidden and may come back: of the newest conversations first, and
-- so many at most.
with newest as (
    select p.conversation_id, c.updated_at
    from conversation_participants p
    cross join lateral (
        select c.updated_at from conversations c where c.conversation_id = p.conversation_id offset 0
    ) c
    where p.user_id = :user_id
    order by c.updated_at desc
    limit 1000
), met as (
    select o.user_id, n.updated_at
    from newest n
    cross join lateral (
        select o.user_id from conversation_participants o
        where o.conversation_id = n.conversation_id and o.user_id <> :user_id offset 0
    ) o
    order by n.updated_at desc
    limit 50000
)
select m.user_id from met m join users u on u.user_id = m.user_id where u.erased_at is null
group by m.user_id order by max(m.updated_at) desc, m.user_id limit :limit;

-- name: deactivate
update users set is_active = false, deactivated_at = now()
where user_id = :user_id and password_hash = :password_hash and is_active
returning user_id;

-- name: delete
with deletion as (
    insert into account_deletions (user_id, reason, purge_after)
    select user_id, :reason, now() + :keep::interval from users
    where user_id = :user_id and password_hash = :password_hash and is_active
    on conflict (user_id) do update set reason = excluded.reason, created_at = now(),
        purge_after = excluded.purge_after, purged_at = null
    returning user_id, purge_after
)
update users u set is_active = false, deactivated_at = now(), deleted_at = now()
from deletion d where u.user_id = d.user_id and u.user_id = :user_id
returning to_ms(d.purge_after) as until;

-- name: restore
-- No row when its time is over, or the password was changed since it was looked at.
with restored as (
    delete from account_deletions
    where user_id = :user_id and purge_after > now() and purged_at is null
    returning user_id
)
update users u set is_active = true, deactivated_at = null, deleted_at = null
from restored r where u.user_id = r.user_id and u.user_id = :user_id
  and u.password_hash = :password_hash and u.erased_at is null
returning u.user_id, u.username;
