-- min_code: 0.1.0

alter table conversations
    add column description      varchar(500),
    add column picture_media_id uuid references media_objects on delete set null,
    -- Raised with every change of the members, so that a node with an older list reloads it.
    add column members_version  integer not null default 1,
    add column member_count     integer not null default 0,
    -- Changes up to here are forgotten: a cursor below it is answered `reset`.
    add column purged_rev       bigint not null default 0,
    add constraint purged_is_past check (purged_rev <= last_rev);
create index conversations_by_picture on conversations (picture_media_id) where picture_media_id is not null;
comment on index conversations_by_picture is 'purge.media: the conversations that lose their picture';

alter table conversation_participants
    add column role         varchar(20) not null default 'member' check (role in ('owner', 'admin', 'member')),
    add column invited_by   uuid references users on delete set null,
    -- 'infinity': until it is taken back.
    add column muted_until  timestamptz,
    add column archived_at  timestamptz,
    add column pinned_at    timestamptz,
    add column marked_unread_at timestamptz,
    add column updated_at   timestamptz not null default now();
comment on index conversation_participants_by_user is 'conversations.page: the conversations of one user';
create index conversation_participants_by_inviter on conversation_participants (invited_by) where invited_by is not null;
comment on index conversation_participants_by_inviter is 'purge.accounts: whom a user who is gone had invited';

-- What a member has got and read; narrow, since it changes with every glance.
create table receipts (
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    delivered_seq   bigint not null default 0,
    read_seq        bigint not null default 0,
    delivered_at    timestamptz,
    last_read_at    timestamptz,
    primary key (conversation_id, user_id),
    constraint read_is_delivered check (read_seq <= delivered_seq)
) with (fillfactor = 70);
create index receipts_by_user on receipts (user_id);
comment on index receipts_by_user is 'receipts.of_user: the read positions of one user, for a resume';

-- Which messages a member may see: from_seq <= seq < to_seq. Null: still a member.
create table membership_intervals (
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    from_seq        bigint not null check (from_seq > 0),
    to_seq          bigint,
    created_at      timestamptz not null default now(),
    primary key (conversation_id, user_id, from_seq),
    constraint to_is_not_before_from check (to_seq >= from_seq)
);
create unique index membership_intervals_open on membership_intervals (conversation_id, user_id) where to_seq is null;
comment on index membership_intervals_open is 'members.leave: the one interval that is closed';
create index membership_intervals_by_user on membership_intervals (user_id, conversation_id);
comment on index membership_intervals_by_user is 'messages.search: what one user may see';

-- Joining and leaving open and close an interval, whichever statement does it. The caller holds the
-- conversation's lock, so last_seq is the last message of before. Who comes back before anything was said
-- goes on where they were: an empty interval would have the same key.
create function follow_membership() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into membership_intervals as i (conversation_id, user_id, from_seq)
        select n.conversation_id, n.user_id, c.last_seq + 1
        from new_rows n join conversations c using (conversation_id)
        on conflict (conversation_id, user_id, from_seq) do update set to_seq = null;
        insert into receipts (conversation_id, user_id, delivered_seq, read_seq)
        select n.conversation_id, n.user_id, c.last_seq, c.last_seq
        from new_rows n join conversations c using (conversation_id)
        on conflict do nothing;
    else
        update membership_intervals i set to_seq = c.last_seq + 1
        from old_rows o join conversations c using (conversation_id)
        where i.conversation_id = o.conversation_id and i.user_id = o.user_id and i.to_seq is null;
    end if;
    return null;
end $$;
insert into membership_intervals (conversation_id, user_id, from_seq)
select conversation_id, user_id, 1 from conversation_participants;
insert into receipts (conversation_id, user_id) select conversation_id, user_id from conversation_participants;
create trigger join_conversation after insert on conversation_participants
    referencing new table as new_rows for each statement execute function follow_membership();
create trigger leave_conversation after delete on conversation_participants
    referencing old table as old_rows for each statement execute function follow_membership();

create table conversation_invites (
    invite_id       uuid primary key,
    conversation_id uuid not null references conversations on delete cascade,
    created_by      uuid not null references users on delete cascade,
    -- Of what the link ends with.
    code_digest     bytea not null unique check (octet_length(code_digest) = 32),
    max_uses        integer check (max_uses > 0),
    uses            integer not null default 0 check (uses >= 0),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);
create index conversation_invites_of_conversation on conversation_invites (conversation_id);
comment on index conversation_invites_of_conversation is 'invites.list: the links of one conversation';

