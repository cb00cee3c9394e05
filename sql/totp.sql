-- name: state
select t.confirmed_at is not null as enabled,
       (select count(*) from recovery_codes r where r.user_id = t.user_id and r.used_at is null) as recovery_codes
from user_totp t where t.user_id = :user_id;

-- name: begin
-- No row when it is on already.
insert into user_totp (user_id, secret) values (:user_id, :secret)
on conflict (user_id) do update set secret = excluded.secret, last_step = 0
where user_totp.confirmed_at is null
returning user_id;

-- name: lock
-- For no one else until the commit: a code works once.
select secret, last_step, confirmed_at is not null as enabled
from user_totp where user_id = :user_id
for no key update;

-- name: passed
update user_totp set last_step = :step, confirmed_at = coalesce(confirmed_at, now()) where user_id = :user_id;

-- name: use_recovery_code
update recovery_codes set used_at = now()
where user_id = :user_id and code_digest = :code_digest and used_at is null
returning user_id;

-- name: forget_recovery_codes
delete from recovery_codes where user_id = :user_id;

-- name: keep_recovery_codes
insert into recovery_codes (user_id, code_digest) select :user_id, unnest(:code_digests::bytea[]);

-- name: remove
delete from user_totp where user_id = :user_id;
