-- name: lock_pair
-- For whoever changes what is between two users (a block, a follow, a first conversation), before they look: a row to
-- lock may not be there yet. Before the lock of a conversation.
select pg_advisory_xact_lock(hashtext('lumina.pair'),
                             hashtext(least(:user_id::uuid, :other_id::uuid)::text
                                      || greatest(:user_id::uuid, :other_id::uuid)::text));

-- name: lock_conversation
-- What is under way in their direct conversation is committed before the block, or refused because of it.
select conversation_id from conversations
where direct_low = least(:user_id::uuid, :other_id::uuid) and direct_high = greatest(:user_id::uuid, :other_id::uuid)
for no key update;

-- name: block
-- After what was between them has ended. No row when it is so already.
insert into follows (follower_id, following_id, connection_type) values (:user_id, :other_id, 'blocked')
on conflict (follower_id, following_id) do nothing
returning to_ms(created_at) as blocked_at;

-- name: unblock
-- No row when there is no block.
delete from follows
where follower_id = :user_id and following_id = :other_id and connection_type = 'blocked'
returning following_id;

-- name: page
-- `limit` is one more than the page to tell if more follow.
select u.user_id, u.username, to_ms(f.created_at) as blocked_at
from follows f join users u on u.user_id = f.following_id
where f.follower_id = :user_id and f.connection_type = 'blocked'
  and (:before_ms::bigint is null or (to_ms(f.created_at), f.following_id) < (:before_ms::bigint, :before_id::uuid))
order by to_ms(f.created_at) desc, f.following_id desc
limit :limit;

-- name: username
-- Also of whose account is closed for a while: it may come back.
select user_id, username from users where user_id = :user_id and deleted_at is null;
