-- What the worker wipes; that nobody sees it any more, `message_states` has said since the moment it expired.

-- name: due
-- The conversations in which something has expired.
select distinct e.conversation_id
from (select m.conversation_id from messages m
      where m.expires_at <= statement_timestamp() and not m.is_deleted
      order by m.expires_at limit :batch) e;

-- name: lock
-- No row while somebody else changes it: then the next look finds it again.
select conversation_id from conversations where conversation_id = :conversation_id for no key update skip locked;

-- name: expired
select m.seq
from messages m
where m.conversation_id = :conversation_id and m.expires_at <= statement_timestamp() and not m.is_deleted
order by m.seq limit :batch;
