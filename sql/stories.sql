-- name: shown
-- Stories as one viewer sees them, in the order of these ids; without those that are not for them. Who has seen and
-- answered what, its author alone is told in numbers, and of a poll who has voted.
select s.story_id, s.media_type, s.visibility, to_ms(s.created_at) as created_at, to_ms(s.expires_at) as expires_at,
       jsonb_strip_nulls(jsonb_build_object('user_id', a.user_id, 'username', a.username, 'full_name', a.full_name)) as author,
       message_attachments(array[s.media_id]) -> 0 as attachment,
       s.user_id = :user_id or exists (
           select from story_views v where v.story_id = s.story_id and v.user_id = :user_id) as seen,
       (select r.reaction_type from story_reactions r where r.story_id = s.story_id and r.user_id = :user_id) as own_reaction,
       case when n.counted and s.user_id = :user_id then s.view_count + d.views end as view_count,
       case when n.counted and s.user_id = :user_id then s.reaction_count + d.reactions end as reaction_count,
       (select coalesce(jsonb_agg(jsonb_strip_nulls(k.sticker || jsonb_build_object(
                   'sticker_no', k.ord - 1, 'own_option', o.answer -> 'option_no', 'own_text', o.answer -> 'text',
                   'user', case when m.user_id is not null
                                then jsonb_build_object('user_id', m.user_id, 'username', m.username) end,
                   'votes', case when k.sticker ->> 'type' = 'poll' and n.counted
                                      and (s.user_id = :user_id or o.answer is not null) then (
                       select jsonb_agg(c.count order by g.no)
                       from generate_series(0, jsonb_array_length(k.sticker -> 'options') - 1) g (no)
                       cross join lateral (
                           select count(*) from story_answers w
                           where w.story_id = s.story_id and w.sticker_no = k.ord - 1
                             and (w.answer ->> 'option_no')::integer = g.no) c) end)) order by k.ord), '[]')
        from jsonb_array_elements(s.stickers) with ordinality k (sticker, ord)
        left join story_answers o on o.story_id = s.story_id and o.sticker_no = k.ord - 1 and o.user_id = :user_id
        left join users m on m.user_id = (k.sticker ->> 'user_id')::uuid and m.is_active and m.deleted_at is null
            and not exists (select from blocked_between(m.user_id, s.user_id))
            and not exists (select from blocked_between(m.user_id, :user_id::uuid))) as stickers
from unnest(:ids::uuid[]) with ordinality g (story_id, ord)
join lateral story_for(:user_id::uuid, g.story_id) s on true
join users a on a.user_id = s.user_id
join user_settings t on t.user_id = s.user_id
join user_settings u on u.user_id = :user_id
cross join lateral (
    select not u.hide_metrics and (s.user_id = :user_id or (t.show_metrics and not t.hide_metrics)) as counted) n
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'stories.view_count'), 0)::bigint as views,
           coalesce(sum(d.delta) filter (where d.counter = 'stories.reaction_count'), 0)::bigint as reactions
    from counter_deltas d where d.subject_id = s.story_id) d
order by g.ord;

-- name: named
-- Of these users, who there is and has nothing against the one.
select u.user_id from users u
where u.user_id = any (:user_ids::uuid[]) and u.is_active and u.deleted_at is null
  and not exists (select from blocked_between(:user_id::uuid, u.user_id));

-- name: create
-- No row when the id is taken.
with made as (
    insert into stories (story_id, user_id, media_id, media_type, stickers, visibility)
    values (:made_id, :user_id, :media_id, :media_type, :stickers::jsonb, :visibility)
    on conflict do nothing
    returning story_id, media_id, created_at, expires_at
), used as (
    insert into media_refs (media_id, subject_type, subject_id) select media_id, 'story', story_id from made
)
select to_ms(created_at) as created_at, to_ms(expires_at) as expires_at from made;

-- name: tray
-- Oneself first, then whose stories one has not seen all of, the newest first. `limit` is one more than the page.
select a.user_id, a.username, a.full_name, s.stories, s.unseen, to_ms(s.newest_at) as newest_at
from (select f.following_id as author_id from follows f
      where f.follower_id = :user_id and f.connection_type <> 'blocked'
        and not exists (
            select from mutes m where m.user_id = :user_id and m.muted_id = f.following_id
              and m.scope in ('stories', 'all') and (m.until is null or m.until > now()))
      union all select :user_id::uuid) w
cross join lateral (
    select count(*) as stories, max(l.created_at) as newest_at,
           count(*) filter (where w.author_id <> :user_id and not exists (
               select from story_views v where v.story_id = l.story_id and v.user_id = :user_id)) as unseen
    from live_stories l
    where l.user_id = w.author_id and exists (select from story_for(:user_id::uuid, l.story_id))) s
join users a on a.user_id = w.author_id and a.is_active and a.deleted_at is null
where s.stories > 0
order by a.user_id = :user_id desc, s.unseen > 0 desc, s.newest_at desc, a.user_id limit :limit;

-- name: of_user
-- The oldest first, as they are watched.
select l.story_id from live_stories l
where l.user_id = :other_id and (:after_id::uuid is null or l.story_id > :after_id::uuid)
  and exists (select from story_for(:user_id::uuid, l.story_id))
order by l.story_id limit :limit;

-- name: lock
-- First of all for who changes something about a story; the next statement says what it is then.
select story_id from stories where story_id = :story_id for no key update;

-- name: seen
-- No row when it is not for the user; `is_live`: it has not expired, and is not only in a highlight.
select s.user_id, s.stickers, s.expires_at > statement_timestamp() as is_live
from story_for(:user_id::uuid, :story_id::uuid) s;

-- name: own
-- Under its lock. One's own, whether it has expired or not.
select is_deleted from stories where story_id = :story_id and user_id = :user_id;

-- name: delete
update stories set is_deleted = true, deleted_at = now() where story_id = :story_id and user_id = :user_id;
