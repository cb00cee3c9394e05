-- name: add
-- In the transaction of the cause; that of a mood writes `react`, see migrations/0052_reacting_together.sql.
insert into notification_causes (kind, user_id, group_key, notification_type, notification_id, actor_id, post_id,
                                 comment_id, conversation_id, story_id, message_id, title, message, due_at)
select :made, g.user_id, :group_key::text, :type, g.notification_id, :actor_id, :post_id, :comment_id, :conversation_id,
       :story_id, :message_id, :title, :text, d.due_at
from unnest(:user_ids::uuid[], :notification_ids::uuid[]) g (user_id, notification_id),
     notice_due(g.user_id, :group_key::text, :pause_s) d (due_at);

-- name: look_at_post
-- Each group in which something is about it, of whoever has been told, or is being told now.
insert into notification_causes (kind, user_id, group_key)
select 'look', n.user_id, n.group_key from notifications n
where n.post_id = :post_id and n.group_key is not null
union
select 'look', c.user_id, c.group_key from notification_causes c where c.post_id = :post_id and c.kind = 'add'
order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do nothing;

-- name: look_at_comment
insert into notification_causes (kind, user_id, group_key)
select 'look', n.user_id, n.group_key from notifications n
where n.comment_id = :comment_id and n.group_key is not null
union
select 'look', c.user_id, c.group_key from notification_causes c where c.comment_id = :comment_id and c.kind = 'add'
order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do nothing;

-- name: look_at_story
insert into notification_causes (kind, user_id, group_key)
select distinct 'look', n.user_id, n.group_key from notifications n
where n.story_id = :story_id and n.group_key is not null order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do nothing;

-- name: is_told
-- Whether there is such a group, read or not.
select from notification_groups where user_id = :user_id and group_key = :group_key;

-- name: announce_later
-- In the transaction that makes a post.
insert into post_announcements (post_id)
select p.post_id from posts p
where p.user_id = :user_id and p.post_id = :post_id and p.visibility <> 'private'
  and exists (select from follows f where f.following_id = p.user_id and f.notify_on_post
                                      and f.connection_type <> 'blocked');

-- name: announcement
-- One that nobody else has.
select a.post_id, p.user_id as author_id, a.told_upto from post_announcements a join posts p using (post_id)
order by a.created_at limit 1 for no key update of a skip locked;

-- name: announce
-- The next of those who follow and want to hear of it.
select f.follower_id from follows f
where f.following_id = :user_id and f.notify_on_post and f.connection_type <> 'blocked'
  and (:told_upto::uuid is null or f.follower_id > :told_upto::uuid)
order by f.follower_id limit :limit;

-- name: announced
-- Up to here.
update post_announcements set told_upto = :told_upto where post_id = :post_id;

-- name: all_announced
delete from post_announcements where post_id = :post_id;

-- name: between
-- What either of two has caused with the other, in the transaction of a block; not what they did in groups, in which blocks
-- do not hide.
insert into notification_causes (kind, user_id, group_key, actor_id)
select distinct 'remove', n.user_id, n.group_key, n.actor_id from notifications n
where n.group_key is not null and n.notification_type <> 'system' and ((n.user_id = :user_id and n.actor_id = :other_id)
                                   or (n.user_id = :other_id and n.actor_id = :user_id))
returning user_id, group_key;

-- name: between_talks
insert into notification_causes (kind, user_id, group_key)
select distinct 'look', g.user_id, 'message:' || split_part(g.group_key, ':', 2) from notification_groups g
where g.user_id in (:user_id, :other_id) and g.group_key ~ '^(message|mention):[0-9a-f-]{36}$' order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do update set due_at = now()
returning user_id, group_key;

-- name: due
-- Whose notifications are to be changed, with their streams locked, after which all statements look again. Those that
-- somebody else changes now are left to the next turn. Deletes from now on are not to be looked at.
with due as materialized (
    select distinct user_id from (
        select user_id from notification_causes where due_at <= now() order by due_at limit :batch) d
)
select s.user_id, set_config('lumina.notifying', 'on', true) as notifying
from user_streams s join due using (user_id)
order by s.user_id for no key update of s skip locked;

-- name: orphans
-- Of accounts that are gone altogether.
delete from notification_causes c
where c.due_at <= now() - interval '1 minute' and not exists (select from user_streams s where s.user_id = c.user_id);

-- name: take
-- All that there is for the groups in which something is due.
with groups as materialized (
    select distinct user_id, group_key from notification_causes where user_id = any(:user_ids::uuid[]) and due_at <= now()
), taken as materialized (
    select c.* from groups g
    cross join lateral (
        select c.user_id, c.cause_id from notification_causes c
        where c.user_id = g.user_id and c.group_key = g.group_key for update skip locked offset 0
    ) c
    order by c.cause_id limit :batch
), gone as (
    delete from notification_causes c using taken t where c.user_id = t.user_id and c.cause_id = t.cause_id returning c.*
)
select * from gone order by cause_id;

