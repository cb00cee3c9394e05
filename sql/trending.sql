-- What much is posted in, see lumina_rt/trending.py.

-- name: patiently
-- It reads a week of posts, and nobody waits for it.
select set_config('statement_timeout', '60s', true);

-- name: turn
select pg_try_advisory_xact_lock(hashtext('lumina.trending')) as mine;

-- name: candidates
-- What the most people have named of late.
select x.topic_id
from post_topics x
join posts p on p.post_id = x.post_id
where x.post_id >= uuid7_floor(now() - :length_s::float8 * interval '1 second')
  and p.post_id >= uuid7_floor(now() - :length_s::float8 * interval '1 second')
  and p.visibility = 'public' and not p.is_deleted and not p.is_archived
group by x.topic_id
having count(distinct p.user_id) >= :people
order by count(distinct p.user_id) desc, x.topic_id
limit :limit;

-- name: weigh
-- The scores of these topics, the best first, without those that too few people speak of. Of each the 2,000 newest posts
-- at most, of those the ones that everybody may see, and of each author the newest.
with said as (
    select g.topic_id, p.user_id, max(p.created_at) as at
    from unnest(:ids::uuid[]) g (topic_id)
    cross join lateral (
        select x.post_id from post_topics x
        where x.topic_id = g.topic_id and x.post_id >= uuid7_floor(now() - :length_s::float8 * interval '1 second')
        order by x.post_id desc limit 2000) x
    join posts p on p.post_id = x.post_id
    join users u on u.user_id = p.user_id
    where p.visibility = 'public' and not p.is_deleted and not p.is_archived
      and not u.is_private and u.is_active and u.deleted_at is null
      and (u.suspended_until is null or u.suspended_until <= now())
    group by g.topic_id, p.user_id
)
select s.topic_id,
       sum(power(0.5, greatest(extract(epoch from now() - s.at), 0)::float8 / :half_life_s::float8)) as score
from said s
group by s.topic_id
having count(*) >= :people
order by score desc, s.topic_id
limit :limit;

-- name: found
-- What the worker found last.
select topic_id from topics where is_trending;

-- name: set_found
-- These are it now. Those that were not, and those that were and are not any more.
with gone as (
    update topics set is_trending = false where is_trending and topic_id <> all (:ids::uuid[]) returning topic_id
), new as (
    update topics set is_trending = true where topic_id = any (:ids::uuid[]) and not is_trending returning topic_id
)
select topic_id from gone union all select topic_id from new;
