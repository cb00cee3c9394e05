-- name: send
-- The group commit, see migrations/0020_send_messages.sql: one row for each, in their order.
select status, seq, rev, created_at, member_ids
from send_messages(:conversation_ids, :message_ids, :sender_ids, :contents, :digests, :node_id);

-- name: newest
select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at
from messages m
left join message_changes c using (conversation_id, seq)
where m.conversation_id = :conversation_id
order by m.seq desc
limit :limit;

-- name: before
select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at
from messages m
left join message_changes c using (conversation_id, seq)
where m.conversation_id = :conversation_id and m.seq < :before_seq
order by m.seq desc
limit :limit;

-- name: after
select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at
from messages m
left join message_changes c using (conversation_id, seq)
where m.conversation_id = :conversation_id and m.seq > :after_seq
order by m.seq
limit :limit;

-- name: between
-- What happened in ranges of revs of several conversations, for whoever is in them now: each message as it is now,
-- at the rev at which it was sent if that is in the range, else at that of its newest change.
select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at,
       n.rev as place_rev, n.is_new,
       array(select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) as member_ids
from unnest(:conversation_ids::uuid[], :after_revs::bigint[], :to_revs::bigint[]) g (conversation_id, after_rev, to_rev)
cross join lateral (
    (select u.seq, u.rev, true as is_new from messages u
     where u.conversation_id = g.conversation_id and u.rev > g.after_rev and u.rev <= g.to_rev
     order by u.rev limit :limit)
    union all
    (select h.seq, h.rev, false from message_changes h
     where h.conversation_id = g.conversation_id and h.rev > g.after_rev and h.rev <= g.to_rev
       and exists (select from messages u where u.conversation_id = g.conversation_id and u.seq = h.seq
                   and u.rev <= g.after_rev offset 0)
     order by h.rev limit :limit)
    order by rev limit :limit
) n
cross join lateral (
    select * from messages u where u.conversation_id = g.conversation_id and u.seq = n.seq offset 0
) m
left join lateral (
    select h.rev from message_changes h where h.conversation_id = g.conversation_id and h.seq = n.seq offset 0
) c on true
order by m.conversation_id, n.rev;

-- name: sync
-- Each message once, where its newest rev is. Revs are committed in their order (under the conversation's lock), so
-- what is seen here has no holes: a rev without a message was superseded by a later one.
select m.conversation_id, m.message_id, m.seq, n.rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at
from (
    (select u.seq, u.rev from messages u
     where u.conversation_id = :conversation_id and u.rev > :after_rev
       and not exists (select from message_changes c where c.conversation_id = u.conversation_id and c.seq = u.seq)
     order by u.rev limit :limit)
    union all
    (select c.seq, c.rev from message_changes c
     where c.conversation_id = :conversation_id and c.rev > :after_rev
     order by c.rev limit :limit)
    order by rev limit :limit
) n
join messages m on m.conversation_id = :conversation_id and m.seq = n.seq
order by n.rev;

-- name: one
select m.conversation_id, m.message_id, m.seq, coalesce(c.rev, m.rev) as rev, m.sender_id, m.message_type,
       coalesce(m.content, '') as content, to_ms(m.created_at) as created_at, m.is_deleted,
       case when m.is_edited and not m.is_deleted then to_ms(m.updated_at) end as edited_at
from messages m
left join message_changes c using (conversation_id, seq)
where m.conversation_id = :conversation_id and m.message_id = :message_id;

-- name: edit
-- What it said before is kept for a time. Its own rev stays that of its sending, for the retries of that.
with before as (
    insert into message_edits (conversation_id, seq, rev, content)
    select conversation_id, seq, :base_rev, content
    from messages
    where conversation_id = :conversation_id and seq = :seq and not is_deleted
)
update messages
set content = :content, is_edited = true, updated_at = greatest(updated_at, created_at, clock_timestamp())
where conversation_id = :conversation_id and seq = :seq and not is_deleted;

-- name: delete
-- Nothing of what it said is left, nor of what it had said before.
with forgotten as (
    delete from message_edits where conversation_id = :conversation_id and seq = :seq
)
update messages
set content = null, body = null, media_ids = '{}', post_id = null, story_id = null,
    is_deleted = true, deleted_at = clock_timestamp(), updated_at = greatest(updated_at, created_at, clock_timestamp())
where conversation_id = :conversation_id and seq = :seq and not is_deleted;

-- name: number_change
-- For whoever has changed a message under the lock of its conversation: the next rev, and whom to tell.
with numbered as (
    update conversations set last_rev = last_rev + 1
    where conversation_id = :conversation_id
    returning conversation_id, last_rev as rev, members_version
), changed as (
    insert into message_changes (conversation_id, seq, rev)
    select conversation_id, :seq, rev from numbered
    on conflict (conversation_id, seq) do update set rev = excluded.rev
), told as (
    insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
    select :node_id, conversation_id, rev, rev, members_version from numbered
)
select array(select p.user_id from conversation_participants p
             where p.conversation_id = n.conversation_id) as member_ids
from numbered n;
