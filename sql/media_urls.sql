-- name: visible
-- Of these, those that the user may see: their own, and what is shown to them somewhere. Messages are found by their
-- conversation.
select o.media_id, o.kind, o.status, o.content_type, o.bytes, o.width, o.height, o.storage_key, o.variants,
       o.user_id = :user_id as is_own
from unnest(:media_ids::uuid[]) with ordinality g (media_id, ord)
join media_objects o on o.media_id = g.media_id and not o.is_deleted
where (o.user_id = :user_id and o.status in ('uploaded', 'processing', 'ready', 'failed')) or (o.status = 'ready' and (
    exists (select from media_refs r
            join messages m on m.conversation_id = :conversation_id::uuid and m.message_id = r.subject_id
            -- Another conversation may have a message of the same id, which shows something else.
            where r.media_id = o.media_id and r.subject_type = 'message' and not m.is_deleted
              and o.media_id = any (m.media_ids)
              and (m.expires_at is null or m.expires_at > now())
              and exists (select from may_read(:user_id::uuid, m.conversation_id, m.seq)))
    or exists (select from conversations c
               join conversation_participants p on p.conversation_id = c.conversation_id and p.user_id = :user_id
               where c.picture_media_id = o.media_id)
    or exists (select from media_refs r cross join lateral post_for(:user_id::uuid, r.subject_id) p
               where r.media_id = o.media_id and r.subject_type = 'post')
    or exists (select from comments c cross join lateral post_for(:user_id::uuid, c.post_id) p
               where c.media_id = o.media_id and not c.is_deleted
                 and not exists (select from blocked_between(:user_id::uuid, c.user_id)))
    or exists (select from stories s cross join lateral story_for(:user_id::uuid, s.story_id) t
               where s.media_id = o.media_id and not s.is_deleted)
    or exists (select from story_highlights h
               where h.cover_media_id = o.media_id and exists (select from may_see(:user_id::uuid, h.user_id, 'public')))
    or exists (select from users u cross join lateral findable(:user_id::uuid, u.user_id) f
               where u.avatar_media_id = o.media_id)
    or exists (select from topics t where t.icon_media_id = o.media_id)))
order by g.ord;

-- name: fetch
-- For a URL that was made for somebody who may see it.
select content_type, storage_key, variants from media_objects
where media_id = :media_id and not is_deleted and status in ('uploaded', 'processing', 'ready', 'failed');
