-- name: unfit
-- What would be refused of a message with more than text if it were sent now; null when nothing would be.
select (complete_messages(array[:conversation_id::uuid], array[:message_id::uuid], array[:user_id::uuid],
                          array[:extra::jsonb]))[1] ->> 'bad' as why;

-- name: waiting_count
select count(*) from scheduled_messages where user_id = :user_id and sent_at is null;

-- name: add
-- No row when the id is taken.
insert into scheduled_messages (message_id, conversation_id, user_id, body, send_at)
values (:message_id, :conversation_id, :user_id, :body, to_timestamp(:send_ms::bigint / 1000.0))
on conflict do nothing
returning message_id, conversation_id, body, to_ms(send_at) as send_at, to_ms(created_at) as created_at, error;

-- name: page
-- What waits, what comes first first; with those that were refused.
select message_id, conversation_id, body, body ->> 'content' as content, to_ms(send_at) as send_at,
       to_ms(created_at) as created_at, error
from scheduled_messages
where user_id = :user_id and sent_at is null
  and (:only_id::uuid is null or conversation_id = :only_id::uuid)
  and (:after_ms::bigint is null
       or (send_at, message_id) > (to_timestamp(:after_ms::bigint / 1000.0), :after_id::uuid))
order by send_at, message_id limit :limit;

-- name: lock
-- One that was not sent yet. While it is being sent, this waits, and then there is none.
select message_id, conversation_id, body, to_ms(send_at) as send_at, to_ms(created_at) as created_at, error
from scheduled_messages
where user_id = :user_id and message_id = :message_id and sent_at is null
for no key update;

-- name: change
-- Whether it was refused is forgotten when it has another time.
update scheduled_messages
set body = :body, send_at = to_timestamp(:send_ms::bigint / 1000.0), error = case when not :moved::boolean then error end
where user_id = :user_id and message_id = :message_id
returning message_id, conversation_id, body, to_ms(send_at) as send_at, to_ms(created_at) as created_at, error;

-- name: remove
-- No row when it was sent, or there is none.
delete from scheduled_messages
where user_id = :user_id and message_id = :message_id and sent_at is null
returning message_id, conversation_id;

-- name: due
-- Held until the end of the transaction; what another node holds is passed by. `refused`: why nothing of this sender is
-- sent now. `passed_by`: conversations that others hold.
select s.user_id, s.message_id, s.conversation_id, s.body,
       case when u.deleted_at is not null then 'account_deleted'
            when not u.is_active then 'deactivated'
            when u.suspended_until > statement_timestamp() then 'suspended' end as refused
from scheduled_messages s join users u on u.user_id = s.user_id
where s.send_at <= statement_timestamp() and s.sent_at is null and s.error is null
  and s.conversation_id <> all(:passed_by::uuid[])
order by s.send_at, s.message_id limit :batch
for no key update of s skip locked;

-- name: mark
-- What became of them: of what was sent only that it was, for the message is in the conversation.
update scheduled_messages s
set sent_at = case when g.error is null then clock_timestamp() end, error = g.error,
    body = case when g.error is null then '{}' else s.body end
from unnest(:user_ids::uuid[], :message_ids::uuid[], :errors::text[]) g (user_id, message_id, error)
where s.user_id = g.user_id and s.message_id = g.message_id and s.sent_at is null
returning s.user_id, s.message_id, s.conversation_id, s.body, to_ms(s.send_at) as send_at,
          to_ms(s.created_at) as created_at, s.error, s.sent_at is not null as is_sent;
