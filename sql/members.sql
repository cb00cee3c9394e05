-- name: by_usernames
-- Whom the user may bring into a group: nobody who has blocked them, or whom they have blocked.
select u.user_id, u.username, u.username_key
from live_users u
where u.username_key = any(:username_keys::text[])
  and not exists (select from follows f where f.connection_type = 'blocked'
                  and ((f.follower_id = :user_id and f.following_id = u.user_id)
                       or (f.follower_id = u.user_id and f.following_id = :user_id)));

-- name: add
insert into conversation_participants (conversation_id, user_id, role, invited_by)
select :conversation_id::uuid, given.user_id, given.role, :inviter_id::uuid
from unnest(:user_ids::uuid[], :roles::text[]) given (user_id, role)
on conflict do nothing
returning user_id;

-- name: count
select count(*) from conversation_participants where conversation_id = :conversation_id;

-- name: heir
-- Who owns a group that has no owner, for its last one leaves, or all had left: an admin, else who has been there longest.
-- Not who leaves, nobody whose account is gone, and one that was deleted and may come back only when there is no other.
update conversation_participants set role = 'owner', updated_at = now()
where conversation_id = :conversation_id
  and not exists (select from conversation_participants p
                  where p.conversation_id = :conversation_id and p.role = 'owner')
  and user_id = (select p.user_id from conversation_participants p join users u using (user_id)
                 where p.conversation_id = :conversation_id and u.erased_at is null and p.user_id is distinct from :leaver_id::uuid
                 order by u.deleted_at is not null, p.role = 'admin' desc, p.joined_at, p.user_id limit 1)
returning user_id;

-- name: remove
delete from conversation_participants
where conversation_id = :conversation_id and user_id = :user_id
returning role;
