-- name: set
-- No row when it is so already.
insert into mutes as m (user_id, muted_id, scope, until)
values (:user_id, :other_id, :mute_scope, to_timestamp(:until_ms::bigint / 1000.0))
on conflict (user_id, muted_id) do update
set scope = excluded.scope, until = excluded.until, created_at = excluded.created_at
where (m.scope, m.until) is distinct from (excluded.scope, excluded.until)
returning m.scope as mute_scope, to_ms(m.until) as until, to_ms(m.created_at) as since;

-- name: remove
-- No row when there is none.
delete from mutes where user_id = :user_id and muted_id = :other_id
returning muted_id;

-- name: page
-- Also of whose account is closed for a while. `limit` is one more than the page to tell if more follow.
select u.user_id, u.username, m.scope as mute_scope, to_ms(m.until) as until, to_ms(m.created_at) as since
from mutes m join users u on u.user_id = m.muted_id
where m.user_id = :user_id and (m.until is null or m.until > now())
  and m.created_at <= coalesce(to_timestamp(:before_ms::bigint / 1000.0), 'infinity')
  and (:before_ms::bigint is null or m.created_at < to_timestamp(:before_ms::bigint / 1000.0)
       or m.muted_id > :before_id::uuid)
order by m.created_at desc, m.muted_id
limit :limit;
