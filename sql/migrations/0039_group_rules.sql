-- min_code: 0.1.0

-- What the admins of a group have decided for those who are neither admins nor owners.
alter table conversations
    -- Seconds between two messages of a member; 0: as they like.
    add column slow_mode_s  integer not null default 0 check (slow_mode_s between 0 and 86400),
    add column who_may_send varchar(20) not null default 'everyone' check (who_may_send in ('everyone', 'admins')),
    add constraint only_groups_have_rules
        check (conversation_type = 'group' or (slow_mode_s = 0 and who_may_send = 'everyone'));
-- The new columns under audit too.
select audit_table('conversations', null, also => '{title}',
                   ignored => '{last_seq,last_rev,purged_rev,member_count,members_version,low_wrote,high_wrote}');

-- When they last said something in slow mode. Here, and not in conversation_participants: leaving and coming back does
-- not make it shorter.
alter table receipts add column last_sent_at timestamptz;

-- As in 0029, and: a member of a group in which only its owners and admins say something.
create or replace function closed_to(conversation uuid, sender uuid) returns setof text
language sql stable parallel safe as $$
    select case when c.direct_low is null then 'admins_only'
                when exists (select from blocked_between(c.direct_low, c.direct_high)) then 'blocked'
                else 'not_accepted' end
    from conversations c
    where c.conversation_id = conversation
      and case when c.direct_low is null
               then c.who_may_send = 'admins' and exists (
                   select from conversation_participants p
                   where p.conversation_id = conversation and p.user_id = sender and p.role = 'member')
               else exists (select from blocked_between(c.direct_low, c.direct_high))
                    or case when sender = c.direct_low
                            then c.high_wrote is false and exists (select from not_accepting(c.direct_high, sender))
                            else c.low_wrote is false and exists (select from not_accepting(c.direct_low, sender)) end
               end
$$;

-- Of a batch, how long those must wait who have said something a short time ago where slow mode is on, in ms; null for
-- the others. The first message of somebody in the batch is sent, and a second one is too many; what is known already,
-- and what is refused for what is in it, does not count. Under the locks of send_messages.
create function slow_waits(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], extras jsonb[])
returns bigint[] language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    return (
        with given as (
            select g.conversation_id, g.message_id, g.sender_id, g.ord, c.slow_mode_s,
                   min(g.ord) over (partition by g.conversation_id, g.sender_id, g.message_id) as first
            from unnest(conversation_ids, message_ids, sender_ids, extras) with ordinality
                g (conversation_id, message_id, sender_id, extra, ord),
            lateral (
                select c.slow_mode_s from conversations c
                where c.conversation_id = g.conversation_id and c.slow_mode_s > 0 offset 0) c,
            lateral (
                select from conversation_participants p
                where p.conversation_id = g.conversation_id and p.user_id = g.sender_id and p.role = 'member' offset 0) p
            where g.extra ->> 'bad' is null
              and not exists (select from messages m
                              where m.conversation_id = g.conversation_id and m.message_id = g.message_id)
        ), waiting as (
            select g.ord, ceil(1000 * extract(epoch from
                       case when g.place > 1 then clock_timestamp()
                            when r.last_sent_at is not null then least(r.last_sent_at, clock_timestamp()) end
                       + g.slow_mode_s * interval '1 second' - clock_timestamp()))::bigint as wait_ms
            from (select g.*, dense_rank() over (partition by g.conversation_id, g.sender_id order by g.first) as place
                  from given g) g
            left join lateral (
                select r.last_sent_at from receipts r
                where r.conversation_id = g.conversation_id and r.user_id = g.sender_id offset 0) r on true
        )
        select array_agg(w.wait_ms order by g.ord)
        from unnest(message_ids) with ordinality g (message_id, ord)
        left join waiting w on w.ord = g.ord and w.wait_ms > 0);
end $$;

-- Of what a batch has sent since it had its locks. Receipts are locked as keep_positions does; whoever holds one waits
-- for no conversation.
create function keep_last_sent(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], digests bytea[],
                               began timestamptz)
