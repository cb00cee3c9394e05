-- name: keep
-- The group commit of read positions and deliveries, see migrations/0034_reading.sql: one row for each, in their order.
select status, delivered_seq, read_seq, last_seq, unread, user_rev, listener_ids
from keep_positions(:conversation_ids, :reader_ids, :seqs, :are_read, :node_id);

-- name: lock
-- First of all for whoever changes what a conversation is to one of its members; what it is, only the next
-- statement sees.
select user_id from receipts where conversation_id = :conversation_id and user_id = :user_id for no key update;

-- name: mark_unread
update receipts set marked_unread_at = coalesce(marked_unread_at, now())
where conversation_id = :conversation_id and user_id = :user_id;

-- name: unread
-- What a user has not read, in the conversations with the newest activity: of `within` of them, `limit` with something.
-- A row more tells that there are more.
select p.conversation_id, u.unread, r.marked_unread_at is not null as marked_unread,
       coalesce(p.muted_until > now(), false) or is_archived(p.archived_seq, p.muted_until, c.last_seq) as is_silent
from (select * from conversation_participants p where p.user_id = :user_id
      order by p.active_day desc limit :within) p
cross join lateral (
    select c.last_seq from conversations c where c.conversation_id = p.conversation_id offset 0
) c
cross join lateral (
    select r.read_seq, r.marked_unread_at from receipts r
    where r.conversation_id = p.conversation_id and r.user_id = :user_id offset 0
) r
cross join lateral (
    select unread from unread_count(p.conversation_id, :user_id, r.read_seq) unread
    where c.last_seq > r.read_seq or r.marked_unread_at is not null offset 0
) u
where u.unread > 0 or r.marked_unread_at is not null
limit :limit;

-- name: beyond
-- A row when there are conversations that `unread` does not look at.
select p.conversation_id from conversation_participants p
where p.user_id = :user_id
order by p.active_day desc offset :within limit 1;
