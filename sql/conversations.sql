-- name: create_direct
-- No row when the pair has its conversation: then find_direct, a statement of its own, sees it.
insert into conversations (conversation_id, conversation_type, direct_low, direct_high)
values (:conversation_id, 'direct', least(:user_id::uuid, :peer_id::uuid), greatest(:user_id::uuid, :peer_id::uuid))
on conflict do nothing
returning conversation_id;

-- name: find_direct
select conversation_id
from conversations
where direct_low = least(:user_id::uuid, :peer_id::uuid) and direct_high = greatest(:user_id::uuid, :peer_id::uuid);

-- name: add_members
insert into conversation_participants (conversation_id, user_id)
select :conversation_id::uuid, unnest(:user_ids::uuid[]);

-- name: lock
-- First of all for whoever changes a conversation; what it is like, only the next statement sees.
select conversation_id from conversations where conversation_id = :conversation_id for no key update;

-- name: membership
-- A row when the user is a member.
select c.last_seq, c.last_rev
from conversation_participants p
join conversations c using (conversation_id)
where p.conversation_id = :conversation_id and p.user_id = :user_id;

-- name: listeners
-- Who hears of what a member does and nobody keeps: the others, but not in a direct conversation of which one has
-- blocked the other.
select p.user_id
from conversation_participants p
where p.conversation_id = :conversation_id and p.user_id <> :user_id
  and not exists (
      select from conversations c
      where c.conversation_id = :conversation_id and c.direct_low is not null and (
          exists (select from follows f where f.follower_id = c.direct_low
                  and f.following_id = c.direct_high and f.connection_type = 'blocked')
          or exists (select from follows f where f.follower_id = c.direct_high
                     and f.following_id = c.direct_low and f.connection_type = 'blocked')));

-- name: describe
select c.conversation_id, c.conversation_type, c.title, c.last_seq, c.last_rev,
       to_ms(c.created_at) as created_at, to_ms(c.updated_at) as updated_at,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username) order by p.joined_at, u.user_id)
        from conversation_participants p join users u using (user_id)
        where p.conversation_id = c.conversation_id) as members,
       (select jsonb_build_object(
            'conversation_id', m.conversation_id, 'message_id', m.message_id, 'seq', m.seq,
            'rev', coalesce(h.rev, m.rev), 'sender_id', m.sender_id, 'message_type', m.message_type,
            'content', coalesce(m.content, ''), 'created_at', to_ms(m.created_at), 'is_deleted', m.is_deleted,
            'edited_at', case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end)
        from messages m left join message_changes h using (conversation_id, seq)
        where m.conversation_id = c.conversation_id and m.seq = c.last_seq) as last_message
from conversations c
where c.conversation_id = any(:ids::uuid[]);

-- name: page
-- The ids of one page, newest activity first; `limit` is one more than the page to tell if more follow.
select c.conversation_id
from conversation_participants p
join conversations c using (conversation_id)
where p.user_id = :user_id
  and (:before_ms::bigint is null
       or (to_ms(c.updated_at), c.conversation_id) < (:before_ms::bigint, :before_id::uuid))
order by to_ms(c.updated_at) desc, c.conversation_id desc
limit :limit;
