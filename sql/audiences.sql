-- name: lock_pairs
-- Those of one user with each of these, as blocks.lock_pair takes one: whoever takes several takes them in one order.
select pg_advisory_xact_lock(hashtext('lumina.pair'), p.key)
from (select distinct hashtext(least(:user_id::uuid, o.id)::text || greatest(:user_id::uuid, o.id)::text) as key
      from unnest(:user_ids::uuid[]) o (id) order by 1) p;

-- name: lock
-- First of all for whoever changes one, but for `lock_pairs`. No row when the user has no such audience.
select audience_id, name from audiences where audience_id = :audience_id and user_id = :user_id for no key update;

-- name: owned
-- No row when the user has no such audience.
select audience_id from audiences where audience_id = :audience_id and user_id = :user_id;

-- name: named
-- Whether another one of the user has this name, and how many there are.
select coalesce(bool_or(name = :name and audience_id <> :audience_id), false) as taken, count(*) as count
from audiences where user_id = :user_id;

-- name: create
insert into audiences (audience_id, user_id, name) values (:new_audience_id, :user_id, :name);

-- name: rename
-- No row when it is so already.
update audiences set name = :name where audience_id = :audience_id and user_id = :user_id and name <> :name
returning audience_id;

-- name: in_use
select exists (select from posts p where p.user_id = :user_id and p.audience_id = :audience_id) as in_use;

-- name: remove
delete from audiences where audience_id = :audience_id and user_id = :user_id;

-- name: unknown
-- Those of these who are nobody that the user comes upon.
select o.id as user_id from unnest(:user_ids::uuid[]) o (id)
where o.id = :user_id or not exists (select from findable(:user_id::uuid, o.id));

-- name: add
insert into audience_members (audience_id, user_id)
select :audience_id, o.id from unnest(:user_ids::uuid[]) o (id)
on conflict (audience_id, user_id) do nothing
returning user_id, to_ms(created_at) as since;

-- name: take
delete from audience_members where audience_id = :audience_id and user_id = any(:user_ids::uuid[])
returning user_id;

-- name: one
select a.audience_id, a.name,
       (select count(*) from audience_members m where m.audience_id = a.audience_id) as member_count
from audiences a where a.audience_id = :audience_id and a.user_id = :user_id;

-- name: list
select a.audience_id, a.name,
       (select count(*) from audience_members m where m.audience_id = a.audience_id) as member_count
from audiences a where a.user_id = :user_id order by a.name;

-- name: members
-- Also who is hidden for a while. `limit` is one more than the page to tell if more follow.
select u.user_id, u.username, u.full_name, u.is_private, u.is_verified, to_ms(m.created_at) as since
from audience_members m join users u using (user_id)
where m.audience_id = :audience_id
  and m.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or m.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or m.user_id > :before_id::uuid)
order by m.created_at desc, m.user_id
limit :limit;

-- name: shared
-- Those of either of two which the other is in, locked.
select a.audience_id, a.user_id as owner_id, m.user_id as member_id
from audiences a join audience_members m using (audience_id)
where (a.user_id, m.user_id) in ((:user_id::uuid, :other_id::uuid), (:other_id::uuid, :user_id::uuid))
order by a.audience_id
for no key update of a;
