-- name: shown
-- Posts as one viewer sees them, in the order of these ids; without those that are not for them. What a counter says is
-- its column and what is pending. Numbers are left out where the viewer wants none, or the author shows none.
select p.post_id, p.caption, p.post_type, p.visibility, p.allow_comments, p.allow_reactions, p.who_may_comment,
       p.is_edited, p.version, to_ms(p.created_at) as created_at,
       case when p.is_archived then true end as is_archived,
       case when p.user_id = :user_id then p.audience_id end as audience_id,
       jsonb_strip_nulls(jsonb_build_object('user_id', a.user_id, 'username', a.username, 'full_name', a.full_name)) as author,
       case when p.media_ids <> '{}' then message_attachments(p.media_ids) end as attachments,
       case when coalesce(p.location_name, p.latitude::text) is not null then jsonb_strip_nulls(jsonb_build_object(
           'name', p.location_name, 'latitude', p.latitude::float8, 'longitude', p.longitude::float8)) end as location,
       case when p.quoted_post_id is not null then (
           select jsonb_strip_nulls(jsonb_build_object(
               'post_id', p.quoted_post_id, 'author_id', u.user_id, 'username', u.username,
               'excerpt', case when u.user_id is not null then left(coalesce(q.caption, ''), 200) end))
           from (select) one
           left join lateral post_for(:user_id::uuid, p.quoted_post_id) q on true
           left join users u on u.user_id = q.user_id) end as quoted,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username) order by c.updated_at, u.user_id)
        from post_coauthors c join users u on u.user_id = c.user_id
        where c.post_id = p.post_id and c.status = 'accepted' and u.is_active and u.deleted_at is null
          and not exists (select from blocked_between(c.user_id, p.user_id))
          and not exists (select from blocked_between(c.user_id, :user_id::uuid))) as coauthors,
       (select c.status from post_coauthors c where c.post_id = p.post_id and c.user_id = :user_id) as own_part,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username) order by u.username_key)
        from post_mentions m join users u on u.user_id = m.user_id
        where m.post_id = p.post_id and u.is_active and u.deleted_at is null
          and not exists (select from blocked_between(m.user_id, p.user_id))
          and not exists (select from blocked_between(m.user_id, :user_id::uuid))) as mentions,
       (select jsonb_agg(t.topic_name order by t.topic_name)
        from post_topics x join topics t using (topic_id) where x.post_id = p.post_id) as hashtags,
       (select jsonb_strip_nulls(jsonb_build_object(
            'question', l.question, 'multiple', l.multiple, 'closes_at', to_ms(l.closes_at),
            'show_results', l.show_results, 'own_votes', v.own,
            'options', (select jsonb_agg(jsonb_build_object('option_no', o.option_no, 'label', o.label, 'votes',
                            case when n.counted and (p.user_id = :user_id or l.show_results = 'always'
                                      or l.closes_at <= statement_timestamp()
                                      or (l.show_results = 'after_vote' and v.own <> '[]'))
                            then o.vote_count + (
                                select coalesce(sum(d.delta), 0)::bigint from counter_deltas d
                                where d.subject_id = p.post_id and d.counter = 'poll_options.vote_count'
                                  and d.part = o.option_no) end) order by o.option_no)
                        from poll_options o where o.post_id = p.post_id)))
        from polls l
        cross join lateral (
            select coalesce(jsonb_agg(w.option_no order by w.option_no), '[]') as own
            from poll_votes w where w.post_id = p.post_id and w.user_id = :user_id) v
        where l.post_id = p.post_id) as poll,
       case when n.counted then (
           select jsonb_object_agg(g.mood, g.count) filter (where g.count > 0)
           from (values ('inspired', p.reactions_inspired + d.inspired), ('grateful', p.reactions_grateful + d.grateful),
                        ('curious', p.reactions_curious + d.curious), ('excited', p.reactions_excited + d.excited),
                        ('thoughtful', p.reactions_thoughtful + d.thoughtful)) g (mood, count)) end as reactions,
       case when n.counted then p.comment_count + d.comments end as comment_count,
       case when n.counted then p.share_count + d.shares end as share_count,
       case when n.counted then p.view_count + d.views end as view_count,
       n.counted,
       (select r.reaction_type from reactions r where r.post_id = p.post_id and r.user_id = :user_id) as own_reaction,
       exists (select from bookmarks b where b.user_id = :user_id and b.post_id = p.post_id) as bookmarked
from unnest(:ids::uuid[]) with ordinality g (post_id, ord)
join lateral post_for(:user_id::uuid, g.post_id) p on true
join users a on a.user_id = p.user_id
join user_settings s on s.user_id = p.user_id
join user_settings o on o.user_id = :user_id
cross join lateral (
    select not o.hide_metrics and (p.user_id = :user_id or (s.show_metrics and not s.hide_metrics)) as counted) n
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_inspired'), 0)::bigint as inspired,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_grateful'), 0)::bigint as grateful,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_curious'), 0)::bigint as curious,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_excited'), 0)::bigint as excited,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_thoughtful'), 0)::bigint as thoughtful,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.comment_count'), 0)::bigint as comments,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.share_count'), 0)::bigint as shares,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.view_count'), 0)::bigint as views
    from counter_deltas d where d.subject_id = p.post_id) d
order by g.ord;

