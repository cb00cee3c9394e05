-- What is encrypted, by the head of its key. Each `_from` has a batch of what is under another key than the first, in the
-- order of the primary key; each `_to` changes one value, unless somebody has changed it since.

-- name: count
select 'users.email' as place, substring(email from 1 for 9) as head, count(*) as sealed
from users where email is not null group by 2
union all
select 'devices.push_token', substring(push_token from 1 for 9), count(*)
from devices where push_token is not null group by 2
union all
select 'user_totp.secret', substring(secret from 1 for 9), count(*) from user_totp group by 2
union all
select 'account_tokens.email', substring(email from 1 for 9), count(*)
from account_tokens where email is not null group by 2
union all
select 'mails.recipient', substring(recipient from 1 for 9), count(*)
from mails where recipient is not null group by 2
union all
select 'mails.body', substring(body from 1 for 9), count(*) from mails where body is not null group by 2
order by 1, 2;

-- name: emails_from
select user_id as row_key, email as sealed from users
where user_id > :after_id and email is not null and substring(email from 1 for 9) <> :head
order by user_id limit :batch;

-- name: emails_to
update users set email = :sealed, email_index = :index where user_id = :row_id and email = :was;

-- name: push_tokens_from
select device_id as row_key, push_token as sealed from devices
where device_id > :after_id and push_token is not null and substring(push_token from 1 for 9) <> :head
order by device_id limit :batch;

-- name: push_tokens_to
update devices set push_token = :sealed, push_token_index = :index where device_id = :row_id and push_token = :was;

-- name: secrets_from
select user_id as row_key, secret as sealed from user_totp
where user_id > :after_id and substring(secret from 1 for 9) <> :head
order by user_id limit :batch;

-- name: secrets_to
update user_totp set secret = :sealed where user_id = :row_id and secret = :was;

-- name: pending_from
select token_digest as row_key, email as sealed from account_tokens
where token_digest > :after_digest and email is not null and substring(email from 1 for 9) <> :head
order by token_digest limit :batch;

-- name: pending_to
update account_tokens set email = :sealed where token_digest = :token_digest and email = :was;

-- name: recipients_from
select mail_id as row_key, recipient as sealed from mails
where mail_id > :after_id and recipient is not null and substring(recipient from 1 for 9) <> :head
order by mail_id limit :batch;

-- name: recipients_to
update mails set recipient = :sealed where mail_id = :row_id and recipient = :was;

-- name: bodies_from
select mail_id as row_key, body as sealed from mails
where mail_id > :after_id and body is not null and substring(body from 1 for 9) <> :head
order by mail_id limit :batch;

-- name: bodies_to
update mails set body = :sealed where mail_id = :row_id and body = :was;
