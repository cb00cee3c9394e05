-- What a user says of themselves.

-- name: own
select full_name, bio, avatar_media_id as picture_media_id from users where user_id = :user_id and is_active;

-- name: change
-- What is null stays as it is; what is empty, there is none of.
update users
set full_name = case when :full_name::text is null then full_name else nullif(:full_name::text, '') end,
    bio = case when :bio::text is null then bio else nullif(:bio::text, '') end,
    avatar_media_id = case when not :remove_picture then coalesce(:media_id::uuid, avatar_media_id) end
where user_id = :user_id and is_active
returning full_name, bio, avatar_media_id as picture_media_id;

-- name: refer_to_picture
-- After `change`: what the profile uses, and no more.
with dropped as (
    delete from media_refs
    where subject_type = 'user' and subject_id = :user_id and media_id is distinct from :media_id::uuid
)
insert into media_refs (media_id, subject_type, subject_id)
select :media_id::uuid, 'user', :user_id where :media_id::uuid is not null
on conflict do nothing;
