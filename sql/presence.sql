-- The rule itself is a function, see migrations/0035_presence.sql.

-- name: shown
-- Of these pairs those in which the one sees whether the other is online, and when they were last.
select g.viewer_id, g.owner_id, to_ms(s.last_seen_at) as last_seen_at
from unnest(:viewer_ids::uuid[], :owner_ids::uuid[]) g (viewer_id, owner_id)
join user_settings s on s.user_id = g.owner_id
where exists (select from presence_shown(g.viewer_id, g.owner_id));

-- name: seen
-- Those who hide it leave no trace. A row that somebody changes just now is left out: two nodes that waited
-- for each other would be worse.
with free as (
    select user_id from user_settings
    where user_id = any(:user_ids::uuid[]) and show_activity_status and not invisible
    for no key update skip locked
)
update user_settings s set last_seen_at = greatest(s.last_seen_at, g.at)
from (select user_id, to_timestamp(ms / 1000.0) as at from unnest(:user_ids::uuid[], :times::bigint[]) n (user_id, ms)) g
where s.user_id = g.user_id and s.user_id in (select free.user_id from free);

-- name: set_invisible
update user_settings set invisible = :invisible::boolean where user_id = :user_id;

-- name: size
select member_count from conversations where conversation_id = :conversation_id;

-- name: countable
-- The members of a conversation whom the user may know to be online: of a big one all who show it to anybody.
select p.user_id
from conversation_participants p
join conversations c using (conversation_id)
join user_settings s on s.user_id = p.user_id
where p.conversation_id = :conversation_id and s.show_activity_status and not s.invisible
  and (c.member_count > 200 or exists (select from presence_shown(:user_id::uuid, p.user_id)));
