-- min_code: 0.1.0

-- The outbox also refers to changes of users' own streams: which users, and up to which rev each.
alter table outbox
    add column user_revs bigint[],
    add constraint users_have_revs check (cardinality(user_ids) = cardinality(user_revs));

-- A message as members are told of it: `rev` is that of its newest change, `sent_rev` that of its sending.
-- Tombstones are in it; who may see which, membership_intervals says.
create view message_states with (security_invoker = true) as
    select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.rev as sent_rev, m.sender_id,
           m.message_type, coalesce(m.content, '') as content, m.body -> 'note' as note,
           to_ms(m.created_at) as created_at,
           case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at, m.is_deleted
    from messages m
    left join message_changes c on c.conversation_id = m.conversation_id and c.seq = m.seq;
grant select on message_states to lumina_writer, lumina_admin;
