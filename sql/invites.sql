-- name: create
-- Under the lock of the conversation. No row when it has as many as it may have that are open, or the id is taken.
insert into conversation_invites as i (invite_id, conversation_id, created_by, code_digest, max_uses, expires_at)
select :invite_id, :conversation_id, :user_id, :code_digest, :max_uses, to_timestamp(:expires_ms::float8 / 1000)
where (select count(*) from conversation_invites o
       where o.conversation_id = :conversation_id and o.revoked_at is null and (o.expires_at is null or o.expires_at > now())
         and (o.max_uses is null or o.uses < o.max_uses)) < :limit
on conflict do nothing
returning invite_id, created_by, uses, max_uses, to_ms(expires_at) as expires_at, to_ms(created_at) as created_at;

-- name: list
-- Those that somebody can join by; no more than `create` lets there be.
select invite_id, created_by, uses, max_uses, to_ms(expires_at) as expires_at, to_ms(created_at) as created_at
from conversation_invites
where conversation_id = :conversation_id and revoked_at is null and (expires_at is null or expires_at > now())
  and (max_uses is null or uses < max_uses)
order by created_at desc, invite_id desc;

-- name: revoke
update conversation_invites set revoked_at = coalesce(revoked_at, now()), updated_at = now()
where conversation_id = :conversation_id and invite_id = :invite_id
returning invite_id;

-- name: revoke_of
-- All that one user has made for a group.
update conversation_invites set revoked_at = now(), updated_at = now()
where conversation_id = :conversation_id and created_by = :user_id and revoked_at is null;

-- name: find
select invite_id, conversation_id from conversation_invites where code_digest = :code_digest;

-- name: look
select c.conversation_id, c.title, c.description, c.picture_media_id, s.status, s.status = 'member' as is_member,
       (select count(*) from conversation_participants p where p.conversation_id = c.conversation_id) as member_count
from conversation_invites i
join conversations c using (conversation_id)
cross join lateral invite_status(i.invite_id, :user_id, :most) s (status)
where i.conversation_id = :conversation_id and i.invite_id = :invite_id;

-- name: join
-- Under the lock of the conversation: who can, is in it, and one use less is left.
with found as (
    select i.invite_id, i.conversation_id, s.status
    from conversation_invites i cross join lateral invite_status(i.invite_id, :user_id, :most) s (status)
    where i.conversation_id = :conversation_id and i.invite_id = :invite_id
), used as (
    update conversation_invites i set uses = i.uses + 1, updated_at = now()
    from found f
    where i.conversation_id = f.conversation_id and i.invite_id = f.invite_id and f.status = 'open'
    returning i.conversation_id, i.created_by
), joined as (
    insert into conversation_participants (conversation_id, user_id, invited_by)
    select conversation_id, :user_id, created_by from used
)
select status from found;

-- name: came
-- The note with which a member has come.
select i.from_seq as seq, m.rev
from membership_intervals i
left join messages m on m.conversation_id = i.conversation_id and m.seq = i.from_seq
where i.conversation_id = :conversation_id and i.user_id = :user_id and i.to_seq is null;
