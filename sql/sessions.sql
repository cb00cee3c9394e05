-- name: open
with session as (
    insert into sessions (session_id, user_id, device_id, address, expires_at)
    values (:opened_id, :user_id, :device_id, :address::text::inet, now() + :ttl)
)
insert into refresh_tokens (token_digest, session_id, user_id) values (:token_digest, :opened_id, :user_id);

-- name: supersede
-- A device has one login, and a user so many: the newest.
with open as (
    select session_id, device_id, row_number() over (order by created_at desc, session_id desc) as number
    from sessions where user_id = :user_id and revoked_at is null and session_id <> :session_id
)
update sessions s set revoked_at = now() from open o
where s.user_id = :user_id and s.session_id = o.session_id
  and (o.device_id = :device_id or o.number >= :keep);

-- name: valid
-- Whose login it is, and whether it lasts.
select u.user_id, u.username, u.staff_role, still(u.suspended_until) as suspended_until, u.suspended_reason,
       s.revoked_at is null and s.expires_at > now() as valid
from sessions s join users u using (user_id)
where s.session_id = :session_id and s.user_id = :user_id and u.is_active;

-- name: lock
-- For no one else until the commit; whoever waited for it sees what there is by then with the next statement.
select user_id from sessions where session_id = :session_id for no key update;

-- name: current
-- The login of a refresh token, and the one token that is valid.
select u.user_id, u.username, t.token_digest, t.generation,
       s.revoked_at is null and s.expires_at > now() and u.is_active as valid,
       still(u.suspended_until) as suspended_until, u.suspended_reason
from sessions s
join refresh_tokens t on t.session_id = s.session_id and t.user_id = s.user_id
join users u on u.user_id = s.user_id
where s.session_id = :session_id;

-- name: rotate
with token as (
    update refresh_tokens
    set token_digest = :token_digest, generation = generation + 1, used_at = now()
    where session_id = :session_id and user_id = :user_id
)
update sessions set last_seen_at = now(), expires_at = now() + :ttl, address = coalesce(:address::text::inet, address)
where session_id = :session_id and user_id = :user_id;

-- name: end
-- One that is over already stays as it is.
update sessions set revoked_at = coalesce(revoked_at, now())
where session_id = :session_id and user_id = :user_id
returning session_id;

-- name: end_others
-- All of a user but the one that is kept; without one, all.
update sessions set revoked_at = now()
where user_id = :user_id and revoked_at is null and session_id is distinct from :kept
returning session_id;

-- name: end_all
-- All logins and all tokens of bots.
with tokens as (
    update access_tokens set revoked_at = now() where user_id = :user_id and revoked_at is null
)
update sessions set revoked_at = now() where user_id = :user_id and revoked_at is null;

-- name: list
select s.session_id, s.device_id, d.name, d.platform, host(s.address) as address,
       to_ms(s.created_at) as created_at, to_ms(s.last_seen_at) as last_seen_at, to_ms(s.expires_at) as expires_at
from sessions s left join devices d on d.device_id = s.device_id and d.user_id = s.user_id
where s.user_id = :user_id and s.revoked_at is null and s.expires_at > now()
order by s.last_seen_at desc, s.session_id desc
limit :limit;

-- name: ended_since
-- Logins and tokens of bots that have ended of late, or rest, for the sockets that they have opened.
select user_id, session_id from sessions where revoked_at > now() - :window::interval
union all
select user_id, token_id from access_tokens where revoked_at > now() - :window::interval
union all
select t.user_id, t.token_id from users u join access_tokens t on t.user_id = u.user_id
where u.suspended_at > now() - :window::interval and u.suspended_until > now() and u.is_active;
