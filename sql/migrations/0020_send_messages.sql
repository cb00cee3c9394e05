-- min_code: 0.1.0

-- The group commit: messages that wait together are committed together, by one call that is one transaction.
-- VOLATILE, so that its second statement has a newer snapshot than the first and sees what the holders of
-- those locks had committed: written as one statement, a retry that waited would not see the first try.
-- One bad message never fails the others: each gets a status of its own, sent, retry, conflict, blocked or
-- stranger. The parts of messages are found by look-ups with a generic plan; otherwise all would be planned
-- at every call.
create function send_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], contents text[],
                              digests bytea[], node_id text)
returns table (ord bigint, status text, seq bigint, rev bigint, created_at bigint, member_ids uuid[])
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    -- Everybody locks in one order, so nobody waits in a circle.
    perform from conversations c where c.conversation_id = any (conversation_ids)
    order by c.conversation_id for no key update;

    return query
    with given as materialized (
        select * from unnest(conversation_ids, message_ids, sender_ids, contents, digests) with ordinality
            g (conversation_id, message_id, sender_id, content, digest, ord)
    ), member as materialized (
        select g.ord from given g, lateral (
            select from conversation_participants p
            where p.conversation_id = g.conversation_id and p.user_id = g.sender_id offset 0) p
    ), blocked as materialized (
        -- Either of the two of a direct conversation has blocked the other.
        select d.conversation_id
        from (select distinct g.conversation_id from given g) d,
        lateral (select c.direct_low, c.direct_high from conversations c
                 where c.conversation_id = d.conversation_id and c.direct_low is not null offset 0) c
        where exists (select from follows f where f.follower_id = c.direct_low
                      and f.following_id = c.direct_high and f.connection_type = 'blocked')
           or exists (select from follows f where f.follower_id = c.direct_high
                      and f.following_id = c.direct_low and f.connection_type = 'blocked')
    ), known as materialized (
        select g.ord, m.seq, m.rev, m.created_at, m.sender_id = g.sender_id and m.content_digest = g.digest as same
        from given g, lateral (
            select * from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id offset 0) m
    ), fresh as materialized (
        select distinct on (g.conversation_id, g.message_id) g.*
        from given g
        where g.ord in (select member.ord from member) and g.ord not in (select known.ord from known)
          and g.conversation_id not in (select b.conversation_id from blocked b)
        order by g.conversation_id, g.message_id, g.ord
    ), numbered as (
        -- The clock is read under the lock, unlike by now(): time must not run against seq.
        update conversations c
        set last_seq = c.last_seq + n.count, last_rev = c.last_rev + n.count,
            updated_at = greatest(c.updated_at, clock_timestamp())
        from (select f.conversation_id, count(*) as count from fresh f group by f.conversation_id) n
        where c.conversation_id = n.conversation_id
        returning c.conversation_id, c.last_seq - n.count as seq, c.last_rev - n.count as rev, c.last_rev,
                  c.updated_at as at, c.members_version
    ), kept as (
        insert into messages as m (conversation_id, message_id, seq, rev, sender_id, content, content_digest, created_at)
        select f.conversation_id, f.message_id, n.seq + row_number() over w, n.rev + row_number() over w,
               f.sender_id, f.content, f.digest, n.at
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
                when g.conversation_id in (select b.conversation_id from blocked b) then 'blocked'
                when f.ord = g.ord then 'sent'
                when f.sender_id = g.sender_id and f.digest = g.digest then 'retry'
                else 'conflict' end,
           coalesce(o.seq, k.seq), coalesce(o.rev, k.rev), to_ms(coalesce(o.created_at, k.created_at)),
           -- Once for each conversation: with its first new message.
           case when k.seq = n.seq + 1 and f.ord = g.ord then array(
               select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) end
    from given g
    left join known o on o.ord = g.ord
    left join member b on b.ord = g.ord
    left join fresh f on f.conversation_id = g.conversation_id and f.message_id = g.message_id
    left join kept k on k.conversation_id = g.conversation_id and k.message_id = g.message_id
    left join numbered n on n.conversation_id = g.conversation_id
    order by g.ord;
end $$;
