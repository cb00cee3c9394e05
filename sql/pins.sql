-- name: add
-- Under the lock of the conversation. No row when it is so already.
insert into message_pins (conversation_id, seq, user_id)
values (:conversation_id, :seq, :user_id)
on conflict do nothing
returning seq;

-- name: remove
delete from message_pins where conversation_id = :conversation_id and seq = :seq
returning seq;

-- name: pinned
-- One that is pinned, whoever asks: an admin who came later takes away also what they do not see.
select s.*
from message_states s
where s.conversation_id = :conversation_id and s.message_id = :message_id and not s.is_deleted
  and exists (select from message_pins p where p.conversation_id = s.conversation_id and p.seq = s.seq);

-- name: count
select count(*) from message_pins where conversation_id = :conversation_id;

-- name: page
-- Those that the member may see, from the newest message back; `limit` is one more than the page.
select p.user_id as pinned_by, s.*
from message_pins p
cross join lateral (
    select * from message_states s where s.conversation_id = :conversation_id and s.seq = p.seq offset 0
) s
where p.conversation_id = :conversation_id and (:before_seq::bigint is null or p.seq < :before_seq::bigint)
  and not s.is_deleted and exists (select from may_read(:user_id::uuid, p.conversation_id, p.seq))
order by p.seq desc
limit :limit;