-- name: remove
-- What these have caused in these groups, of one thing or, where none is named, all. How much each group loses.
with asked as materialized (
    select * from unnest(:user_ids::uuid[], :group_keys::text[], :actor_ids::uuid[], :comment_ids::uuid[],
                         :message_ids::uuid[]) a (user_id, group_key, actor_id, comment_id, message_id)
), gone as (
    delete from notifications n using asked a
    where n.user_id = a.user_id and n.group_key = a.group_key and n.actor_id is not distinct from a.actor_id
      and (a.comment_id is null or n.comment_id = a.comment_id) and (a.message_id is null or n.message_id = a.message_id)
    returning n.user_id, n.group_key, n.actor_id, n.notification_id
)
select g.user_id, g.group_key, count(*) as causes,
       count(distinct g.actor_id) filter (where not exists (
           select from notifications n
           where n.user_id = g.user_id and n.group_key = g.group_key and n.actor_id = g.actor_id
             and n.notification_id not in (select notification_id from gone))) as actors
from gone g group by g.user_id, g.group_key;

-- name: settle
-- Of groups whose causes may hold no more: those that do not.
with asked as materialized (
    select * from unnest(:user_ids::uuid[], :group_keys::text[]) a (user_id, group_key)
)
delete from notifications n using asked a
where n.user_id = a.user_id and n.group_key = a.group_key
  and not exists (select from notification_holds(n.user_id, case when n.notification_type <> 'system' then n.actor_id end,
                                                 n.post_id, n.comment_id, n.story_id,
                                                 n.conversation_id, n.message_id));

-- name: recount
-- Of groups that have lost something, we do not know what. A row for each that was wrong.
with asked as materialized (
    select * from unnest(:user_ids::uuid[], :group_keys::text[]) a (user_id, group_key)
), counted as materialized (
    select a.user_id, a.group_key, c.causes, c.actors
    from asked a cross join lateral (
        select count(*) as causes, count(distinct n.actor_id) as actors from notifications n
        where n.user_id = a.user_id and n.group_key = a.group_key
    ) c
)
update notification_groups g set cause_count = c.causes, actor_count = c.actors
from counted c
where g.user_id = c.user_id and g.group_key = c.group_key and (g.cause_count, g.actor_count) <> (c.causes, c.actors)
returning g.user_id, g.group_key;

-- name: able
-- Which of these are to be notified of: what holds, and its receiver wants to hear of. In their order.
select a.ord
from unnest(:user_ids::uuid[], :types::text[], :actor_ids::uuid[], :post_ids::uuid[], :comment_ids::uuid[],
            :story_ids::uuid[], :conversation_ids::uuid[], :message_ids::uuid[]) with ordinality
     a (user_id, type, actor_id, post_id, comment_id, story_id, conversation_id, message_id, ord)
where exists (select from notification_holds(a.user_id, case when a.type <> 'system' then a.actor_id end,
                                             a.post_id, a.comment_id, a.story_id,
                                             a.conversation_id, a.message_id))
  and not exists (select from notification_muted(a.user_id, a.actor_id, a.post_id, a.story_id))
  and not exists (select from notification_preferences p
                  where p.user_id = a.user_id and p.notification_type = a.type and p.level = 'off')
order by a.ord;

-- name: open
-- Before their first cause.
insert into notification_groups (user_id, group_key, notification_type)
select * from unnest(:receiver_ids::uuid[], :group_keys::text[], :types::text[])
on conflict (user_id, group_key) do nothing;

-- name: keep
-- The same of the same actor twice is one. A row for each that is new, and whether its actor is new in the group.
with asked as materialized (
    select * from unnest(:notification_ids::uuid[], :receiver_ids::uuid[], :group_keys::text[], :types::text[], :titles::text[],
                         :texts::text[], :actor_ids::uuid[], :post_ids::uuid[], :comment_ids::uuid[],
                         :story_ids::uuid[], :conversation_ids::uuid[], :message_ids::uuid[])
        a (notification_id, user_id, group_key, type, title, text, actor_id, post_id, comment_id, story_id,
           conversation_id, message_id)
), made as (
    insert into notifications (notification_id, user_id, group_key, notification_type, title, message, actor_id, post_id,
                               comment_id, story_id, conversation_id, message_id)
    select a.notification_id, a.user_id, a.group_key, a.type, a.title, a.text, a.actor_id, a.post_id, a.comment_id,
           a.story_id, a.conversation_id, a.message_id
    from asked a
    where not exists (
        select from notifications n
        where n.user_id = a.user_id and n.group_key = a.group_key and n.actor_id is not distinct from a.actor_id
          and (n.post_id, n.comment_id, n.story_id, n.message_id)
              is not distinct from (a.post_id, a.comment_id, a.story_id, a.message_id))
    returning user_id, group_key, actor_id
)
select m.user_id, m.group_key, count(*) as causes,
       count(distinct m.actor_id) filter (where not exists (
           select from notifications n
           where n.user_id = m.user_id and n.group_key = m.group_key and n.actor_id = m.actor_id)) as actors