alter table messages drop constraint messages_message_type_check;
alter table messages
    add check (message_type in
        ('text', 'image', 'video', 'audio', 'voice_note', 'post_share', 'story_reply', 'system')),
    add check (char_length(content) <= 4000),
    add column media_ids           uuid[] not null default '{}' check (cardinality(media_ids) <= 20),
    -- What else its type needs: what a system note says, a forward's origin.
    add column body                jsonb check (pg_column_size(body) <= 16384),
    add column is_ephemeral        boolean not null default false,
    add column expires_at          timestamptz,
    -- Seconds from the first reading, for those whose end is not set on sending.
    add column expires_after_s     integer check (expires_after_s between 1 and 31536000),
    add column reply_to_message_id uuid,
    -- Without foreign keys: what it shares or answers may be gone, and is shown so.
    add column post_id             uuid,
    add column story_id            uuid,
    add column is_edited           boolean not null default false,
    add column is_deleted          boolean not null default false,
    add column deleted_at          timestamptz,
    add column updated_at          timestamptz,
    add constraint only_ephemeral_expires check (is_ephemeral or (expires_at is null and expires_after_s is null)),
    add constraint expires_within_a_year check (expires_at <= created_at + interval '1 year'),
    add constraint deleted_says_when check (is_deleted = (deleted_at is not null)),
    -- A tombstone keeps its row and has nothing in it.
    add constraint deleted_is_empty check (not is_deleted or (content is null and body is null and media_ids = '{}')),
    -- Messages stay as tombstones, so nothing has to be set to null.
    add foreign key (conversation_id, reply_to_message_id) references messages (conversation_id, message_id);
create index messages_expiring on messages (expires_at) where expires_at is not null and not is_deleted;
comment on index messages_expiring is 'messages.expire: what the worker wipes';

-- The newest change of each message that has changed since it was sent: what a resume reads.
create table message_changes (
    conversation_id uuid not null,
    seq             bigint not null,
    rev             bigint not null check (rev > 0),
    primary key (conversation_id, seq),
    unique (conversation_id, rev),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
) partition by hash (conversation_id);

create table message_reactions (
    conversation_id uuid not null,
    seq             bigint not null,
    user_id         uuid not null references users on delete cascade,
    reaction_type   mood not null,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (conversation_id, seq, user_id),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
) partition by hash (conversation_id);

do $$
begin
    for i in 0..15 loop
        execute format('create table %1$s_%2$s partition of %1$s for values with (modulus 16, remainder %3$s)',
                       'message_changes', to_char(i, 'FM00'), i);
        execute format('create table %1$s_%2$s partition of %1$s for values with (modulus 16, remainder %3$s)',
                       'message_reactions', to_char(i, 'FM00'), i);
    end loop;
end $$;

-- What a message said before, for a time.
create table message_edits (
    conversation_id uuid not null,
    seq             bigint not null,
    rev             bigint not null,
    content         text,
    edited_at       timestamptz not null default now(),
    primary key (conversation_id, seq, rev),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
);
create index message_edits_old on message_edits using brin (edited_at);
comment on index message_edits_old is 'purge.message_edits: what was edited long enough ago';

create table message_pins (
    conversation_id uuid not null,
    seq             bigint not null,
    user_id         uuid not null references users,
    created_at      timestamptz not null default now(),
    primary key (conversation_id, seq),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
);

-- Deleted for one user only.
create table message_hides (
    conversation_id uuid not null,
    seq             bigint not null,
    user_id         uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (user_id, conversation_id, seq),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
);
create index message_hides_of_message on message_hides (conversation_id, seq);
comment on index message_hides_of_message is 'the foreign key to messages: what goes with a conversation';

create table message_mentions (
    conversation_id uuid not null,
    seq             bigint not null,
    user_id         uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (user_id, conversation_id, seq),
    foreign key (conversation_id, seq) references messages (conversation_id, seq) on delete cascade
);
create index message_mentions_of_message on message_mentions (conversation_id, seq);
comment on index message_mentions_of_message is 'messages.mentioned: whom a message names';

create table conversation_drafts (
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    content         text not null check (char_length(content) <= 4000),
    reply_to_message_id uuid,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (user_id, conversation_id)
);

create table scheduled_messages (
    -- The id that the message will have: sent twice, it is still one.
    message_id      uuid primary key,
    conversation_id uuid not null references conversations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    -- The message as it will be asked for.
    body            jsonb not null check (pg_column_size(body) <= 65536),
    send_at         timestamptz not null,
    sent_at         timestamptz,
    error           varchar(200),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint send_within_a_year check (send_at <= created_at + interval '1 year')
);
create index scheduled_messages_of_user on scheduled_messages (user_id, conversation_id, send_at) where sent_at is null;
comment on index scheduled_messages_of_user is 'scheduled.list: what one user still has to be sent';
create index scheduled_messages_due on scheduled_messages (send_at) where sent_at is null and error is null;
comment on index scheduled_messages_due is 'scheduled.due: what the worker sends';
