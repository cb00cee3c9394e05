-- min_code: 0.1.0

-- Whether a member sees a message: it is of a time in which they were in the conversation, and they have not deleted
-- it for themselves. A set with at most one row, as the rules of 0029.
create function may_read(member uuid, conversation uuid, message_seq bigint) returns setof uuid
language sql stable parallel safe as $$
    select i.user_id from membership_intervals i
    where i.conversation_id = conversation and i.user_id = member
      and i.from_seq <= message_seq and (i.to_seq is null or message_seq < i.to_seq)
      and not exists (select from message_hides h
                      where h.user_id = member and h.conversation_id = conversation and h.seq = message_seq)
$$;

-- As in 0023, and: the moods on a message, with the first 20 who had one, and since when it is pinned. Both are
-- changes of it, so a message that has not changed has neither, and nothing is looked up for it.
create or replace view message_states with (security_invoker = true) as
    select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.rev as sent_rev, m.sender_id,
           m.message_type, coalesce(m.content, '') as content, m.body -> 'note' as note,
           to_ms(m.created_at) as created_at,
           case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at, m.is_deleted,
           case when c.rev is not null and not m.is_deleted then (
               select jsonb_agg(jsonb_build_object('reaction', g.reaction_type, 'count', g.count, 'user_ids', g.user_ids)
                                order by g.first)
               from (select r.reaction_type, count(*) as count, min(r.place) as first,
                            coalesce(jsonb_agg(r.user_id order by r.place) filter (where r.place <= 20), '[]') as user_ids
                     from (select r.reaction_type, r.user_id,
                                  row_number() over (order by to_ms(r.created_at), r.user_id) as place
                           from message_reactions r
                           where r.conversation_id = m.conversation_id and r.seq = m.seq) r
                     group by r.reaction_type) g) end as reactions,
           case when c.rev is not null and not m.is_deleted then (
               select to_ms(p.created_at) from message_pins p
               where p.conversation_id = m.conversation_id and p.seq = m.seq) end as pinned_at
    from messages m
    left join message_changes c on c.conversation_id = m.conversation_id and c.seq = m.seq;
