-- name: lock
-- First of all for whoever changes comments of a post, or what a post is: what it is then, the next statement sees.
select post_id from posts where post_id = :post_id for no key update;

-- name: stream
-- Under that lock.
insert into comment_streams (post_id) select post_id from posts where post_id = :post_id
on conflict do nothing;

-- name: post_of
select post_id, parent_comment_id from comments where comment_id = :comment_id;

-- name: about
-- Who is told of a comment.
select p.user_id as author_id, a.comment_id as parent_comment_id, a.user_id as parent_author_id
from comments c
join posts p on p.post_id = c.post_id
left join comments a on a.post_id = c.post_id and a.comment_id = c.parent_comment_id
where c.post_id = :post_id and c.comment_id = :comment_id;

-- name: named
select user_id from users where username_key = any (:username_keys::text[]) and is_active and deleted_at is null;

-- name: post_author
select user_id from posts where post_id = :post_id;

-- name: closed
-- Why a user cannot comment on a post that they see; no row when they can.
select why from no_comment(:user_id::uuid, :post_id::uuid) why;

-- name: blocked
-- A row when either has blocked the other.
select from blocked_between(:user_id::uuid, :other_id::uuid);

-- name: media
-- One's own media object.
select kind, status from media_objects where media_id = :media_id and user_id = :user_id and not is_deleted;

-- name: create
-- No row when the id is taken. Its number it gets from `number`.
with timed as (
    update comment_streams
    set last_at = greatest(last_at + interval '1 millisecond', date_trunc('milliseconds', clock_timestamp()))
    where post_id = :post_id
    returning last_at
), made as (
    insert into comments (comment_id, post_id, user_id, content, parent_comment_id, thread_depth, media_id, media_type,
                          created_at)
    select :comment_id::uuid, :post_id::uuid, :user_id::uuid, :content::text, :parent_comment_id::uuid,
           :depth::integer, :media_id::uuid, :media_type::text, timed.last_at
    from timed
    on conflict do nothing
    returning comment_id, created_at
), used as (
    insert into media_refs (media_id, subject_type, subject_id)
    select :media_id::uuid, 'comment', m.comment_id from made m where :media_id::uuid is not null
)
select to_ms(created_at) as created_at from made;

-- name: number
-- The next number for each of these, in their order: they are other than they were.
with numbered as (
    update comment_streams set last_rev = last_rev + cardinality(:comment_ids::uuid[])
    where post_id = :post_id
    returning last_rev - cardinality(:comment_ids::uuid[]) as base
)
update comments c set rev = n.base + g.ord
from numbered n, unnest(:comment_ids::uuid[]) with ordinality g (comment_id, ord)
where c.post_id = :post_id and c.comment_id = g.comment_id
returning c.comment_id, c.rev, c.version;

-- name: one
-- Under the lock, whoever asks.
select comment_id, user_id, parent_comment_id, thread_depth as depth, version, rev, pinned_at is not null as is_pinned,
       is_deleted, content
from comments where post_id = :post_id and comment_id = :comment_id;

-- name: edit
update comments set content = :content, version = version + 1, is_edited = true
where post_id = :post_id and comment_id = :comment_id;

-- name: delete
-- It stays as a tombstone under its replies.
update comments set is_deleted = true, deleted_at = now(), pinned_at = null
where post_id = :post_id and comment_id = :comment_id and not is_deleted;

-- name: like
-- No row when it is so already.
insert into comment_likes (comment_id, user_id) values (:comment_id, :user_id)
on conflict do nothing
returning comment_id;

-- name: unlike
delete from comment_likes where comment_id = :comment_id and user_id = :user_id
returning comment_id;

-- name: pin
update comments set pinned_at = clock_timestamp()
where post_id = :post_id and comment_id = :comment_id and pinned_at is null
returning comment_id;

-- name: unpin
update comments set pinned_at = null
where post_id = :post_id and comment_id = :comment_id and pinned_at is not null
returning comment_id;

-- name: pins
select count(*) as count from comments where post_id = :post_id and pinned_at is not null and not is_deleted;

-- name: last
-- The number of the newest change of the comments of a post, and whether the viewer is told numbers.
select coalesce(t.last_rev, 0) as last_rev,
       not o.hide_metrics and (p.user_id = :user_id::uuid or (s.show_metrics and not s.hide_metrics)) as counted
from posts p
join user_settings s on s.user_id = p.user_id
join user_settings o on o.user_id = :user_id::uuid
left join comment_streams t on t.post_id = p.post_id
where p.post_id = :post_id;

-- name: newest
-- Threads, for a viewer: without those between whose author and them there is a block.
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked
from comment_states c
where c.post_id = :post_id and c.parent_comment_id is null and (not c.is_deleted or c.has_replies)
  and (:after_ms::bigint is null or c.made_at < to_timestamp(:after_ms::bigint / 1000.0))
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by c.made_at desc, c.comment_id
limit :limit;

-- name: oldest
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked
from comment_states c
where c.post_id = :post_id and c.parent_comment_id is null and (not c.is_deleted or c.has_replies)
  and (:after_ms::bigint is null or c.made_at > to_timestamp(:after_ms::bigint / 1000.0))
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by c.made_at, c.comment_id desc
limit :limit;

-- name: most_liked
-- The ids of the first, by what is counted so far; their order at this moment.
select c.comment_id from comments c
where c.post_id = :post_id and c.parent_comment_id is null
  and (not c.is_deleted or exists (
      select from comments r where r.post_id = c.post_id and r.parent_comment_id = c.comment_id))
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by c.like_count + (
    select coalesce(sum(d.delta), 0)::bigint from counter_deltas d
    where d.subject_id = c.comment_id and d.counter = 'comments.like_count') desc, c.created_at desc, c.comment_id
limit :limit;

-- name: pinned
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked
from comment_states c
where c.post_id = :post_id and c.pinned_at is not null and not c.is_deleted
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by c.pinned_at, c.comment_id;

-- name: replies
-- The oldest first.
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked
from comment_states c
where c.post_id = :post_id and c.parent_comment_id = :parent_comment_id::uuid and (not c.is_deleted or c.has_replies)
  and (:after_ms::bigint is null or c.made_at > to_timestamp(:after_ms::bigint / 1000.0))
  and not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by c.made_at, c.comment_id
limit :limit;

-- name: some
-- In the order of these ids; without those that are not for the viewer.
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked
from unnest(:comment_ids::uuid[]) with ordinality g (comment_id, ord)
join comment_states c on c.post_id = :post_id and c.comment_id = g.comment_id
where not exists (select from blocked_between(:user_id::uuid, c.user_id))
order by g.ord;

-- name: since
-- What has changed after a number, each comment once, where its newest number is; tombstones too.
select c.*, exists (select from comment_likes l where l.comment_id = c.comment_id and l.user_id = :user_id::uuid) as liked,
       exists (select from blocked_between(:user_id::uuid, c.user_id)) as hidden
from comment_states c
where c.post_id = :post_id and c.rev > :after_rev and c.rev > 0
order by c.rev
limit :limit;
