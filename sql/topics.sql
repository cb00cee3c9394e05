-- Topics, as users find and follow them. A topic says that somebody has named it: so it is there for those alone who
-- may see one of the posts that do.

-- name: id_of
select topic_id from topics where topic_name = :topic_name;

-- name: seen
-- For which of these users a topic is there: one of its newest 1,000 posts is for them.
select v.user_id from unnest(:user_ids::uuid[]) v (user_id)
where exists (
    select from topics t
    where t.topic_id = :topic_id
      and (t.is_featured or t.is_trending
           or exists (select from topic_follows f where f.user_id = v.user_id and f.topic_id = t.topic_id)
           or exists (select from (select x.post_id from post_topics x where x.topic_id = :topic_id
                                   order by x.post_id desc limit 1000) x
                      cross join lateral post_for(v.user_id, x.post_id))));

-- name: shown
-- Topics in the order of these ids. What a counter says is its column and what is pending.
select t.topic_id, t.topic_name, t.display_name, t.icon_media_id, t.description, t.color_hex, t.is_featured,
       t.is_trending,
       case when not s.hide_metrics then t.post_count + d.posts end as post_count,
       case when not s.hide_metrics then t.follower_count + d.followers end as follower_count,
       to_ms(f.created_at) as followed_at
from unnest(:ids::uuid[]) with ordinality g (topic_id, ord)
join topics t on t.topic_id = g.topic_id
join user_settings s on s.user_id = :user_id
left join topic_follows f on f.user_id = :user_id and f.topic_id = t.topic_id
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'topics.post_count'), 0)::bigint as posts,
           coalesce(sum(d.delta) filter (where d.counter = 'topics.follower_count'), 0)::bigint as followers
    from counter_deltas d where d.subject_id = t.topic_id) d
order by g.ord;

-- name: featured
select topic_id from topics
where is_featured and topic_id > coalesce(:after_id, '00000000-0000-0000-0000-000000000000'::uuid)
order by topic_id limit :limit;

-- name: followed
select topic_id from topic_follows
where user_id = :user_id and topic_id > coalesce(:after_id, '00000000-0000-0000-0000-000000000000'::uuid)
order by topic_id limit :limit;

-- name: complete
-- Of the best 200 that begin so those that are there for the user, which is asked of one after the other until there are
-- enough.
with named as materialized (
    (select t.topic_id, t.topic_name, t.post_count, t.is_featured, t.is_trending from topics t
     where t.topic_name ~>=~ :prefix and t.topic_name ~<~ :past_prefix
     order by t.topic_name using ~<~ limit 1000)
    union (select t.topic_id, t.topic_name, t.post_count, t.is_featured, t.is_trending from topics t
           where t.is_featured and t.topic_name ~>=~ :prefix and t.topic_name ~<~ :past_prefix)
    union (select t.topic_id, t.topic_name, t.post_count, t.is_featured, t.is_trending from topics t
           where t.is_trending and t.topic_name ~>=~ :prefix and t.topic_name ~<~ :past_prefix)
), best as (
    select t.topic_id, t.is_featured or t.is_trending or f.topic_id is not null as known,
           row_number() over (order by t.topic_name <> :prefix, f.topic_id is null, not (t.is_featured or t.is_trending),
                                       t.post_count desc, t.topic_name) as place
    from named t
    left join topic_follows f on f.user_id = :user_id and f.topic_id = t.topic_id
    order by place limit 200
)
select b.topic_id from best b
where b.known
   or exists (select from (select x.post_id from post_topics x where x.topic_id = b.topic_id
                           order by x.post_id desc limit 50) x
              cross join lateral post_for(:user_id::uuid, x.post_id))
order by b.place limit :limit;

-- name: posts
-- The :scan newest posts of a topic before an id, and which of them are for the user.
select x.post_id, exists (
    select from post_for(:user_id::uuid, x.post_id) p
    where not p.is_archived and not exists (
        select from mutes m where m.user_id = :user_id and m.muted_id = p.user_id and m.scope in ('posts', 'all')
                              and (m.until is null or m.until > now()))) as shown
