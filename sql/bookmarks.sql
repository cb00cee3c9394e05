-- name: collection
-- One's own; it stays until the commit.
select collection_id, name, to_ms(created_at) as created_at from bookmark_collections
where user_id = :user_id and collection_id = :collection_id for key share;

-- name: set
-- No row when the post is not for the user. Times are of whole milliseconds, for pages.
with seen as materialized (
    select p.post_id from post_for(:user_id::uuid, :post_id::uuid) p
), made as (
    insert into bookmarks as b (user_id, post_id, collection_id, created_at)
    select :user_id, s.post_id, :collection_id::uuid, date_trunc('milliseconds', clock_timestamp()) from seen s
    on conflict (user_id, post_id) do update set collection_id = excluded.collection_id
    where b.collection_id is distinct from excluded.collection_id
    returning b.created_at
)
select s.post_id, to_ms(m.created_at) as bookmarked_at from seen s left join made m on true;

-- name: one
select post_id, collection_id, to_ms(created_at) as bookmarked_at
from bookmarks where user_id = :user_id and post_id = :post_id;

-- name: remove
-- No row when there is none.
delete from bookmarks where user_id = :user_id and post_id = :post_id returning post_id;

-- name: page
select b.post_id, b.collection_id, to_ms(b.created_at) as bookmarked_at
from bookmarks b
where b.user_id = :user_id
  and (:before_ms::bigint is null or (b.created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (b.created_at < to_timestamp(:before_ms::bigint / 1000.0) or b.post_id > :before_id::uuid)))
  and exists (select from post_for(:user_id::uuid, b.post_id))
order by b.created_at desc, b.post_id limit :limit;

-- name: page_of_collection
select b.post_id, b.collection_id, to_ms(b.created_at) as bookmarked_at
from bookmarks b
where b.user_id = :user_id and b.collection_id = :collection_id::uuid
  and (:before_ms::bigint is null or (b.created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (b.created_at < to_timestamp(:before_ms::bigint / 1000.0) or b.post_id > :before_id::uuid)))
  and exists (select from post_for(:user_id::uuid, b.post_id))
order by b.created_at desc, b.post_id limit :limit;

-- name: create
-- No row when the id or the name is taken.
insert into bookmark_collections (collection_id, user_id, name) values (:new_collection_id, :user_id, :name)
on conflict do nothing
returning collection_id, name, to_ms(created_at) as created_at;

-- name: count
select count(*) as count from bookmark_collections where user_id = :user_id;

-- name: same_name
-- A row when another collection of the user has this name.
select from bookmark_collections where user_id = :user_id and name = :name and collection_id <> :collection_id;

-- name: change
-- No row when there is none.
update bookmark_collections set name = :name where user_id = :user_id and collection_id = :collection_id
returning collection_id, name, to_ms(created_at) as created_at;

-- name: remove_collection
-- Likewise. What it holds stays, in none.
delete from bookmark_collections where user_id = :user_id and collection_id = :collection_id returning collection_id;

-- name: collections
select collection_id, name, to_ms(created_at) as created_at
from bookmark_collections where user_id = :user_id order by name, collection_id;
