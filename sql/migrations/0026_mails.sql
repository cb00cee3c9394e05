-- min_code: 0.1.0

-- What is to be mailed: put there by the transaction that causes it, sent by a worker of any node, and wiped
-- when that is over, well or not.
create table mails (
    mail_id     uuid primary key,
    user_id     uuid not null references users on delete cascade,
    purpose     varchar(20) not null
                check (purpose in ('verify_email', 'change_email', 'email_taken', 'email_changed', 'reset_password')),
    -- Encrypted, as in users.
    recipient   bytea,
    body        bytea,
    created_at  timestamptz not null default now(),
    -- Whoever takes it up puts this off, so that nobody else does meanwhile.
    next_try_at timestamptz not null default now(),
    tries       integer not null default 0,
    sent_at     timestamptz,
    failed_at   timestamptz,
    -- Of the last try: what kind, and the code of the mail server. Never its words, which may have the address.
    error       varchar(100),
    constraint sent_or_failed check (sent_at is null or failed_at is null),
    constraint wiped_when_over check (
        (coalesce(sent_at, failed_at) is null) = (recipient is not null)
        and (recipient is null) = (body is null))
);
create index mails_due on mails (next_try_at) where sent_at is null and failed_at is null;
comment on index mails_due is 'mails.take: those whose time has come';
create index mails_of_user on mails (user_id, created_at);
comment on index mails_of_user is 'mails.recent: how many one user was mailed lately';
create index mails_over on mails (coalesce(sent_at, failed_at));
comment on index mails_over is 'purge.mails: those that were over long ago';

alter table mails enable row level security;
create policy server on mails to lumina_writer, lumina_admin using (true) with check (true);
grant select, insert, update, delete on mails to lumina_writer, lumina_admin;
