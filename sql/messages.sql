-- name: send
-- The group commit, see migrations/0020_send_messages.sql: one row for each, in their order.
select status, seq, rev, created_at, member_ids
from send_messages(:conversation_ids, :message_ids, :sender_ids, :contents, :digests, :node_id);

-- name: newest
select conversation_id, message_id, seq, rev, sender_id, message_type, content, to_ms(created_at) as created_at
from messages
where conversation_id = :conversation_id
order by seq desc
limit :limit;

-- name: before
select conversation_id, message_id, seq, rev, sender_id, message_type, content, to_ms(created_at) as created_at
from messages
where conversation_id = :conversation_id and seq < :before_seq
order by seq desc
limit :limit;

-- name: after
select conversation_id, message_id, seq, rev, sender_id, message_type, content, to_ms(created_at) as created_at
from messages
where conversation_id = :conversation_id and seq > :after_seq
order by seq
limit :limit;

-- name: between
-- What happened in ranges of revs of several conversations, for whoever is in them now.
select m.conversation_id, m.message_id, m.seq, m.rev, m.sender_id, m.message_type, m.content,
       to_ms(m.created_at) as created_at,
       array(select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) as member_ids
from unnest(:conversation_ids::uuid[], :after_revs::bigint[], :to_revs::bigint[]) g (conversation_id, after_rev, to_rev),
lateral (
    select * from messages m
    where m.conversation_id = g.conversation_id and m.rev > g.after_rev and m.rev <= g.to_rev
    order by m.rev limit :limit
) m
order by m.conversation_id, m.rev;
