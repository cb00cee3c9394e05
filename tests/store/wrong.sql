-- Rows that say what is wrong; none, when all is well.

-- name: accounts_without_settings_or_a_stream
select username from users left join user_settings s using (user_id)
left join user_streams t using (user_id) where s is null or t is null

-- name: members_without_an_open_interval_or_a_receipt
select p::text from conversation_participants p
left join receipts r using (conversation_id, user_id)
left join membership_intervals i on (i.conversation_id, i.user_id) = (p.conversation_id, p.user_id)
     and i.to_seq is null
where r is null or i is null

-- name: counters_that_do_not_count
select coalesce(v.counter, t.counter) || ' of ' || subject_id || ' is ' || coalesce(value, 0)
       || ' + ' || coalesce(pending, 0) || ', not ' || coalesce(truth, 0)
from counter_values v
full join counter_truths t using (counter, subject_id, part)
left join (select counter, subject_id, part, sum(delta) as pending from counter_deltas group by 1, 2, 3)
     d using (counter, subject_id, part)
where coalesce(value, 0) + coalesce(pending, 0) <> coalesce(truth, 0)

-- name: rows_in_a_default_part
select parent from partition_default_rows() where strays > 0

-- name: members_who_may_not_read_what_was_said
select p.user_id || ': ' || m.seq from conversation_participants p join messages m using (conversation_id)
where not exists (select from membership_intervals i
                  where (i.conversation_id, i.user_id) = (p.conversation_id, p.user_id)
                  and m.seq >= i.from_seq and (i.to_seq is null or m.seq < i.to_seq))
