-- name: anchor
-- A message that a member may see, by one of the two: for a page around it.
select s.*
from message_states s
where s.conversation_id = :conversation_id
  and s.seq = coalesce(:seq::bigint, (select t.seq from message_states t
                                      where t.conversation_id = :conversation_id and t.message_id = :message_id::uuid))
  and exists (select from may_read(:user_id::uuid, s.conversation_id, s.seq));

-- name: edges
-- Whether there is more that the user may see below the one seq, and above the other; tombstones too. From one of the
-- intervals to the next, so that what was said while they were away is not gone through.
select exists (select from membership_intervals i, lateral (
           select from message_states s
           where s.conversation_id = :conversation_id and s.seq >= i.from_seq
             and s.seq < least(:low::bigint, i.to_seq)
             and not exists (select from message_hides h where h.user_id = :user_id
                                                           and h.conversation_id = s.conversation_id and h.seq = s.seq)
           limit 1) s
           where i.conversation_id = :conversation_id and i.user_id = :user_id) as more_before,
       exists (select from membership_intervals i, lateral (
           select from message_states s
           where s.conversation_id = :conversation_id and s.seq >= greatest(:high::bigint + 1, i.from_seq)
             and (i.to_seq is null or s.seq < i.to_seq)
             and not exists (select from message_hides h where h.user_id = :user_id
                                                           and h.conversation_id = s.conversation_id and h.seq = s.seq)
           limit 1) s
           where i.conversation_id = :conversation_id and i.user_id = :user_id) as more_after;
