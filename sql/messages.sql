-- name: send
-- The group commit, see migrations/0037_rich_messages.sql: one row for each, in their order; then those of `state`.
select ord, status, seq, rev, created_at, member_ids, state
from send_messages(:conversation_ids, :message_ids, :sender_ids, :contents, :digests, :node_id, :extras);

-- name: newest
select s.*
from message_states s
where s.conversation_id = :conversation_id
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq))
order by s.seq desc
limit :limit;

-- name: before
select s.*
from message_states s
where s.conversation_id = :conversation_id and s.seq < :before_seq
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq))
order by s.seq desc
limit :limit;

-- name: after
select s.*
from message_states s
where s.conversation_id = :conversation_id and s.seq > :after_seq
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq))
order by s.seq
limit :limit;

-- name: since
-- What became of several conversations after a rev of each: each message once, where its newest rev is. Revs are
-- committed in their order (under the conversation's lock), so what is seen here has no holes: a rev without a message
-- was superseded by a later one. At least one row each, to tell how far the conversation is.
select g.conversation_id, c.last_rev, s.message_id, s.seq, s.rev, s.sent_rev, s.sender_id, s.message_type, s.content,
       s.note, s.created_at, s.edited_at, s.is_deleted, s.attachments, s.post_id, s.reply_to, s.mentions, s.forwarded,
       s.expires_at, s.expires_after_s, s.reactions, s.pinned_at, s.story
from unnest(:conversation_ids::uuid[], :after_revs::bigint[]) g (conversation_id, after_rev)
cross join lateral (
    select c.last_rev from conversations c where c.conversation_id = g.conversation_id offset 0
) c
left join lateral (
    (select u.seq, u.rev from messages u
     where u.conversation_id = g.conversation_id and u.rev > g.after_rev
       and not exists (select from message_changes h where h.conversation_id = u.conversation_id and h.seq = u.seq offset 0)
     order by u.rev limit :limit)
    union all
    (select h.seq, h.rev from message_changes h
     where h.conversation_id = g.conversation_id and h.rev > g.after_rev
     order by h.rev limit :limit)
    order by rev limit :limit
) n on true
left join lateral (
    select * from message_states s where s.conversation_id = g.conversation_id and s.seq = n.seq offset 0
) s on true
order by g.conversation_id, n.rev;

-- name: known_changes
-- The changes, since a rev, to messages that were there before: what a client that is too far behind must know of
-- what it has.
select s.seq, s.rev, s.is_deleted
from message_changes h
cross join lateral (
    select * from message_states s where s.conversation_id = :conversation_id and s.seq = h.seq offset 0
) s
where h.conversation_id = :conversation_id and h.rev > :after_rev and s.sent_rev <= :after_rev
  and exists (select from may_read(:user_id::uuid, h.conversation_id, h.seq))
order by h.rev
limit :limit;

-- name: one
select s.* from message_states s where s.conversation_id = :conversation_id and s.message_id = :message_id;

-- name: seen
-- The same, for a member who may see it.
select s.* from message_states s
where s.conversation_id = :conversation_id and s.message_id = :message_id
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq));

-- name: digest
select sender_id, content_digest from messages where conversation_id = :conversation_id and message_id = :message_id;

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

-- name: edits
-- What it said before, from the newest back.
select e.rev, e.content, to_ms(e.edited_at) as replaced_at
from message_edits e
where e.conversation_id = :conversation_id and e.seq = :seq
  and (:before_rev::bigint is null or e.rev < :before_rev::bigint)
order by e.rev desc
limit :limit;

-- name: delete
-- Nothing of what they said is left, nor of what they had said before, had named and had used.
with forgotten as (
    delete from message_edits where conversation_id = :conversation_id and seq = any(:seqs::bigint[])
), unnamed as (
    delete from message_mentions where conversation_id = :conversation_id and seq = any(:seqs::bigint[])
), released as (
    -- Another conversation may have a message with the same id. Of older ones it is not said which it was.
    delete from media_refs where subject_type = 'message' and subject_id = any(array(
        select message_id from messages
        where conversation_id = :conversation_id and seq = any(:seqs::bigint[]) and not is_deleted and media_ids <> '{}'))
      and conversation_id in (:conversation_id, '00000000-0000-0000-0000-000000000000')
), moods as (
    delete from message_reactions where conversation_id = :conversation_id and seq = any(:seqs::bigint[])
), pins as (
    delete from message_pins where conversation_id = :conversation_id and seq = any(:seqs::bigint[])
)
update messages
set content = null, body = null, media_ids = '{}', post_id = null, story_id = null, reply_to_message_id = null,
    is_deleted = true, deleted_at = clock_timestamp(), updated_at = greatest(updated_at, created_at, clock_timestamp())
where conversation_id = :conversation_id and seq = any(:seqs::bigint[]) and not is_deleted;

-- name: states
select s.*
from message_states s
where s.conversation_id = :conversation_id and s.seq = any(:seqs::bigint[])
order by s.seq;