returns void language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    perform from (
        select distinct g.conversation_id, g.sender_id
        from unnest(conversation_ids, sender_ids) g (conversation_id, sender_id)
        order by g.conversation_id, g.sender_id
    ) g, lateral (
        select from receipts r
        where r.conversation_id = g.conversation_id and r.user_id = g.sender_id
          and exists (select from conversations c
                      where c.conversation_id = g.conversation_id and c.slow_mode_s > 0)
        for no key update offset 0
    ) r;

    update receipts r set last_sent_at = s.at
    from (
        select g.conversation_id, g.sender_id, max(m.created_at) as at
        from unnest(conversation_ids, message_ids, sender_ids, digests)
            g (conversation_id, message_id, sender_id, digest),
        lateral (
            select m.created_at from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id
              and m.sender_id = g.sender_id and m.content_digest = g.digest and m.created_at >= began
              and exists (select from conversations c
                          where c.conversation_id = g.conversation_id and c.slow_mode_s > 0) offset 0) m
        group by g.conversation_id, g.sender_id
    ) s
    where r.conversation_id = s.conversation_id and r.user_id = s.sender_id;
end $$;

-- As in 0037, and with slow mode: `state` of what is refused for it is how many ms are left. What is on in none of the
-- conversations of a batch costs nothing: the lock reads whether it is.
create or replace function send_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], contents text[],
                              digests bytea[], node_id text, extras jsonb[])
returns table (ord bigint, status text, seq bigint, rev bigint, created_at bigint, member_ids uuid[], state jsonb)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    began timestamptz;
    slow boolean;
    waits bigint[];
