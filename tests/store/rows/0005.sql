-- Settings and a stream came with the account.
update users set email = username::bytea, email_index = pg_temp.digest32(username), bio = 'I am ' || username;
update user_settings set dark_mode = 'dark', calm_mode = true where user_id = pg_temp.who('alice');
insert into devices (device_id, user_id, name, platform, push_token, push_token_index)
select pg_temp.id(name || '''s phone'), pg_temp.who(name), 'phone', 'ios', name::bytea, pg_temp.digest32(name)
from unnest(array['alice', 'bob']) name;
insert into sessions (session_id, user_id, device_id, expires_at)
values (pg_temp.id('session'), pg_temp.who('alice'), pg_temp.id('alice''s phone'), now() + interval '30 days');
insert into refresh_tokens (token_digest, session_id, user_id)
values (pg_temp.digest32('refresh'), pg_temp.id('session'), pg_temp.who('alice'));
insert into access_tokens (token_id, user_id, name, token_digest)
values (pg_temp.id('access token'), pg_temp.who('alice'), 'bot', pg_temp.digest32('access'));
insert into account_tokens (token_digest, user_id, purpose, expires_at)
values (pg_temp.digest32('mailed'), pg_temp.who('alice'), 'verify_email', now() + interval '1 day');
insert into user_totp (user_id, secret) values (pg_temp.who('alice'), 'secret');
insert into recovery_codes (user_id, code_digest) values (pg_temp.who('alice'), pg_temp.digest32('recovery'));
insert into username_history (username_key, user_id, held_until)
values ('alicia', pg_temp.who('alice'), now() + interval '14 days');
insert into account_deletions (user_id, purge_after) values (pg_temp.who('alice'), now() + interval '30 days');
insert into account_exports (export_id, user_id) values (pg_temp.id('export'), pg_temp.who('alice'));
