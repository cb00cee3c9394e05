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

-- name: create_group
-- No row when the id is taken.
insert into conversations (conversation_id, conversation_type, title)
values (:conversation_id, 'group', :title)
on conflict do nothing
returning conversation_id;

-- name: lock
-- First of all for whoever changes a conversation; what it is like, only the next statement sees.
select conversation_id from conversations where conversation_id = :conversation_id for no key update;

-- name: membership
-- A row when the user is a member.
select c.last_seq, c.last_rev, c.conversation_type, p.role
from conversation_participants p
join conversations c using (conversation_id)
where p.conversation_id = :conversation_id and p.user_id = :user_id;

-- name: listeners
-- Who hears of what a member does and nobody keeps: the others, but not in a direct conversation in which that member
-- cannot say anything.
select p.user_id
from conversation_participants p
where p.conversation_id = :conversation_id and p.user_id <> :user_id
  and not exists (select from closed_to(:conversation_id::uuid, :user_id::uuid));

-- name: describe
select c.conversation_id, c.conversation_type, c.title, c.last_seq, c.last_rev,
       c.description, c.picture_media_id,
       to_ms(c.created_at) as created_at, to_ms(c.updated_at) as updated_at,
       (select count(*) from conversation_participants p where p.conversation_id = c.conversation_id) as member_count,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username, 'role', p.role)
                         order by p.joined_at, p.user_id)
        from (select * from conversation_participants p where p.conversation_id = c.conversation_id
              order by p.joined_at, p.user_id limit 20) p join users u using (user_id)) as members,
       (select to_jsonb(s) - 'sent_rev' from message_states s
        where s.conversation_id = c.conversation_id and s.seq = c.last_seq
          and exists (select from membership_intervals i
                      where i.conversation_id = s.conversation_id and i.user_id = :user_id
                        and i.from_seq <= s.seq and (i.to_seq is null or s.seq < i.to_seq))) as last_message
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

-- name: cursors
-- How far the newest conversations of a user are.
select p.conversation_id, c.last_rev, c.last_seq
from conversation_participants p
cross join lateral (
    select c.last_rev, c.last_seq, c.updated_at from conversations c where c.conversation_id = p.conversation_id offset 0
) c
where p.user_id = :user_id
order by c.updated_at desc
limit :limit;

-- name: compare
-- How far conversations are that a client says it has had up to some rev; nothing of those it is not a member of.
select g.conversation_id, g.rev, c.last_rev, c.purged_rev
from unnest(:conversation_ids::uuid[], :revs::bigint[]) with ordinality g (conversation_id, rev, ord)
left join lateral (
    select c.last_rev, c.purged_rev
    from conversation_participants p
    join conversations c on c.conversation_id = g.conversation_id
    where p.conversation_id = g.conversation_id and p.user_id = :user_id offset 0
) c on true
order by g.ord;

-- name: audience
-- Who is in conversations, and the intervals of those who do not see everything from a message on.
select g.conversation_id,
       array(select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) as member_ids,
       (select coalesce(jsonb_agg(jsonb_build_array(i.user_id, i.from_seq, i.to_seq)), '[]')
        from membership_intervals i
        where i.conversation_id = g.conversation_id and i.user_id in (
            select j.user_id from membership_intervals j
            where j.conversation_id = g.conversation_id and j.to_seq is null and j.from_seq > g.seq)) as intervals
from unnest(:conversation_ids::uuid[], :seqs::bigint[]) g (conversation_id, seq);