-- name: unfit
-- Why a post cannot be made so; no row when it can. :kinds are those of media that fit its type.
select f.why from (
    select case
        when :audience_id::uuid is not null and not exists (
            select from audiences where audience_id = :audience_id::uuid and user_id = :user_id) then 'no_audience'
        when m.missing > 0 then 'no_media'
        when m.unfinished > 0 then 'media_unfinished'
        when m.unfit > 0 then 'media_unfit'
        when :quoted_post_id::uuid is not null and not exists (
            select from post_for(:user_id::uuid, :quoted_post_id::uuid)) then 'no_quoted'
        when c.known < cardinality(:coauthor_ids::uuid[]) then 'no_coauthor' end as why
    from (select count(*) filter (where o.media_id is null or o.is_deleted) as missing,
                 count(*) filter (where o.status <> 'ready') as unfinished,
                 count(*) filter (where o.kind <> all (:kinds::text[])) as unfit
          from unnest(:media_ids::uuid[]) w (media_id)
          left join media_objects o on o.media_id = w.media_id and o.user_id = :user_id) m,
         (select count(*) as known from users u
          where u.user_id = any (:coauthor_ids::uuid[]) and u.user_id <> :user_id and u.is_active and u.deleted_at is null
            and (u.suspended_until is null or u.suspended_until <= now())
            and not exists (select from blocked_between(:user_id::uuid, u.user_id))) c
) f where f.why is not null;

-- name: create
-- No row when the id is taken.
with made as (
    insert into posts (post_id, user_id, caption, post_type, media_ids, visibility, audience_id, allow_comments,
                       allow_reactions, who_may_comment, location_name, latitude, longitude, quoted_post_id)
    values (:made_id, :user_id, :caption, :post_type, :media_ids::uuid[], :visibility, :audience_id, :allow_comments,
            :allow_reactions, :who_may_comment, :location_name, :latitude::float8::decimal(10, 8),
            :longitude::float8::decimal(11, 8), :quoted_post_id)
    on conflict do nothing
    returning post_id, version, created_at
), used as (
    insert into media_refs (media_id, subject_type, subject_id)
    select distinct w.media_id, 'post', m.post_id from made m, unnest(:media_ids::uuid[]) w (media_id)
)
select version, to_ms(created_at) as created_at from made;

-- name: ask
-- The poll of a post.
with made as (
    insert into polls (post_id, question, multiple, closes_at, show_results)
    values (:post_id, :question, :multiple, to_timestamp(:closes_ms::bigint / 1000.0), :show_results)
    returning post_id
)
insert into poll_options (post_id, option_no, label)
select made.post_id, g.ord - 1, g.label from made, unnest(:labels::text[]) with ordinality g (label, ord);

-- name: invite
insert into post_coauthors (post_id, user_id)
select :post_id, u.user_id from unnest(:coauthor_ids::uuid[]) u (user_id);

-- name: of_user
-- The newest first, with those that they are a co-author of, as far as they are for the viewer.
select f.post_id from (
    (select p.post_id from posts p
     where p.user_id = :other_id and not p.is_deleted and not p.is_archived
       and (:before_id::uuid is null or p.post_id < :before_id::uuid)
       and exists (select from post_for(:user_id::uuid, p.post_id))
     order by p.post_id desc limit :limit)
    union
    (select c.post_id from post_coauthors c
     where c.user_id = :other_id and c.status = 'accepted'
       and (:before_id::uuid is null or c.post_id < :before_id::uuid)
       and exists (select from may_see(:user_id::uuid, :other_id::uuid, 'public'))
       and exists (select from post_for(:user_id::uuid, c.post_id) q
                   where not q.is_archived
                     and not exists (select from blocked_between(q.user_id, :other_id::uuid)))
     order by c.post_id desc limit :limit)
) f order by f.post_id desc limit :limit;

-- name: make_topics
-- Those that are new. In the order of their names, so that two posts that name the same wait for each other.
insert into topics (topic_id, topic_name, display_name)
select g.topic_id, g.topic_name, g.display_name
from unnest(:topic_ids::uuid[], :topic_names::text[], :display_names::text[]) g (topic_id, topic_name, display_name)
order by g.topic_name
on conflict (topic_name) do nothing;

-- name: set_topics
-- The topics of a post are these; make_topics has made them. Those that are new to it, or not its own any more.
with gone as (
    delete from post_topics x using topics t
    where x.post_id = :post_id and t.topic_id = x.topic_id and t.topic_name <> all (:topic_names::text[])
    returning x.topic_id
), new as (
    insert into post_topics (post_id, topic_id)
    select :post_id, t.topic_id from topics t where t.topic_name = any (:topic_names::text[])
    on conflict do nothing
    returning topic_id
)
select topic_id from gone union all select topic_id from new;

-- name: set_mentions
-- Whom a post names: who there is, and has not blocked its author nor is blocked by them. Who is new, and who is not
-- named any more.
with named as materialized (
    select u.user_id from users u
    where u.username_key = any (:username_keys::text[]) and u.is_active and u.deleted_at is null
      and not exists (select from blocked_between(:user_id::uuid, u.user_id))
), gone as (
    delete from post_mentions m where m.post_id = :post_id and m.user_id not in (select user_id from named)
    returning m.user_id
), new as (
    insert into post_mentions (post_id, user_id) select :post_id, n.user_id from named n on conflict do nothing
    returning user_id
)
select user_id, true as is_new from new union all select user_id, false from gone;
