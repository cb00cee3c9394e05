-- name: lock
-- First of all for whoever changes a member's draft: two devices come one after the other, and who is sent away
-- meanwhile has none. No row for a stranger.
select user_id from conversation_participants
where conversation_id = :conversation_id and user_id = :user_id for no key update;

-- name: set
-- No row when it was so already.
insert into conversation_drafts as d (conversation_id, user_id, content, reply_to_message_id)
values (:conversation_id, :user_id, :content, :reply_to)
on conflict (user_id, conversation_id) do update
set content = excluded.content, reply_to_message_id = excluded.reply_to_message_id
where (d.content, d.reply_to_message_id) is distinct from (excluded.content, excluded.reply_to_message_id)
returning conversation_id, content, reply_to_message_id as reply_to, to_ms(updated_at) as updated_at;

-- name: remove
-- No row when there was none.
delete from conversation_drafts where user_id = :user_id and conversation_id = :conversation_id
returning conversation_id;

-- name: page
select conversation_id, content, reply_to_message_id::text as reply_to, to_ms(updated_at) as updated_at
from conversation_drafts
where user_id = :user_id and (:after_id::uuid is null or conversation_id > :after_id::uuid)
order by conversation_id limit :limit;
