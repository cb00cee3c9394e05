-- name: claim
-- A row for the first who comes with this key. Whoever comes while that one is under way waits here for its end:
-- no row when it has committed, and `found` is a statement of its own, so it sees the result.
insert into op_keys (user_id, op_id, op, digest)
select :user_id::uuid, :op_id::uuid, :op, :digest
where untimely(:op_id::uuid) is null
on conflict do nothing
returning op_id;

-- name: found
-- Why there was nothing to claim. By the same clock: now() is when the transaction began. Keys are kept for a
-- week longer than they are taken, but whether a part is dropped yet must not decide what an old one gets.
select t.untimely, k.digest, k.result
from (select untimely(:op_id::uuid)) t (untimely)
left join op_keys k on k.user_id = :user_id and k.op_id = :op_id;

-- name: keep
update op_keys set result = :result where user_id = :user_id and op_id = :op_id;