from made m group by m.user_id, m.group_key;

-- name: count
-- What groups have become: by how much more or less, and what their newest cause says and is about.
with asked as materialized (
    select * from unnest(:user_ids::uuid[], :group_keys::text[], :causes::integer[], :actors::integer[], :are_news::boolean[])
        a (user_id, group_key, causes, actors, is_news)
)
update notification_groups g
set cause_count = g.cause_count + a.causes, actor_count = g.actor_count + a.actors,
    actor_ids = coalesce(w.actor_ids, '{}'), title = coalesce(n.title, g.title), message = coalesce(n.message, ''),
    about = coalesce(n.about, g.about), told_at = clock_timestamp(),
    is_read = g.is_read and not a.is_news, read_at = case when not a.is_news then g.read_at end,
    news_at = case when a.is_news then clock_timestamp() else g.news_at end,
    is_silent = case when a.is_news then s.calm_mode or coalesce(p.level = 'silent', false) else g.is_silent end
from asked a
join user_settings s on s.user_id = a.user_id
cross join lateral (
    select array_agg(w.actor_id order by w.newest desc) as actor_ids
    from (select n.actor_id, max(n.notification_id::text) as newest
          from (select * from notifications n where n.user_id = a.user_id and n.group_key = a.group_key
                order by n.notification_id desc limit 100) n
          where n.actor_id is not null group by n.actor_id order by newest desc limit 3) w
) w
left join lateral (
    select n.title, n.message, jsonb_strip_nulls(jsonb_build_object(
               'post_id', n.post_id, 'comment_id', n.comment_id, 'story_id', n.story_id,
               'conversation_id', n.conversation_id, 'message_id', n.message_id)) as about
    from notifications n where n.user_id = a.user_id and n.group_key = a.group_key
    order by n.notification_id desc limit 1
) n on true
left join notification_groups t on t.user_id = a.user_id and t.group_key = a.group_key
left join notification_preferences p on p.user_id = a.user_id and p.notification_type = t.notification_type
where g.user_id = a.user_id and g.group_key = a.group_key;

-- name: drop
-- Groups in which nothing is left.
delete from notification_groups g
using unnest(:user_ids::uuid[], :group_keys::text[]) a (user_id, group_key)
where g.user_id = a.user_id and g.group_key = a.group_key and (g.cause_count <= 0 or :all::boolean)
returning g.user_id, g.group_key;

-- name: groups
-- As their users are told of them.
select g.user_id, g.group_key, g.notification_type as type, g.title, g.message as text, g.actor_count, g.cause_count,
       g.is_read, g.is_silent as silent, to_ms(g.created_at) as created_at, to_ms(g.news_at) as updated_at, g.about,
       (select s.hide_metrics from user_settings s where s.user_id = g.user_id) as hides_numbers,
       (select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'username', u.username) order by w.place)
        from unnest(g.actor_ids) with ordinality w (user_id, place) join users u on u.user_id = w.user_id) as actors
from unnest(:user_ids::uuid[], :group_keys::text[]) a (user_id, group_key)
join notification_groups g on g.user_id = a.user_id and g.group_key = a.group_key
order by g.user_id, g.news_at, g.group_key;

-- name: unread
select a.user_id, (select count(*) from notification_groups g where g.user_id = a.user_id and not g.is_read) as unread
from unnest(:user_ids::uuid[]) a (user_id);

-- name: page
-- `limit` is one more than the page to tell if more follow.
select g.group_key from notification_groups g
where g.user_id = :user_id
  and (:before_ms::bigint is null or (to_ms(g.news_at), g.group_key) < (:before_ms::bigint, :before_key::text))
order by to_ms(g.news_at) desc, g.group_key desc limit :limit;

-- name: of_group
select n.notification_id, n.actor_id as user_id, u.username, n.comment_id, to_ms(n.created_at) as created_at
from notifications n left join users u on u.user_id = n.actor_id
where n.user_id = :user_id and n.group_key = :group_key
  and (:before_id::uuid is null or n.notification_id < :before_id::uuid)
order by n.notification_id desc limit :limit;

-- name: read
-- Under the lock of the stream. A row for each that was not read.
update notification_groups set is_read = true, read_at = now()
where user_id = :user_id and group_key = any(:group_keys::text[]) and not is_read
returning group_key;

-- name: read_upto
update notification_groups set is_read = true, read_at = now()
where user_id = :user_id and not is_read and to_ms(news_at) <= :upto_ms::bigint
returning group_key;

-- name: preferences
select notification_type as type, level from notification_preferences where user_id = :user_id;

-- name: prefer
-- No row when it is so already; no row of its own says `on`.
insert into notification_preferences as p (user_id, notification_type, level) values (:user_id, :type, :level)
on conflict (user_id, notification_type) do update set level = excluded.level where p.level <> excluded.level
returning p.user_id;
