-- name: lock_conversation
-- Held to the end of the transaction. Whoever changes a conversation takes it first; the statement
-- after it has a newer snapshot, and so sees all that earlier holders committed.
select 1 from conversations where conversation_id = :conversation_id for no key update;

-- name: send
-- Only under lock_conversation. One row: status is sent, retry, conflict or stranger.
with given as (
    select :conversation_id::uuid as conversation_id, :message_id::uuid as message_id,
           :sender_id::uuid as sender_id, :content::text as content, :content_digest::bytea as content_digest
), member as (
    select from conversation_participants p, given g
    where p.conversation_id = g.conversation_id and p.user_id = g.sender_id
), known as (
    select m.seq, m.rev, m.created_at, m.sender_id = g.sender_id and m.content_digest = g.content_digest as same
    from messages m, given g
    where m.conversation_id = g.conversation_id and m.message_id = g.message_id
), numbered as (
    -- The clock is read under the lock, unlike by now(): time must not run against seq.
    update conversations c
    set last_seq = last_seq + 1, last_rev = last_rev + 1, updated_at = greatest(c.updated_at, clock_timestamp())
    from given g
    where c.conversation_id = g.conversation_id
      and exists (select from member) and not exists (select from known)
    returning c.last_seq as seq, c.last_rev as rev, c.updated_at as at
), kept as (
    insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest, created_at)
    select g.conversation_id, g.message_id, n.seq, n.rev, g.sender_id, g.content, g.content_digest, n.at
    from given g, numbered n
    returning seq, rev, created_at
)
select case when not exists (select from member) then 'stranger'
            when kept.seq is not null then 'sent'
            when known.same then 'retry'
            else 'conflict' end as status,
       coalesce(kept.seq, known.seq) as seq, coalesce(kept.rev, known.rev) as rev,
       to_ms(coalesce(kept.created_at, known.created_at)) as created_at,
       array(select p.user_id from conversation_participants p
             where p.conversation_id = :conversation_id::uuid) as member_ids
from given left join known on true left join kept on true;

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
