-- min_code: 0.1.0

alter table receipts
    -- What the others were told: it stands still while one of two blocks the other, and in larger groups.
    add column told_delivered_seq bigint not null default 0,
    add column told_read_seq      bigint not null default 0,
    -- Here, and not in conversation_participants: what reading changes is one row.
    add column marked_unread_at   timestamptz;

alter table conversation_participants
    -- Its newest message when it was put into the archive: a newer one takes it out, unless it is muted.
    add column archived_seq bigint,
    -- The day (since 1970, UTC) of the conversation's `updated_at`, so that the newest ones of a user are found
    -- without a look at all of them. Null: not known, and looked at. Moves once a day, not with each message.
    add column active_day   integer;
create index conversation_participants_by_activity on conversation_participants (user_id, active_day desc);
comment on index conversation_participants_by_activity is 'conversations.page: the conversations of one user, by days';
drop index conversation_participants_by_user;
create index conversation_participants_pinned on conversation_participants (user_id, pinned_at)
    where pinned_at is not null;
comment on index conversation_participants_pinned is 'conversations.pinned: what one user has pinned';
-- The day follows from the messages: no change that is to be told of.
select audit_table('conversation_participants', null, ignored => '{active_day}');

create function day_of(ms bigint) returns integer
    language sql immutable strict parallel safe
    return (ms / 86400000)::integer;

create function begin_activity() returns trigger language plpgsql as $$
begin
    new.active_day := (select day_of(to_ms(c.updated_at)) from conversations c
                       where c.conversation_id = new.conversation_id);
    return new;
end $$;
create trigger begin_activity before insert on conversation_participants
    for each row execute function begin_activity();

create function move_activity() returns trigger language plpgsql as $$
begin
    update conversation_participants set active_day = day_of(to_ms(new.updated_at))
    where conversation_id = new.conversation_id;
    return null;
end $$;
update conversation_participants p set active_day = day_of(to_ms(c.updated_at))
from conversations c where c.conversation_id = p.conversation_id;
create trigger move_activity after update of updated_at on conversations for each row
    when (day_of(to_ms(old.updated_at)) <> day_of(to_ms(new.updated_at)))
    execute function move_activity();

-- Who comes, or comes back, has nothing to read of before, and is shown to the others as new. After
-- join_conversation, which makes the row: triggers go by their names.
create function read_on_joining() returns trigger language plpgsql as $$
begin
    update receipts r
    set delivered_seq = c.last_seq, read_seq = c.last_seq, told_delivered_seq = 0, told_read_seq = 0,
        marked_unread_at = null
    from new_rows n join conversations c using (conversation_id)
    where r.conversation_id = n.conversation_id and r.user_id = n.user_id
      and (r.delivered_seq, r.read_seq, r.told_delivered_seq) is distinct from (c.last_seq, c.last_seq, 0);
    return null;
end $$;
create trigger read_on_joining after insert on conversation_participants
    referencing new table as new_rows for each statement execute function read_on_joining();

-- How many messages a member has not read: those of others, which are there and for them, without the notes of the
-- server. Exact to 999, and within the next 5,000 messages.
create function unread_count(conversation uuid, reader uuid, after_seq bigint) returns setof bigint
language sql stable parallel safe as $$
    select count(*) from (
        select from (
            select m.* from membership_intervals i
            cross join lateral (
                select * from messages m
                where m.conversation_id = conversation and m.seq > after_seq
                  and m.seq >= i.from_seq and m.seq < coalesce(i.to_seq, 9223372036854775807)
                order by m.seq limit 5000
            ) m
            where i.conversation_id = conversation and i.user_id = reader
            limit 5000
        ) m
        where m.sender_id <> reader and m.message_type <> 'system' and not m.is_deleted
          and (m.expires_at is null or m.expires_at > now())
          and not exists (select from message_hides h where h.user_id = reader
                              and h.conversation_id = conversation and h.seq = m.seq)
        limit 999
    ) counted
$$;

-- Whether a member has a conversation in the archive.
create function is_archived(archived_seq bigint, muted_until timestamptz, last_seq bigint) returns boolean
language sql stable parallel safe
    return coalesce(archived_seq >= last_seq or (archived_seq is not null and muted_until > now()), false);

-- What a member has set for themselves, and how far they have read.
create view member_states with (security_invoker = true) as
    select p.conversation_id, p.user_id, coalesce(r.read_seq, 0) as read_seq,
           jsonb_build_object(
               'muted_until', case when p.muted_until = 'infinity' then '"forever"'::jsonb
                                   else to_jsonb(to_ms(p.muted_until)) end,
               'archived_seq', p.archived_seq,
               'pinned_at', to_ms(p.pinned_at),
               'marked_unread', r.marked_unread_at is not null) as preferences
    from conversation_participants p
    left join receipts r on r.conversation_id = p.conversation_id and r.user_id = p.user_id;
grant select on member_states to lumina_writer, lumina_admin;

-- Positions of many users in many conversations, folded: those of one user in one conversation are one change.
-- Positions only grow. A row for each that was given, in their order; what is to be told, with the first of those
-- that were folded. Locks receipts, then users; nobody who holds one of these waits for a conversation.
create function keep_positions(conversation_ids uuid[], user_ids uuid[], seqs bigint[], are_read boolean[],
                               node_id text)
