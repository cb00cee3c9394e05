-- A poll is closed by the time that it is, see polls.closes_at: nobody closes it.

-- name: vote
-- No row when there is no such poll for the user. Options are known when as many are there as were named. Who has
-- voted already has not :voted now, also when that is under way from another device: `leads` is once for a ballot.
with seen as materialized (
    select l.post_id, l.multiple, coalesce(l.closes_at <= clock_timestamp(), false) as closed,
           (select count(*) from poll_options o
            where o.post_id = l.post_id and o.option_no = any (:options::smallint[])) as known
    from post_for(:user_id::uuid, :post_id::uuid) p join polls l on l.post_id = p.post_id
), led as (
    insert into poll_votes (post_id, user_id, option_no, leads, created_at)
    select s.post_id, :user_id, (:options::smallint[])[1], true, date_trunc('milliseconds', clock_timestamp())
    from seen s
    where not s.closed and s.known = cardinality(:options::smallint[]) and (s.multiple or s.known = 1)
      and not exists (select from poll_votes w where w.post_id = s.post_id and w.user_id = :user_id)
    on conflict do nothing
    returning post_id, created_at
), others as (
    insert into poll_votes (post_id, user_id, option_no, created_at)
    select l.post_id, :user_id, g.option_no, l.created_at from led l, unnest((:options::smallint[])[2:]) g (option_no)
)
select s.multiple, s.closed, s.known, exists (select from led) as voted from seen s;

-- name: own
select option_no from poll_votes where post_id = :post_id and user_id = :user_id order by option_no;

-- name: unvote
-- No row when there is no such poll. `voted`: before.
with poll as materialized (
    select l.post_id, coalesce(l.closes_at <= clock_timestamp(), false) as closed
    from polls l where l.post_id = :post_id
), gone as (
    delete from poll_votes w using poll l
    where w.post_id = l.post_id and w.user_id = :user_id and not l.closed
    returning w.option_no
)
select l.closed, (select count(*) from gone) > 0 as changed,
       exists (select from poll_votes w where w.post_id = l.post_id and w.user_id = :user_id) as voted
from poll l;

-- name: asked_by
-- Whose poll it is, as far as it is for the user; no row when there is none.
select p.user_id from post_for(:user_id::uuid, :post_id::uuid) p join polls l on l.post_id = p.post_id;

-- name: voters
select u.user_id, u.username, to_ms(w.created_at) as voted_at
from poll_votes w
join users u on u.user_id = w.user_id and u.is_active and u.deleted_at is null
            and (u.suspended_until is null or u.suspended_until <= now())
where w.post_id = :post_id and w.option_no = :option_no::smallint
  and (:before_ms::bigint is null or (w.created_at <= to_timestamp(:before_ms::bigint / 1000.0)
       and (w.created_at < to_timestamp(:before_ms::bigint / 1000.0) or w.user_id > :before_id::uuid)))
  and not exists (select from blocked_between(:user_id::uuid, w.user_id))
order by w.created_at desc, w.user_id limit :limit;
