-- min_code: 0.1.0

-- A login has one row: the refresh token that is valid now. Which generation it is tells an older one that
-- comes again; whether that was ever ours, the token itself proves. `used_at` is when the one before was used.
alter table refresh_tokens
    add column generation integer not null default 0 check (generation >= 0);
drop index refresh_tokens_of_session;
create unique index refresh_tokens_of_session on refresh_tokens (session_id);
comment on index refresh_tokens_of_session is 'sessions.lock: the token that a login has now; and what goes with it';
-- It changes every few minutes, and says nothing that sessions.last_seen_at does not.
drop trigger audit_update on refresh_tokens;

create index access_tokens_revoked on access_tokens (revoked_at) where revoked_at is not null;
comment on index access_tokens_revoked is 'sessions.ended_since: whose sockets are to be closed';
