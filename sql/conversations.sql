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
-- Who hears of what a member does and nobody keeps: the others, but not in a big group, nor where that member
-- cannot say anything. Who does not show whether they are online is not seen, and does not see it.
select p.user_id
from conversation_participants p
join conversations c using (conversation_id)
join user_settings s on s.user_id = p.user_id and s.show_activity_status
join user_settings o on o.user_id = :user_id and o.show_activity_status and not o.invisible
where p.conversation_id = :conversation_id and p.user_id <> :user_id and c.member_count <= 200
  and not exists (select from closed_to(:conversation_id::uuid, :user_id::uuid));

-- name: describe
select c.conversation_id, c.conversation_type, c.title, c.last_seq, c.last_rev,
       c.description, c.picture_media_id, c.slow_mode_s, c.who_may_send,
       to_ms(c.created_at) as created_at, to_ms(c.updated_at) as updated_at,
       (select count(*) from conversation_participants p where p.conversation_id = c.conversation_id) as member_count,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username, 'role', p.role,
                                            'delivered_seq', coalesce(r.told_delivered_seq, 0),
                                            'read_seq', coalesce(r.told_read_seq, 0))
                         order by p.joined_at, p.user_id)
        from (select * from conversation_participants p where p.conversation_id = c.conversation_id
              order by p.joined_at, p.user_id limit 20) p join users u using (user_id)
        left join receipts r on r.conversation_id = p.conversation_id and r.user_id = p.user_id) as members,
       (select to_jsonb(s) - 'sent_rev' from message_states s
        where s.conversation_id = c.conversation_id and s.seq = c.last_seq
          and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq))) as last_message,
       coalesce(own.read_seq, 0) as read_seq, coalesce(own.preferences, '{}') as preferences, u.unread
from conversations c
left join lateral (
    select s.read_seq, s.preferences from member_states s
    where s.conversation_id = c.conversation_id and s.user_id = :user_id offset 0
) own on true
cross join lateral (
    select unread from unread_count(c.conversation_id, :user_id, own.read_seq) unread offset 0
) u
where c.conversation_id = any(:ids::uuid[]);

-- name: page
-- The ids of one page, newest activity first; `limit` is one more than the page to tell if more follow. Only of as many
-- days as are needed: those of the `limit` newest ones behind the day where the page begins.
with newest as (
    select coalesce(day_of(:before_ms::bigint), 2147483647) as day
), oldest as (
    select coalesce((
        select p.active_day
        from conversation_participants p
        cross join lateral (
            select c.last_seq from conversations c where c.conversation_id = p.conversation_id offset 0
        ) c
        where p.user_id = :user_id and p.active_day < (select day from newest)
          and (:archived::boolean is null
               or :archived::boolean = is_archived(p.archived_seq, p.muted_until, c.last_seq))
        order by p.active_day desc offset :limit - 1 limit 1
    ), 0) as day
), near as (
    select p.conversation_id, p.archived_seq, p.muted_until from conversation_participants p
    where p.user_id = :user_id and p.active_day >= (select day from oldest)
      and p.active_day <= (select day from newest)
    union all
    select p.conversation_id, p.archived_seq, p.muted_until from conversation_participants p
    where p.user_id = :user_id and p.active_day is null
)
select p.conversation_id
from near p
cross join lateral (
    select c.updated_at, c.last_seq from conversations c where c.conversation_id = p.conversation_id offset 0
) c
where (:before_ms::bigint is null
       or (to_ms(c.updated_at), p.conversation_id) < (:before_ms::bigint, :before_id::uuid))
  and (:archived::boolean is null or :archived::boolean = is_archived(p.archived_seq, p.muted_until, c.last_seq))
order by to_ms(c.updated_at) desc, p.conversation_id desc
limit :limit;

-- name: pinned
-- What was pinned last comes first.
select p.conversation_id
from conversation_participants p
where p.user_id = :user_id and p.pinned_at is not null
order by p.pinned_at desc, p.conversation_id;

-- name: cursors
-- How far the newest conversations of a user are; of as many days as are needed, as `page` does.
with oldest as (
    select coalesce((
        select p.active_day from conversation_participants p
        where p.user_id = :user_id and p.active_day is not null
        order by p.active_day desc offset :limit - 1 limit 1
    ), 0) as day
), near as (
    select p.conversation_id from conversation_participants p
    where p.user_id = :user_id and p.active_day >= (select day from oldest)
    union all
    select p.conversation_id from conversation_participants p
    where p.user_id = :user_id and p.active_day is null
)
select p.conversation_id, c.last_rev, c.last_seq
from near p
cross join lateral (
    select c.last_rev, c.last_seq, c.updated_at from conversations c where c.conversation_id = p.conversation_id offset 0
) c
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
-- Who is in conversations, and who does not see all of these messages of each (`seqs` is an array written out, for they
-- are not equally many): the intervals of those who came later, and what members have deleted for themselves.
select g.conversation_id,
       array(select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) as member_ids,
       (select coalesce(jsonb_agg(jsonb_build_array(i.user_id, i.from_seq, i.to_seq)), '[]')
        from membership_intervals i
        where i.conversation_id = g.conversation_id and i.user_id in (
            select j.user_id from membership_intervals j
            where j.conversation_id = g.conversation_id and j.to_seq is null
              and j.from_seq > (select coalesce(min(seq), 1) from unnest(g.seqs::bigint[]) seq))) as intervals,
       (select coalesce(jsonb_agg(jsonb_build_array(h.user_id, h.seq)), '[]')
        from message_hides h
        where h.conversation_id = g.conversation_id and h.seq = any(g.seqs::bigint[])) as hides
from unnest(:conversation_ids::uuid[], :page_seqs::text[]) g (conversation_id, seqs);
