-- name: lock
-- Before several events are kept for several users: everybody locks in one order.
select user_id from user_streams where user_id = any(:user_ids::uuid[]) order by user_id for no key update;

-- name: keep
-- An event for several users: numbered in the stream of each, kept there, and put into the outbox by reference.
-- Everybody locks in one order, so nobody waits in a circle.
with locked as (
    select user_id from user_streams where user_id = any(:user_ids::uuid[]) order by user_id for no key update
), numbered as (
    update user_streams s set last_rev = s.last_rev + 1
    from locked where s.user_id = locked.user_id
    returning s.user_id, s.last_rev as rev
), kept as (
    insert into user_events (user_id, rev, event_type, body)
    select user_id, rev, :event_type, :body from numbered
), told as (
    insert into outbox (node_id, user_ids, user_revs)
    select :node_id, array_agg(user_id order by user_id), array_agg(rev order by user_id) from numbered
    having count(*) > 0
)
select user_id, rev from numbered;

-- name: since
-- What happened in the streams of several users after a rev of each.
select g.user_id, e.rev, e.event_type, e.body, s.hide_metrics as hides_numbers
from unnest(:user_ids::uuid[], :after_revs::bigint[]) g (user_id, after_rev)
left join user_settings s on s.user_id = g.user_id
cross join lateral (
    select * from user_events e where e.user_id = g.user_id and e.rev > g.after_rev order by e.rev limit :limit
) e
order by g.user_id, e.rev;

-- name: stream
select last_rev, purged_rev from user_streams where user_id = :user_id;