begin
    -- Everybody locks in one order, so nobody waits in a circle.
    select bool_or(c.slow_mode_s > 0) into slow
    from (select c.slow_mode_s from conversations c where c.conversation_id = any (conversation_ids)
          order by c.conversation_id for no key update) c;

    if slow or extras is not null then
        began := clock_timestamp();
    end if;
    if extras is not null then
        extras := complete_messages(conversation_ids, message_ids, sender_ids, extras);
    end if;
    if slow then
        waits := slow_waits(conversation_ids, message_ids, sender_ids, extras);
    end if;

    return query
    with given as materialized (
        select * from unnest(conversation_ids, message_ids, sender_ids, contents, digests, extras, waits) with ordinality
            g (conversation_id, message_id, sender_id, content, digest, extra, wait_ms, ord)
    ), member as materialized (
        select g.ord from given g, lateral (
            select from conversation_participants p
            where p.conversation_id = g.conversation_id and p.user_id = g.sender_id offset 0) p
    ), closed as materialized (
        select d.conversation_id, d.sender_id, c.why
        from (select distinct g.conversation_id, g.sender_id from given g) d,
        lateral (select why from closed_to(d.conversation_id, d.sender_id) why offset 0) c
    ), known as materialized (
        select g.ord, m.seq, m.rev, m.created_at, m.sender_id = g.sender_id and m.content_digest = g.digest as same
        from given g, lateral (
            select * from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id offset 0) m
    ), fresh as materialized (
        select distinct on (g.conversation_id, g.message_id) g.*
        from given g
        where g.ord in (select member.ord from member) and g.ord not in (select known.ord from known)
          and (g.conversation_id, g.sender_id) not in (select c.conversation_id, c.sender_id from closed c)
          and g.extra ->> 'bad' is null and g.wait_ms is null
        order by g.conversation_id, g.message_id, g.ord
    ), numbered as (
        -- The clock is read under the lock, unlike by now(): time must not run against seq.
        update conversations c
        set last_seq = c.last_seq + n.count, last_rev = c.last_rev + n.count,
            low_wrote = c.low_wrote or coalesce(c.direct_low = any (n.writers), false),
            high_wrote = c.high_wrote or coalesce(c.direct_high = any (n.writers), false),
            updated_at = greatest(c.updated_at, clock_timestamp())
        from (select f.conversation_id, count(*) as count, array_agg(f.sender_id) as writers
              from fresh f group by f.conversation_id) n
        where c.conversation_id = n.conversation_id
        returning c.conversation_id, c.last_seq - n.count as seq, c.last_rev - n.count as rev, c.last_rev,
                  c.updated_at as at, c.members_version
    ), kept as (
        insert into messages as m (conversation_id, message_id, seq, rev, sender_id, content, content_digest, created_at,
                                   message_type, media_ids, body, is_ephemeral, expires_at, expires_after_s,
                                   reply_to_message_id, post_id)
        select f.conversation_id, f.message_id, n.seq + row_number() over w, n.rev + row_number() over w,
               f.sender_id, coalesce(f.extra ->> 'content', f.content), f.digest, n.at,
               coalesce(f.extra ->> 'message_type', 'text'), coalesce((f.extra ->> 'media_ids')::uuid[], '{}'),
               f.extra -> 'body', coalesce(f.extra ?| '{expires_at,expires_after_s}', false),
               to_timestamp((f.extra ->> 'expires_at')::bigint / 1000.0), (f.extra ->> 'expires_after_s')::integer,
               (f.extra ->> 'reply_to')::uuid, (f.extra ->> 'post_id')::uuid
        from fresh f join numbered n using (conversation_id)
        window w as (partition by f.conversation_id order by f.ord)
        returning m.conversation_id, m.message_id, m.seq, m.rev, m.created_at
    ), told as (
        insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
        select node_id, n.conversation_id, n.rev + 1, n.last_rev, n.members_version from numbered n
    )
    select g.ord,
           case when o.same then 'retry'
                when b.ord is null then 'stranger'
                when o.ord is not null then 'conflict'
                when x.why is not null then x.why
                when g.extra ? 'bad' then g.extra ->> 'bad'
                when g.wait_ms is not null then 'slow_mode'
                when f.ord = g.ord then 'sent'
                when f.sender_id = g.sender_id and f.digest = g.digest then 'retry'
                else 'conflict' end,
           coalesce(o.seq, k.seq), coalesce(o.rev, k.rev), to_ms(coalesce(o.created_at, k.created_at)),
           -- Once for each conversation: with its first new message.
           case when k.seq = n.seq + 1 and f.ord = g.ord then array(
               select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) end,
           to_jsonb(g.wait_ms)
    from given g
    left join known o on o.ord = g.ord
    left join member b on b.ord = g.ord
    left join closed x on x.conversation_id = g.conversation_id and x.sender_id = g.sender_id
    left join fresh f on f.conversation_id = g.conversation_id and f.message_id = g.message_id
    left join kept k on k.conversation_id = g.conversation_id and k.message_id = g.message_id
    left join numbered n on n.conversation_id = g.conversation_id
    order by g.ord;

    if slow then
        perform keep_last_sent(conversation_ids, message_ids, sender_ids, digests, began);
    end if;
    if extras is not null then
        -- Of those that are new: a retry of long ago changes nothing, whatever has become of what it referred to.
        return query
        with new as materialized (
            select g.ord, m.conversation_id, m.message_id, m.seq, m.media_ids, m.body
            from unnest(conversation_ids, message_ids, digests, extras) with ordinality
                g (conversation_id, message_id, digest, extra, ord), lateral (
                select * from messages m
                where m.conversation_id = g.conversation_id and m.message_id = g.message_id
                  and m.content_digest = g.digest and m.created_at >= began offset 0) m
            where g.extra is not null
        ), named as (
            insert into message_mentions (conversation_id, seq, user_id)
            select n.conversation_id, n.seq, x.user_id::uuid
            from new n, jsonb_array_elements_text(n.body -> 'mentions') x (user_id)
            on conflict do nothing
        ), used as (
            insert into media_refs (media_id, subject_type, subject_id)
            select o.media_id, 'message', n.message_id
            from new n, unnest(n.media_ids) w (media_id) join media_objects o using (media_id)
            on conflict do nothing
        )
        select n.ord, 'state', s.seq, s.rev, s.created_at, null::uuid[], to_jsonb(s) - 'sent_rev'
        from new n, lateral (
            select * from message_states s
            where s.conversation_id = n.conversation_id and s.message_id = n.message_id offset 0) s;
    end if;
end $$;
