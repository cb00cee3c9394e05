-- name: lock
-- First of all for who answers to be a co-author: the row of the post. No row for whom it does not name.
select p.user_id as author_id, p.is_deleted from posts p
where p.post_id = :post_id
  and exists (select from post_coauthors c where c.post_id = p.post_id and c.user_id = :user_id)
for no key update of p;

-- name: part
select c.status, exists (select from post_for(:user_id::uuid, c.post_id)) as seen
from post_coauthors c where c.post_id = :post_id and c.user_id = :user_id;

-- name: answer
update post_coauthors set status = :own_part where post_id = :post_id and user_id = :user_id;

-- name: share
-- No row when the post is not for the user, or the id is taken.
insert into post_shares (share_id, post_id, user_id, via)
select :share_id, p.post_id, :user_id, :via from post_for(:user_id::uuid, :post_id::uuid) p
on conflict do nothing returning share_id;

-- name: view
-- Once for a viewer and day, with how often and how long; in the order of ids, as others write them.
insert into post_views as v (post_id, user_id, watch_seconds)
select p.post_id, :user_id, g.watch_s
from unnest(:post_ids::uuid[], :watched::integer[]) g (post_id, watch_s)
join lateral post_for(:user_id::uuid, g.post_id) p on p.user_id <> :user_id
order by p.post_id
on conflict (post_id, user_id, day) do update
set times = v.times + 1, watch_seconds = least(v.watch_seconds::bigint + excluded.watch_seconds, 86400 * 10)::integer
returning v.post_id, v.times = 1 as is_counted;

-- name: how_far
-- Of a post from a place; also of one that is gone since. No row when it is nowhere.
select km_between(p.latitude::float8, p.longitude::float8, :latitude::float8, :longitude::float8) as km
from posts p where p.post_id = :post_id and p.latitude is not null;

-- name: nearby
-- Of a box around the place what is not farther than that; west and east may be beyond 180 degrees. Behind a post: by how
-- far that one is, or by its id.
select p.post_id from posts p
cross join lateral (
    select km_between(p.latitude::float8, p.longitude::float8, :latitude::float8, :longitude::float8) as km) d
where p.latitude between :south::float8::decimal and :north::float8::decimal
  and (p.longitude between :west::float8::decimal and :east::float8::decimal
       or p.longitude + 360 between :west::float8::decimal and :east::float8::decimal
       or p.longitude - 360 between :west::float8::decimal and :east::float8::decimal)
  and p.visibility = 'public' and not p.is_deleted and not p.is_archived and d.km <= :within_km::float8
  and (:after_id::uuid is null
       or (:newest::boolean and p.post_id < :after_id::uuid)
       or (not :newest::boolean and (d.km > :after_km::float8
                                     or (d.km = :after_km::float8 and p.post_id < :after_id::uuid))))
  and exists (select from post_for(:user_id::uuid, p.post_id))
order by case when :newest::boolean then 0 else d.km end, p.post_id desc limit :limit;
