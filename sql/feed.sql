-- name: older
-- The :scan newest of all posts by whom the user follows, their own, and those that these are co-authors of, before an id;
-- and which of them are for the user. Who has the newest posts is found first, by one look at each author: only those
-- can have one of the newest, and where there are :scan of them, none older than all of those. So it costs as many looks
-- as the user follows people, and no more where these post much.
with people as materialized (
    select f.following_id as user_id from follows f
    where f.follower_id = :user_id and f.connection_type <> 'blocked'
      and not exists (
          select from mutes m where m.user_id = :user_id and m.muted_id = f.following_id and m.scope in ('posts', 'all')
                                and (m.until is null or m.until > now()))
    union all select :user_id::uuid
), heads as materialized (
    select w.user_id, h.post_id from people w
    cross join lateral (
        select h.post_id from (
            (select p.post_id from posts p
             where p.user_id = w.user_id and not p.is_deleted and not p.is_archived and p.post_id < :before_id::uuid
             order by p.post_id desc limit 1)
            union all
            (select c.post_id from post_coauthors c
             where c.user_id = w.user_id and c.status = 'accepted' and c.post_id < :before_id::uuid
             order by c.post_id desc limit 1)
        ) h order by h.post_id desc limit 1
    ) h
    order by h.post_id desc limit :scan
), oldest as materialized (
    select h.post_id from heads h
    where (select count(distinct post_id) from heads) >= :scan order by h.post_id limit 1
), found as materialized (
    select g.post_id from (
        select c.post_id from heads w
        cross join lateral (
            (select p.post_id from posts p
             where p.user_id = w.user_id and not p.is_deleted and not p.is_archived and p.post_id < :before_id::uuid
               and p.post_id >= coalesce((select o.post_id from oldest o), '00000000-0000-0000-0000-000000000000')
             order by p.post_id desc limit :scan)
            union all
            (select c.post_id from post_coauthors c
             where c.user_id = w.user_id and c.status = 'accepted' and c.post_id < :before_id::uuid
             order by c.post_id desc limit :scan)
        ) c
        group by c.post_id
    ) g order by g.post_id desc limit :scan
)
select f.post_id, exists (
    select from post_for(:user_id::uuid, f.post_id) p
    where not p.is_archived and not exists (
        select from mutes m where m.user_id = :user_id and m.muted_id = p.user_id and m.scope in ('posts', 'all')
                              and (m.until is null or m.until > now()))) as shown
from found f order by f.post_id desc;

-- name: newer
-- As above, from an id on: the oldest of them.
with people as materialized (
    select f.following_id as user_id from follows f
    where f.follower_id = :user_id and f.connection_type <> 'blocked'
      and not exists (
          select from mutes m where m.user_id = :user_id and m.muted_id = f.following_id and m.scope in ('posts', 'all')
                                and (m.until is null or m.until > now()))
    union all select :user_id::uuid
), heads as materialized (
    select w.user_id, h.post_id from people w
    cross join lateral (
        select h.post_id from (
            (select p.post_id from posts p
             where p.user_id = w.user_id and not p.is_deleted and not p.is_archived and p.post_id > :after_id::uuid
             order by p.post_id limit 1)
            union all
            (select c.post_id from post_coauthors c
             where c.user_id = w.user_id and c.status = 'accepted' and c.post_id > :after_id::uuid
             order by c.post_id limit 1)
        ) h order by h.post_id limit 1
    ) h
    order by h.post_id limit :scan
), newest as materialized (
    select h.post_id from heads h
    where (select count(distinct post_id) from heads) >= :scan order by h.post_id desc limit 1
), found as materialized (
    select g.post_id from (
        select c.post_id from heads w
        cross join lateral (
            (select p.post_id from posts p
             where p.user_id = w.user_id and not p.is_deleted and not p.is_archived and p.post_id > :after_id::uuid
               and p.post_id <= coalesce((select n.post_id from newest n), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             order by p.post_id limit :scan)
            union all
            (select c.post_id from post_coauthors c
             where c.user_id = w.user_id and c.status = 'accepted' and c.post_id > :after_id::uuid
             order by c.post_id limit :scan)
        ) c
        group by c.post_id
    ) g order by g.post_id limit :scan
)
select f.post_id, exists (
    select from post_for(:user_id::uuid, f.post_id) p
    where not p.is_archived and not exists (
        select from mutes m where m.user_id = :user_id and m.muted_id = p.user_id and m.scope in ('posts', 'all')
                              and (m.until is null or m.until > now()))) as shown
from found f order by f.post_id;

-- name: readers
-- In whose feed these posts are, of these users, who watch theirs.
select r.user_id, p.post_id, p.user_id as author_id
from unnest(:user_ids::uuid[]) r (user_id)
cross join unnest(:post_ids::uuid[]) n (post_id)
join lateral post_for(r.user_id, n.post_id) p on not p.is_archived
cross join lateral (
    select from (
        (select where p.user_id = r.user_id)
        union all
        (select from follows f where f.follower_id = r.user_id and f.following_id = p.user_id
                                 and f.connection_type <> 'blocked' limit 1)
        union all
        (select from post_coauthors c
         where c.post_id = p.post_id and c.status = 'accepted'
           and (c.user_id = r.user_id or exists (
               select from follows f where f.follower_id = r.user_id and f.following_id = c.user_id
                                       and f.connection_type <> 'blocked'))
           and not exists (
               select from mutes m where m.user_id = r.user_id and m.muted_id = c.user_id
                                     and m.scope in ('posts', 'all') and (m.until is null or m.until > now()))
         limit 1)
    ) w limit 1
) w
where not exists (
      select from mutes m where m.user_id = r.user_id and m.muted_id = p.user_id and m.scope in ('posts', 'all')
                            and (m.until is null or m.until > now()))
order by p.post_id;

-- name: recent
-- What was published since then, by whomever: of what nobody may have told this node.
select p.post_id from posts p
where p.post_id >= uuid7_floor(to_timestamp(:since_ms::bigint / 1000.0)) and not p.is_deleted
order by p.post_id desc limit :limit;
