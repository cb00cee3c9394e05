-- name: lock_own
-- First of all for who changes their highlights: their number is bounded.
select user_id from users where user_id = :user_id for no key update;

-- name: count
select count(*) as count from story_highlights where user_id = :user_id;

-- name: unfit
-- Of these stories, which are not the user's, or not there.
select g.story_id from unnest(:story_ids::uuid[]) g (story_id)
where not exists (
    select from stories s where s.story_id = g.story_id and s.user_id = :user_id and not s.is_deleted);

-- name: create
-- No row when the id is taken.
insert into story_highlights (highlight_id, user_id, title, cover_media_id)
values (:made_id, :user_id, :title, :media_id) on conflict do nothing returning highlight_id;

-- name: find
select highlight_id from story_highlights where highlight_id = :highlight_id and user_id = :user_id;

-- name: change
update story_highlights set title = coalesce(:title, title), cover_media_id = coalesce(:media_id, cover_media_id),
                            updated_at = now()
where highlight_id = :highlight_id and user_id = :user_id;

-- name: add
-- In the order of ids, as their rows are locked by it.
insert into story_highlight_items (highlight_id, story_id)
select :highlight_id, g.story_id from unnest(:story_ids::uuid[]) g (story_id) order by g.story_id
on conflict do nothing;

-- name: take
delete from story_highlight_items where highlight_id = :highlight_id and story_id = any (:story_ids::uuid[]);

-- name: items
select count(*) as count from story_highlight_items where highlight_id = :highlight_id;

-- name: remove
-- No row when there is none.
delete from story_highlights where highlight_id = :highlight_id and user_id = :user_id returning highlight_id;

-- name: shown
-- Of a user, as another one sees them; :only_id is one of them, or none for all.
select h.highlight_id, h.title, to_ms(h.created_at) as created_at, i.story_ids,
       case when h.cover_media_id is not null then message_attachments(array[h.cover_media_id]) -> 0 end as cover
from story_highlights h
cross join lateral (
    select coalesce(array_agg(x.story_id order by x.story_id), '{}') as story_ids
    from story_highlight_items x
    where x.highlight_id = h.highlight_id and exists (select from story_for(:user_id::uuid, x.story_id))) i
where h.user_id = :other_id and (:only_id::uuid is null or h.highlight_id = :only_id::uuid)
  and exists (select from may_see(:user_id::uuid, :other_id::uuid, 'public'))
  and (h.user_id = :user_id or i.story_ids <> '{}')
order by h.highlight_id;
