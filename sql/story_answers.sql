-- name: view
-- Of others, that have not expired; each once. Gives those that were not counted yet.
insert into story_views (story_id, user_id)
select s.story_id, :user_id
from unnest(:story_ids::uuid[]) g (story_id)
join lateral story_for(:user_id::uuid, g.story_id) s on s.user_id <> :user_id and s.expires_at > statement_timestamp()
order by s.story_id
on conflict do nothing returning story_id;

-- name: viewers
-- Who has seen it, the newest first. `limit` is one more than the page.
select v.user_id, u.username, to_ms(v.created_at) as seen_at, r.reaction_type as reaction
from story_views v
join users u on u.user_id = v.user_id and u.is_active and u.deleted_at is null
left join story_reactions r on r.story_id = v.story_id and r.user_id = v.user_id
where v.story_id = :story_id
  and (:before_ms::bigint is null or (to_ms(v.created_at), v.user_id) < (:before_ms::bigint, :before_id::uuid))
  and not exists (select from blocked_between(v.user_id, :user_id::uuid))
order by to_ms(v.created_at) desc, v.user_id desc limit :limit;

-- name: react
-- No row when it was so already.
insert into story_reactions as r (story_id, user_id, reaction_type) values (:story_id, :user_id, :reaction)
on conflict (story_id, user_id) do update set reaction_type = excluded.reaction_type, updated_at = now()
where r.reaction_type <> excluded.reaction_type
returning story_id;

-- name: unreact
delete from story_reactions where story_id = :story_id and user_id = :user_id returning story_id;

-- name: find
select answer from story_answers where story_id = :story_id and sticker_no = :sticker_no and user_id = :user_id;

-- name: answer
insert into story_answers (story_id, sticker_no, user_id, answer)
values (:story_id, :sticker_no, :user_id, :answer::jsonb)
on conflict (story_id, sticker_no, user_id) do update set answer = excluded.answer, updated_at = now();

-- name: page
-- What was answered to one sticker, the newest first. `limit` is one more than the page.
select a.user_id, u.username, to_ms(a.created_at) as answered_at, (a.answer ->> 'option_no')::integer as option_no,
       a.answer ->> 'text' as text
from story_answers a join users u on u.user_id = a.user_id and u.is_active and u.deleted_at is null
where a.story_id = :story_id and a.sticker_no = :sticker_no
  and (:before_ms::bigint is null or (to_ms(a.created_at), a.user_id) < (:before_ms::bigint, :before_id::uuid))
  and not exists (select from blocked_between(a.user_id, :user_id::uuid))
order by to_ms(a.created_at) desc, a.user_id desc limit :limit;

-- name: states
-- What these stories are now, for those who watch them. Who sees one beyond its highlights is asked anew when that ends.
select s.story_id, s.user_id, s.view_count + d.views as view_count, s.reaction_count + d.reactions as reaction_count,
       (select count(*) from story_answers a where a.story_id = s.story_id) as answer_count,
       concat_ws(' ', s.visibility, u.is_private, u.is_active, u.deleted_at, u.suspended_until > now()) as access,
       to_ms(s.expires_at) as expires_at
from unnest(:story_ids::uuid[]) g (story_id)
join live_stories s on s.story_id = g.story_id
join users u on u.user_id = s.user_id
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'stories.view_count'), 0)::bigint as views,
           coalesce(sum(d.delta) filter (where d.counter = 'stories.reaction_count'), 0)::bigint as reactions
    from counter_deltas d where d.subject_id = s.story_id) d;

-- name: watched_by
-- Which of these users may see a story.
select v.user_id from unnest(:user_ids::uuid[]) v (user_id)
where exists (select from story_for(v.user_id, :story_id::uuid) s where s.expires_at > statement_timestamp());
