-- name: role
-- Of a member; whether their account was deleted.
select p.role, u.deleted_at is not null as is_gone
from conversation_participants p join users u using (user_id)
where p.conversation_id = :conversation_id and p.user_id = :user_id;

-- name: other_owner
-- A row when somebody else owns the group too, and can.
select p.user_id
from conversation_participants p join users u using (user_id)
where p.conversation_id = :conversation_id and p.role = 'owner' and p.user_id <> :user_id and u.deleted_at is null
limit 1;

-- name: set_role
update conversation_participants set role = :member_role, updated_at = now()
where conversation_id = :conversation_id and user_id = :user_id;

-- name: look
select title, description, picture_media_id, slow_mode_s, who_may_send from conversations where conversation_id = :conversation_id;

-- name: change
-- What is null stays as it is.
update conversations
set title = coalesce(:title::text, title),
    description = nullif(coalesce(:description::text, description), ''),
    picture_media_id = case when not :remove_picture::boolean then coalesce(:media_id::uuid, picture_media_id) end,
    slow_mode_s = coalesce(:slow_mode_s::integer, slow_mode_s),
    who_may_send = coalesce(:who_may_send::text, who_may_send)
where conversation_id = :conversation_id
returning title, description, picture_media_id, slow_mode_s, who_may_send;

-- name: own_picture
-- A row when this image is the user's own and ready; it stays so until the end of the transaction.
select media_id from media_objects
where media_id = :media_id and user_id = :user_id and kind = 'image' and status = 'ready' and not is_deleted
for share;

-- name: refer_to_picture
-- After `change`: what the group uses, and no more.
with dropped as (
    delete from media_refs
    where subject_type = 'conversation' and subject_id = :conversation_id and media_id is distinct from :media_id::uuid
)
insert into media_refs (media_id, subject_type, subject_id)
select :media_id::uuid, 'conversation', :conversation_id where :media_id::uuid is not null
on conflict do nothing;
