-- name: get
select preferences from member_states where conversation_id = :conversation_id and user_id = :user_id;

-- name: set
-- What is null stays as it is. Muted until 0: not any more.
update conversation_participants p
set muted_until = case when :forever::boolean then 'infinity'
                       when :muted_ms::bigint is null then p.muted_until
                       when :muted_ms::bigint > 0 then to_timestamp(:muted_ms::bigint / 1000.0) end,
    archived_at = case when :archived::boolean is null then p.archived_at when :archived::boolean then now() end,
    archived_seq = case when :archived::boolean is null then p.archived_seq when :archived::boolean then c.last_seq end,
    pinned_at = case when :pinned::boolean is null then p.pinned_at
                     when :pinned::boolean then coalesce(p.pinned_at, now()) end
from conversations c
where c.conversation_id = p.conversation_id and p.conversation_id = :conversation_id and p.user_id = :user_id;

-- name: pinned_count
select count(*) from conversation_participants where user_id = :user_id and pinned_at is not null;
