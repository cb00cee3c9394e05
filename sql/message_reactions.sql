-- name: set
-- Under the lock of the conversation. No row when it is so already.
insert into message_reactions as r (conversation_id, seq, user_id, reaction_type)
values (:conversation_id, :seq, :user_id, :reaction)
on conflict (conversation_id, seq, user_id) do update set reaction_type = excluded.reaction_type
where r.reaction_type <> excluded.reaction_type
returning r.user_id;

-- name: remove
-- Likewise.
delete from message_reactions
where conversation_id = :conversation_id and seq = :seq and user_id = :user_id
returning user_id;

-- name: page
-- `limit` is one more than the page to tell if more follow.
select r.user_id, u.username, r.reaction_type as reaction, to_ms(r.created_at) as reacted_at
from message_reactions r
join users u using (user_id)
where r.conversation_id = :conversation_id and r.seq = :seq
  and (:after_ms::bigint is null or (to_ms(r.created_at), r.user_id) > (:after_ms::bigint, :after_id::uuid))
order by to_ms(r.created_at), r.user_id
limit :limit;

-- name: own
select reaction_type as reaction from message_reactions
where conversation_id = :conversation_id and seq = :seq and user_id = :user_id;
