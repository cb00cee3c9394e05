-- Whoever changes what is between two users holds blocks.lock_pair. `follower_id` follows `following_id`, or asks to.

-- name: share_privacy
-- Whether an account is private stays so until the commit; others who follow it do not wait.
select pg_advisory_xact_lock_shared(hashtext('lumina.privacy'), hashtext(:following_id::uuid::text));

-- name: lock_privacy
-- For who makes their account private or public: what is under way to it is committed before, or sees it.
select pg_advisory_xact_lock(hashtext('lumina.privacy'), hashtext(:user_id::uuid::text));

-- name: followable
-- As far as the user may know of them: see profiles.get.
select u.user_id, u.is_private,
       exists (select from follows f where f.follower_id = :user_id and f.following_id = u.user_id
                                       and f.connection_type = 'blocked') as blocked
from users u
where u.user_id = :other_id and u.is_active and u.deleted_at is null
  and (u.suspended_until is null or u.suspended_until <= now())
  and not exists (select from follows f where f.follower_id = u.user_id and f.following_id = :user_id
                                          and f.connection_type = 'blocked');

-- name: between
-- One row.
select case when f.connection_type <> 'blocked' then 'follows' when r.follower_id is not null then 'requested'
            else 'none' end as state,
       to_ms(case when f.connection_type <> 'blocked' then f.created_at else r.created_at end) as since,
       f.connection_type = 'close_friend' as close_friend, f.notify_on_post
from (select 1) one
left join follows f on f.follower_id = :follower_id and f.following_id = :following_id
left join follow_requests r on r.follower_id = :follower_id and r.following_id = :following_id;

-- name: people
-- Of these the ones whose accounts are open.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified from users u
where u.user_id = any(:user_ids::uuid[]) and u.is_active and u.deleted_at is null
  and (u.suspended_until is null or u.suspended_until <= now());

-- name: follow
-- No row when it is so already.
with asked as (
    delete from follow_requests where follower_id = :follower_id and following_id = :following_id
)
insert into follows (follower_id, following_id) values (:follower_id, :following_id)
on conflict (follower_id, following_id) do nothing
returning following_id;

-- name: ask
-- Likewise.
insert into follow_requests (follower_id, following_id) values (:follower_id, :following_id)
on conflict (follower_id, following_id) do nothing
returning following_id;

-- name: approve
-- No row when nobody asks.
with asked as (
    delete from follow_requests where follower_id = :follower_id and following_id = :following_id
    returning follower_id, following_id
)
insert into follows (follower_id, following_id) select follower_id, following_id from asked
on conflict (follower_id, following_id) do nothing
returning following_id;

-- name: decline
-- Likewise. Also what a block does first: whom `let_in` has let in is seen by the next statement.
delete from follow_requests where follower_id = :follower_id and following_id = :following_id
returning following_id;

-- name: end
-- No row when there is none.
delete from follows where follower_id = :follower_id and following_id = :following_id and connection_type <> 'blocked'
returning following_id;

-- name: set
-- What is null stays as it is. No row when all is so already.
update follows
set connection_type = case when :close_friend::boolean then 'close_friend' when not :close_friend::boolean then 'follow'
                           else connection_type end,
    notify_on_post = coalesce(:notify_on_post::boolean, notify_on_post)
where follower_id = :follower_id and following_id = :following_id and connection_type <> 'blocked'
  and ((connection_type = 'close_friend') <> :close_friend::boolean or notify_on_post <> :notify_on_post::boolean)
returning following_id;

-- name: let_in
-- The first who wait for an account that is not private any more. Under `share_privacy`, not under the locks of all
-- the pairs: a block waits for the requests first.
with waiting as (
    select r.follower_id, r.following_id from follow_requests r
    where r.following_id = :following_id
      and exists (select from users u where u.user_id = :following_id and not u.is_private and u.is_active)
    order by r.created_at, r.follower_id
    limit :limit
    for update
), asked as (
    delete from follow_requests r using waiting w
    where r.follower_id = w.follower_id and r.following_id = w.following_id
    returning r.follower_id, r.following_id
)
insert into follows (follower_id, following_id) select follower_id, following_id from asked
on conflict (follower_id, following_id) do nothing
returning follower_id, to_ms(created_at) as since;

-- name: following
-- Those whom the user comes upon. `limit` is one more than the page to tell if more follow.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, to_ms(f.created_at) as since,
       f.connection_type = 'close_friend' as close_friend, f.notify_on_post
from follows f join users u on u.user_id = f.following_id
where f.follower_id = :owner_id and f.connection_type <> 'blocked'
  and (not :close_friends::boolean or f.connection_type = 'close_friend')
  and f.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or f.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or f.following_id > :before_id::uuid)
  and u.is_active and exists (select from findable(:user_id::uuid, u.user_id))
order by f.created_at desc, f.following_id
limit :limit;

-- name: followers
-- Likewise.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, to_ms(f.created_at) as since
from follows f join users u on u.user_id = f.follower_id
where f.following_id = :owner_id and f.connection_type <> 'blocked'
  and f.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or f.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or f.follower_id > :before_id::uuid)
  and u.is_active and exists (select from findable(:user_id::uuid, u.user_id))
order by f.created_at desc, f.follower_id
limit :limit;

-- name: requests
-- Who waits for the user. Likewise.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, to_ms(r.created_at) as since
from follow_requests r join users u on u.user_id = r.follower_id
where r.following_id = :user_id
  and r.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or r.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or r.follower_id > :before_id::uuid)
  and u.is_active and exists (select from findable(:user_id::uuid, u.user_id))
order by r.created_at desc, r.follower_id
limit :limit;

-- name: sent
-- For whom the user waits. Likewise.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, to_ms(r.created_at) as since
from follow_requests r join users u on u.user_id = r.following_id
where r.follower_id = :user_id
  and r.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or r.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or r.following_id > :before_id::uuid)
  and u.is_active and exists (select from findable(:user_id::uuid, u.user_id))
order by r.created_at desc, r.following_id
limit :limit;
