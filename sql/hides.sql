-- name: add
-- Those of these messages that the member saw until now.
insert into message_hides (conversation_id, seq, user_id)
select :conversation_id::uuid, s.seq, :user_id::uuid
from message_states s
where s.conversation_id = :conversation_id and s.message_id = any(:message_ids::uuid[])
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq))
on conflict do nothing
returning seq;

-- name: named
select m.message_id, m.seq from message_states m
where m.conversation_id = :conversation_id and m.seq = any(:seqs::bigint[])
order by m.seq;
