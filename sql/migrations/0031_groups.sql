-- min_code: 0.1.0

-- Who is kept out of a group.
create table conversation_bans (
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    banned_by       uuid references users on delete set null,
    created_at      timestamptz not null default now(),
    primary key (conversation_id, user_id)
);
create index conversation_bans_newest on conversation_bans (conversation_id, created_at desc, user_id desc);
comment on index conversation_bans_newest is 'bans.page: who is kept out of one group, newest first';
create index conversation_bans_by_user on conversation_bans (user_id);
comment on index conversation_bans_by_user is 'erasure.belongings: where one user is kept out';
create index conversation_bans_by_admin on conversation_bans (banned_by) where banned_by is not null;
comment on index conversation_bans_by_admin is 'the foreign key to users: whom a user who is gone had banned';
alter table conversation_bans enable row level security;
create policy server on conversation_bans to lumina_writer, lumina_admin using (true) with check (true);
grant select, insert, update, delete on conversation_bans to lumina_writer, lumina_admin;
select audit_table('conversation_bans', 'banned_by');

-- What becomes of somebody who asks to join a group by a link: one row, 'open' when they can. As the statement
-- that asks sees it, so it belongs under the lock of the conversation.
create function invite_status(invite uuid, joiner uuid, max_members integer) returns setof text
language sql stable parallel safe as $$
    select case
        when exists (select from conversation_participants p
                     where p.conversation_id = i.conversation_id and p.user_id = joiner) then 'member'
        when exists (select from conversation_bans b
                     where b.conversation_id = i.conversation_id and b.user_id = joiner) then 'banned'
        when i.revoked_at is not null then 'revoked'
        when i.expires_at <= now() then 'expired'
        when i.uses >= i.max_uses then 'used_up'
        when (select count(*) from conversation_participants p
              where p.conversation_id = i.conversation_id) >= max_members then 'full'
        else 'open' end
    from conversation_invites i where i.invite_id = invite
$$;
