-- name: page
-- Owners first, then admins; by name. Those of one group are at most 5,000, so all of them are looked at: who has which
-- role changes, and no index is to change with it. `limit` is one more than the page to tell if more follow.
select u.user_id, u.username, p.role, coalesce(r.told_delivered_seq, 0) as delivered_seq,
       coalesce(r.told_read_seq, 0) as read_seq
from (
    select p.conversation_id, p.user_id, p.role, case p.role when 'owner' then 1 when 'admin' then 2 else 3 end as place
    from conversation_participants p where p.conversation_id = :conversation_id
) p
join users u on u.user_id = p.user_id
left join receipts r on r.conversation_id = p.conversation_id and r.user_id = p.user_id
where (:prefix::text is null or starts_with(u.username_key, :prefix::text))
  and (:after_role::text is null
       or (p.place, u.username_key)
          > (case :after_role::text when 'owner' then 1 when 'admin' then 2 else 3 end, :after_name::text))
order by p.place, u.username_key
limit :limit;
