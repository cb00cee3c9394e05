-- name: find
-- The conversation of a message, when an operator knows no more than its id: each part is read from end to end.
select conversation_id from messages where message_id = :message_id;

-- name: message
-- Also one that is deleted: never what it said.
select m.conversation_id, m.message_id, m.sender_id, u.username as sender, m.seq, m.rev, m.created_at as committed,
       to_ms(m.created_at) as created_at, m.is_edited, m.is_deleted, to_ms(m.deleted_at) as deleted_at,
       to_ms(m.expires_at) as expires_at, c.rev as changed_rev
from messages m
join users u on u.user_id = m.sender_id
left join message_changes c on c.conversation_id = m.conversation_id and c.seq = m.seq
where m.conversation_id = :conversation_id and m.message_id = :message_id;

-- name: outbox
-- The line of the commit that sent it; the bounds let only the parts of that time be read.
select node_id, (extract(epoch from clock_timestamp() - created_at) * 1000)::bigint as age_ms
from outbox
where created_at between :committed::timestamptz - interval '1 minute' and :committed::timestamptz + interval '1 minute'
  and conversation_id = :conversation_id and :sent_rev::bigint between from_rev and to_rev
order by created_at, outbox_id
limit 1;

-- name: outbox_begins
select :committed::timestamptz < coalesce(min(created_at), now()) as is_older from outbox;

-- name: members
-- All who are or were in the conversation, and how far each has come.
select i.user_id, u.username, u.is_active, p.user_id is not null as is_member,
       bool_or(i.from_seq <= :seq and (i.to_seq is null or :seq < i.to_seq)) as may_see,
       h.user_id is not null as has_hidden,
       coalesce(r.delivered_seq, 0) as delivered_seq, coalesce(r.read_seq, 0) as read_seq
from membership_intervals i
join users u on u.user_id = i.user_id
left join conversation_participants p on p.conversation_id = i.conversation_id and p.user_id = i.user_id
left join receipts r on r.conversation_id = i.conversation_id and r.user_id = i.user_id
left join message_hides h on h.conversation_id = i.conversation_id and h.user_id = i.user_id and h.seq = :seq
where i.conversation_id = :conversation_id
group by i.user_id, u.username, u.is_active, p.user_id, h.user_id, r.delivered_seq, r.read_seq
order by u.username;
