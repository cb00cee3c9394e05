-- name: account
-- Locked first of all: of two links that are asked for at once, one is the newer.
select user_id, username, email from users where user_id = :user_id and is_active for no key update;

-- name: lock_address
-- Until the transaction ends, under every key of the ring: two accounts may have one address under the indexes of
-- two keys, which the unique index would let through. `owner` asks after that.
select pg_advisory_xact_lock(hashtextextended('lumina.email.' || encode(i, 'hex'), 0))
from unnest(:indexes::bytea[]) i;

-- name: owner
-- Also of an account that is switched off: it may come back.
select user_id, username, email from users where email_index = any(:indexes::bytea[]);

-- name: by_address
select user_id, username, email from users
where email_index = any(:indexes::bytea[]) and is_active for no key update;

-- name: asked
-- How many links one user has asked for in the last hour, whatever became of them.
select count(*) as links, to_ms(min(created_at) + interval '1 hour') - to_ms(now()) + 1 as wait_ms
from account_tokens
where user_id = :user_id and purpose = any(:purposes::text[]) and created_at > now() - interval '1 hour';

-- name: replace_tokens
update account_tokens set used_at = now(), email = null
where user_id = :user_id and purpose = any(:purposes::text[]) and used_at is null;

-- name: keep_token
insert into account_tokens (token_digest, user_id, purpose, email, expires_at)
values (:token_digest, :user_id, :purpose, :email, now() + :ttl_s * interval '1 second');

-- name: token
select token_digest from account_tokens
where user_id = :user_id and token_digest = :token_digest and purpose = any(:purposes::text[])
  and used_at is null and expires_at > now();

-- name: use_token
-- Once: who comes second waits for the lock, and finds it used.
with found as materialized (
    select token_digest, email from account_tokens
    where user_id = :user_id and token_digest = :token_digest and purpose = any(:purposes::text[])
      and used_at is null and expires_at > now()
    for update
)
update account_tokens t set used_at = now(), email = null from found f
where t.user_id = :user_id and t.token_digest = f.token_digest
returning f.email;

-- name: verified
update users set email = :email, email_index = :email_index, email_verified_at = now()
where user_id = :user_id and is_active;

-- name: set_password
update users set password_hash = :password_hash where user_id = :user_id and is_active;