-- name: waits_for_reading
-- Whether there is a message up to here whose time begins when this user, who sees it and did not send it, reads it.
select m.seq
from messages m
where m.conversation_id = :conversation_id and m.seq <= :upto_seq and m.sender_id <> :user_id
  and m.expires_after_s is not null and m.expires_at is null and not m.is_deleted
  and exists (select from membership_intervals i
              where i.conversation_id = :conversation_id and i.user_id = :user_id
                and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))
  and not exists (select from conversations c
                  where c.conversation_id = :conversation_id and c.direct_low is not null
                    and exists (select from blocked_between(c.direct_low, c.direct_high)))
limit 1;

-- name: start_expiry
-- Under the lock of the conversation: a user has read up to here, and is the first to read these. Not across a block,
-- for that it begins is told to who sent it: then a reading after the block begins it.
update messages m
set expires_at = least(clock_timestamp() + make_interval(secs => m.expires_after_s), m.created_at + interval '1 year')
where m.conversation_id = :conversation_id and m.seq = any(array(
    select w.seq from messages w
    where w.conversation_id = :conversation_id and w.seq <= :upto_seq and w.sender_id <> :user_id
      and w.expires_after_s is not null and w.expires_at is null and not w.is_deleted
      and exists (select from membership_intervals i
                  where i.conversation_id = :conversation_id and i.user_id = :user_id
                    and i.from_seq <= w.seq and (i.to_seq is null or w.seq < i.to_seq))
    order by w.seq limit :batch))
  and not exists (select from conversations c
                  where c.conversation_id = :conversation_id and c.direct_low is not null
                    and exists (select from blocked_between(c.direct_low, c.direct_high)))
returning m.seq;

-- name: number_change
-- For whoever has changed a message under the lock of its conversation: the next rev, and whom to tell. Blind to it are
-- those who may not see the message. Of those who have left nothing is read, however many they are.
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
select t.member_ids, t.blind_ids
from numbered n cross join lateral (
    select coalesce(array_agg(m.user_id) filter (where m.sees), '{}') as member_ids,
           coalesce(array_agg(m.user_id) filter (where not m.sees), '{}') as blind_ids
    from (select i.user_id,
                 i.user_id not in (select h.user_id from message_hides h
                                   where h.conversation_id = :conversation_id and h.seq = :seq)
                 and (i.from_seq <= :seq or coalesce(:seq < (
                     select b.to_seq from membership_intervals b
                     where b.conversation_id = i.conversation_id and b.user_id = i.user_id and b.from_seq <= :seq
                     order by b.from_seq desc limit 1), false)) as sees
          from membership_intervals i
          where i.conversation_id = n.conversation_id and i.to_seq is null offset 0) m
) t;

-- name: number_changes
-- The same for several messages: each gets a rev, in the order of their seq.
with given as (
    select s.seq, row_number() over (order by s.seq) as n from unnest(:seqs::bigint[]) s (seq)
), numbered as (
    update conversations set last_rev = last_rev + cardinality(:seqs::bigint[])
    where conversation_id = :conversation_id
    returning conversation_id, last_rev - cardinality(:seqs::bigint[]) as rev, last_rev, members_version
), changed as (
    insert into message_changes (conversation_id, seq, rev)
    select n.conversation_id, g.seq, n.rev + g.n from numbered n, given g
    on conflict (conversation_id, seq) do update set rev = excluded.rev
), told as (
    insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
    select :node_id, conversation_id, rev + 1, last_rev, members_version from numbered
)
select g.seq, t.member_ids, t.blind_ids
from numbered n cross join given g cross join lateral (
    select coalesce(array_agg(m.user_id) filter (where m.sees), '{}') as member_ids,
           coalesce(array_agg(m.user_id) filter (where not m.sees), '{}') as blind_ids
    from (select i.user_id,
                 i.user_id not in (select h.user_id from message_hides h
                                   where h.conversation_id = :conversation_id and h.seq = g.seq)
                 and (i.from_seq <= g.seq or coalesce(g.seq < (
                     select b.to_seq from membership_intervals b
                     where b.conversation_id = i.conversation_id and b.user_id = i.user_id and b.from_seq <= g.seq
                     order by b.from_seq desc limit 1), false)) as sees
          from membership_intervals i
          where i.conversation_id = n.conversation_id and i.to_seq is null offset 0) m
) t
order by g.seq;

-- name: note
-- Under the lock of the conversation, after its members have changed: what happened, as a message of its own. Who
-- has left does not see it, who has come does.
with numbered as (
    update conversations
    set last_seq = last_seq + 1, last_rev = last_rev + 1, members_version = members_version + 1,
        updated_at = greatest(updated_at, clock_timestamp())
    where conversation_id = :conversation_id
    returning conversation_id, last_seq as seq, last_rev as rev, updated_at as at, members_version
), kept as (
    insert into messages (conversation_id, message_id, seq, rev, sender_id, message_type, content, body,
                          content_digest, created_at)
    select conversation_id, :message_id, seq, rev, :sender_id, 'system', :content,
           jsonb_build_object('note', :note::jsonb), :digest, at
    from numbered
), told as (
    insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
    select :node_id, conversation_id, rev, rev, members_version from numbered
)
select n.seq, n.rev, to_ms(n.at) as created_at,
       array(select p.user_id from conversation_participants p
             where p.conversation_id = n.conversation_id) as member_ids
from numbered n;
