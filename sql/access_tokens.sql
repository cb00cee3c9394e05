-- name: create
-- No row when the user has as many as they may have, or the id is taken.
insert into access_tokens (token_id, user_id, name, token_digest, scopes, expires_at)
select :token_id, :user_id, :name, :token_digest, :scopes, to_timestamp(:expires_ms::float8 / 1000)
where (select count(*) from access_tokens t where t.user_id = :user_id and t.revoked_at is null) < :limit
on conflict do nothing
returning token_id;

-- name: list
select token_id, name, scopes, to_ms(created_at) as created_at, to_ms(last_used_at) as last_used_at,
       to_ms(expires_at) as expires_at
from access_tokens
where user_id = :user_id and revoked_at is null
order by created_at desc, token_id desc;

-- name: revoke
update access_tokens set revoked_at = coalesce(revoked_at, now())
where token_id = :token_id and user_id = :user_id
returning token_id;

-- name: use
-- Whose it is, while it lasts. That it was used is noted once a minute.
with used as (
    update access_tokens set last_used_at = now()
    where token_digest = :token_digest and (last_used_at is null or last_used_at < now() - interval '1 minute')
)
select t.token_id, t.user_id, u.username, t.scopes, to_ms(t.expires_at) as expires_at,
       still(u.suspended_until) as suspended_until, u.suspended_reason
from access_tokens t join users u using (user_id)
where t.token_digest = :token_digest and t.revoked_at is null
  and (t.expires_at is null or t.expires_at > now()) and u.is_active;
