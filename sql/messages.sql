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