from (select x.post_id from post_topics x
      where x.topic_id = :topic_id and x.post_id < :before_id::uuid
      order by x.post_id desc limit :scan) x
order by x.post_id desc;

-- name: followed_count
select count(*) as count from topic_follows where user_id = :user_id;

-- name: follow
-- No row when it is so already.
insert into topic_follows (user_id, topic_id) values (:user_id, :topic_id)
on conflict do nothing
returning topic_id;

-- name: unfollow
-- Likewise.
delete from topic_follows where user_id = :user_id and topic_id = :topic_id returning topic_id;

-- name: follow_of
select t.topic_id, t.topic_name, t.display_name, to_ms(f.created_at) as followed_at
from topic_follows f join topics t using (topic_id)
where f.user_id = :user_id and f.topic_id = :topic_id;

-- name: there
select icon_media_id from topics where topic_id = :topic_id;

-- name: change
-- No row when it is so already. An empty text is none, and a missing one stays.
with asked as (
    select t.topic_id,
           case when :color_hex::text is null then t.color_hex else nullif(:color_hex, '') end as color_hex,
           case when :description::text is null then t.description else nullif(:description, '') end as description,
           coalesce(:is_featured::boolean, t.is_featured) as is_featured,
           coalesce(:display_name::text, t.display_name) as display_name,
           case when not :remove_icon::boolean then coalesce(:icon_media_id::uuid, t.icon_media_id) end as icon_media_id
    from topics t where t.topic_id = :topic_id for no key update
)
update topics t set color_hex = a.color_hex, description = a.description, is_featured = a.is_featured,
                    display_name = a.display_name, icon_media_id = a.icon_media_id
from asked a
where t.topic_id = a.topic_id
  and (t.color_hex, t.description, t.is_featured, t.display_name, t.icon_media_id)
      is distinct from (a.color_hex, a.description, a.is_featured, a.display_name, a.icon_media_id)
returning t.icon_media_id;

-- name: refer_to_icon
-- After `change`: what the topic uses, and no more.
with dropped as (
    delete from media_refs
    where subject_type = 'topic' and subject_id = :topic_id and media_id is distinct from :media_id::uuid
)
insert into media_refs (media_id, subject_type, subject_id)
select :media_id::uuid, 'topic', :topic_id where :media_id::uuid is not null
on conflict do nothing;

-- name: of_author
-- Those in which posts of a user can be among the newest that all see.
select distinct x.topic_id
from (select p.post_id from posts p where p.user_id = :user_id and not p.is_deleted and not p.is_archived
      order by p.post_id desc limit 200) p
join post_topics x on x.post_id = p.post_id;

-- name: of_post
select topic_id from post_topics where post_id = :post_id;

-- name: states
-- What these topics are now, for those who watch them. The newest posts are of the last 100 those that everybody may
-- see: [post, author], the newest first.
select t.topic_id, t.display_name, t.icon_media_id, t.description, t.color_hex, t.is_featured, t.is_trending,
       t.post_count + d.posts as post_count, t.follower_count + d.followers as follower_count, n.newest
from unnest(:topic_ids::uuid[]) g (topic_id)
join topics t on t.topic_id = g.topic_id
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'topics.post_count'), 0)::bigint as posts,
           coalesce(sum(d.delta) filter (where d.counter = 'topics.follower_count'), 0)::bigint as followers
    from counter_deltas d where d.subject_id = t.topic_id) d
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_array(m.post_id, m.user_id) order by m.post_id desc), '[]') as newest
    from (select p.post_id, p.user_id
          from (select x.post_id from post_topics x where x.topic_id = t.topic_id
                order by x.post_id desc limit 100) x
          join posts p on p.post_id = x.post_id
          join users u on u.user_id = p.user_id
          where p.visibility = 'public' and not p.is_deleted and not p.is_archived
            and not u.is_private and u.is_active and u.deleted_at is null
            and (u.suspended_until is null or u.suspended_until <= now())
          order by x.post_id desc limit 10) m) n;
