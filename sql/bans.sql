-- name: ban
-- No row when it is so already.
insert into conversation_bans (conversation_id, user_id, banned_by)
values (:conversation_id, :user_id, :admin_id)
on conflict do nothing
returning user_id;

-- name: unban
-- No row when there is no ban.
delete from conversation_bans where conversation_id = :conversation_id and user_id = :user_id returning user_id;

-- name: among
-- A row when any of these is kept out.
select user_id from conversation_bans
where conversation_id = :conversation_id and user_id = any(:user_ids::uuid[])
limit 1;

-- name: page
-- `limit` is one more than the page to tell if more follow.
select b.user_id, u.username, b.banned_by, to_ms(b.created_at) as banned_at
from conversation_bans b join users u using (user_id)
where b.conversation_id = :conversation_id
  and (:before_ms::bigint is null or (to_ms(b.created_at), b.user_id) < (:before_ms::bigint, :before_id::uuid))
order by to_ms(b.created_at) desc, b.user_id desc
limit :limit;