returns table (ord bigint, status text, delivered_seq bigint, read_seq bigint, last_seq bigint, unread bigint,
               user_rev bigint, listener_ids uuid[])
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform from (
        select distinct g.conversation_id, g.user_id from unnest(conversation_ids, user_ids) g (conversation_id, user_id)
        order by g.conversation_id, g.user_id
    ) g, lateral (
        select from receipts r where r.conversation_id = g.conversation_id and r.user_id = g.user_id
        for no key update offset 0
    ) r;

    return query
    with given as materialized (
        select * from unnest(conversation_ids, user_ids, seqs, are_read) with ordinality
            g (conversation_id, user_id, seq, is_read, ord)
    ), placed as materialized (
        select g.*, c.last_seq, r.delivered_seq, r.read_seq, r.marked_unread_at
        from given g, lateral (
            select c.last_seq from conversations c
            join conversation_participants p on p.conversation_id = c.conversation_id
            where c.conversation_id = g.conversation_id and p.user_id = g.user_id offset 0
        ) c, lateral (
            select * from receipts r where r.conversation_id = g.conversation_id and r.user_id = g.user_id offset 0
        ) r
    ), folded as materialized (
        select p.conversation_id, p.user_id, min(p.ord) as ord, max(p.last_seq) as last_seq,
               greatest(max(p.delivered_seq), max(p.seq)) as delivered_seq,
               greatest(max(p.read_seq), max(p.seq) filter (where p.is_read)) as read_seq, bool_or(p.is_read) as is_read,
               max(p.seq) > max(p.delivered_seq)
                   or coalesce(max(p.seq) filter (where p.is_read) > max(p.read_seq), false) as is_moved,
               coalesce(max(p.seq) filter (where p.is_read) > max(p.read_seq), false)
                   or (bool_or(p.is_read) and bool_or(p.marked_unread_at is not null)) as is_news
        from placed p where p.seq <= p.last_seq
        group by p.conversation_id, p.user_id
    ), audience as materialized (
        -- Nobody in larger groups, where everybody would be told of everybody.
        select f.conversation_id, case when cardinality(a.ids) <= 20 and not a.is_closed then a.ids else '{}' end as ids
        from (select distinct conversation_id from folded where is_moved) f, lateral (
            select array(select p.user_id from conversation_participants p
                         where p.conversation_id = f.conversation_id limit 21) as ids,
                   exists (select from conversations c
                           where c.conversation_id = f.conversation_id and c.direct_low is not null
                             and exists (select from blocked_between(c.direct_low, c.direct_high))) as is_closed
            offset 0
        ) a
    ), counted as materialized (
        select f.conversation_id, f.user_id, u.unread
        from folded f, lateral (
            select unread from unread_count(f.conversation_id, f.user_id, f.read_seq) unread offset 0
        ) u
        where f.is_read
    ), kept as (
        update receipts r
        set delivered_seq = f.delivered_seq, read_seq = f.read_seq,
            delivered_at = case when f.delivered_seq > r.delivered_seq then now() else r.delivered_at end,
            last_read_at = case when f.read_seq > r.read_seq then now() else r.last_read_at end,
            marked_unread_at = case when not f.is_read then r.marked_unread_at end,
            told_delivered_seq = case when cardinality(a.ids) > 0 then f.delivered_seq else r.told_delivered_seq end,
            told_read_seq = case when cardinality(a.ids) > 0 then f.read_seq else r.told_read_seq end
        from folded f left join audience a on a.conversation_id = f.conversation_id
        where r.conversation_id = f.conversation_id and r.user_id = f.user_id and (f.is_moved or f.is_news)
    ), news as materialized (
        select f.*, c.unread, row_number() over (partition by f.user_id order by f.conversation_id) as number
        from folded f join counted c on c.conversation_id = f.conversation_id and c.user_id = f.user_id
        where f.is_news
    ), locked as materialized (
        select s.user_id from user_streams s where s.user_id in (select news.user_id from news)
        order by s.user_id for no key update
    ), numbered as (
        update user_streams s set last_rev = s.last_rev + n.count
        from locked l join (select news.user_id, count(*) as count from news group by news.user_id) n
            on n.user_id = l.user_id
        where s.user_id = l.user_id
        returning s.user_id, s.last_rev - n.count as rev
    ), told as (
        insert into user_events (user_id, rev, event_type, body)
        select n.user_id, b.rev + n.number, 'conversation.read_to',
               jsonb_build_object('conversation_id', n.conversation_id, 'read_seq', n.read_seq,
                                  'unread', n.unread, 'last_seq', n.last_seq)
        from news n join numbered b on b.user_id = n.user_id
    ), referred as (
        insert into outbox (node_id, user_ids, user_revs)
        select node_id, array_agg(n.user_id order by n.user_id, n.number),
               array_agg(b.rev + n.number order by n.user_id, n.number)
        from news n join numbered b on b.user_id = n.user_id
        having count(*) > 0
    )
    select g.ord,
           case when p.ord is null then 'stranger' when g.seq > p.last_seq then 'future' else 'kept' end,
           f.delivered_seq, f.read_seq, coalesce(f.last_seq, p.last_seq), c.unread,
           case when f.ord = g.ord then b.rev + n.number end,
           case when f.ord = g.ord and f.is_moved then a.ids else '{}' end
    from given g
    left join placed p on p.ord = g.ord
    left join folded f on f.conversation_id = g.conversation_id and f.user_id = g.user_id
    left join counted c on c.conversation_id = g.conversation_id and c.user_id = g.user_id
    left join audience a on a.conversation_id = g.conversation_id
    left join news n on n.conversation_id = g.conversation_id and n.user_id = g.user_id
    left join numbered b on b.user_id = n.user_id
    order by g.ord;
end $$;

-- Of members, lumina_app sees what they were told of each other, as everybody does.
revoke select on receipts from lumina_app;
grant select (conversation_id, user_id, told_delivered_seq, told_read_seq) on receipts to lumina_app;
