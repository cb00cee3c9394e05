-- Counters are columns, and what is pending in counter_deltas; see migrations/0015_counters.sql.

-- name: fold
-- Add a batch of what is pending to its columns. It waits for nobody: a delta that another fold has, or whose
-- subject another transaction has locked, stays for the next time; so there is no deadlock, and somebody who
-- sends to a conversation is never waited for. Subjects that are gone are ignored. A day of '-infinity' is
-- no day: what was mended is in no statistics. `milestones`: who has now ten, a hundred, a thousand ... followers, or
-- reactions to a post, and had less before.
with turn as materialized (
    select pg_try_advisory_xact_lock(hashtext('lumina.counters')) as mine
), batch as materialized (
    select delta_id, counter, split_part(counter, '.', 1) as kind, subject_id, part, delta, day
    from counter_deltas
    where (select mine from turn) and delta_id > :after and counter = any(:counters::text[])
    order by delta_id limit :batch
    for update skip locked
), free (kind, subject_id, part) as materialized (
    select 'users', l.id, 0 from (
        select user_id as id from users where user_id in (select subject_id from batch where kind = 'users')
        order by user_id for no key update skip locked) l
    union all select k.kind, l.id, 0 from (
        select post_id as id from posts
        where post_id in (select subject_id from batch where kind in ('posts', 'post_analytics'))
        order by post_id for no key update skip locked) l, (values ('posts'), ('post_analytics')) k (kind)
    union all select 'comments', l.id, 0 from (
        select comment_id as id from comments
        where comment_id in (select subject_id from batch where kind = 'comments')
        order by comment_id for no key update skip locked) l
    union all select 'stories', l.id, 0 from (
        select story_id as id from stories
        where story_id in (select subject_id from batch where kind = 'stories')
        order by story_id for no key update skip locked) l
    union all select 'topics', l.id, 0 from (
        select topic_id as id from topics
        where topic_id in (select subject_id from batch where kind = 'topics')
        order by topic_id for no key update skip locked) l
    union all select 'poll_options', l.id, l.option_no from (
        select post_id as id, option_no from poll_options
        where (post_id, option_no) in (select subject_id, part from batch where kind = 'poll_options')
        order by post_id, option_no for no key update skip locked) l
    union all select 'conversations', l.id, 0 from (
        select conversation_id as id from conversations
        where conversation_id in (select subject_id from batch where kind = 'conversations')
        order by conversation_id for no key update skip locked) l
), taken as (
    delete from counter_deltas d using (
        select *, (kind, subject_id, part) in (select kind, subject_id, part from free) as here from batch
    ) b
    where d.delta_id = b.delta_id and (b.here or not case b.kind
        when 'users' then exists (select from users where user_id = b.subject_id)
        when 'posts' then exists (select from posts where post_id = b.subject_id)
        when 'post_analytics' then exists (select from posts where post_id = b.subject_id)
        when 'comments' then exists (select from comments where comment_id = b.subject_id)
        when 'stories' then exists (select from stories where story_id = b.subject_id)
        when 'topics' then exists (select from topics where topic_id = b.subject_id)
        when 'poll_options' then exists (select from poll_options
                                         where post_id = b.subject_id and option_no = b.part)
        else exists (select from conversations where conversation_id = b.subject_id) end)
    returning b.kind, b.counter, b.subject_id, b.part, b.delta, b.day, b.here
), sums as materialized (
    select kind, counter, subject_id, part, sum(delta) as total
    from taken where here
    group by kind, counter, subject_id, part having sum(delta) <> 0
), to_users as (
    update users u set follower_count = follower_count + followers, following_count = following_count + following,
                       post_count = post_count + posts
    from (select subject_id,
                 coalesce(sum(total) filter (where counter = 'users.follower_count'), 0) as followers,
                 coalesce(sum(total) filter (where counter = 'users.following_count'), 0) as following,
                 coalesce(sum(total) filter (where counter = 'users.post_count'), 0) as posts
          from sums where kind = 'users' group by subject_id) s
    where u.user_id = s.subject_id
    returning u.user_id, u.follower_count as now, s.followers as added
), to_posts as (
    update posts p set reactions_inspired = reactions_inspired + inspired,
                       reactions_grateful = reactions_grateful + grateful,
                       reactions_curious = reactions_curious + curious,
                       reactions_excited = reactions_excited + excited,
                       reactions_thoughtful = reactions_thoughtful + thoughtful,
                       comment_count = comment_count + comments, share_count = share_count + shares,
                       view_count = view_count + views
    from (select subject_id,
                 coalesce(sum(total) filter (where counter = 'posts.reactions_inspired'), 0) as inspired,
                 coalesce(sum(total) filter (where counter = 'posts.reactions_grateful'), 0) as grateful,
                 coalesce(sum(total) filter (where counter = 'posts.reactions_curious'), 0) as curious,
                 coalesce(sum(total) filter (where counter = 'posts.reactions_excited'), 0) as excited,
                 coalesce(sum(total) filter (where counter = 'posts.reactions_thoughtful'), 0) as thoughtful,
                 coalesce(sum(total) filter (where counter = 'posts.comment_count'), 0) as comments,
                 coalesce(sum(total) filter (where counter = 'posts.share_count'), 0) as shares,
                 coalesce(sum(total) filter (where counter = 'posts.view_count'), 0) as views
          from sums where kind = 'posts' group by subject_id) s
    where p.post_id = s.subject_id
    returning p.user_id, p.post_id, p.is_deleted, inspired + grateful + curious + excited + thoughtful as added,
              p.reactions_inspired + p.reactions_grateful + p.reactions_curious + p.reactions_excited
              + p.reactions_thoughtful as now
), to_days as (
    insert into post_analytics as a (post_id, date, unique_views, views, reactions_inspired, reactions_grateful,
        reactions_curious, reactions_excited, reactions_thoughtful, comments, shares, saves)
    select subject_id, day,
           coalesce(sum(delta) filter (where counter = 'posts.view_count'), 0),
           coalesce(sum(delta) filter (where counter = 'post_analytics.views'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.reactions_inspired'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.reactions_grateful'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.reactions_curious'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.reactions_excited'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.reactions_thoughtful'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.comment_count'), 0),
           coalesce(sum(delta) filter (where counter = 'posts.share_count'), 0),
           coalesce(sum(delta) filter (where counter = 'post_analytics.saves'), 0)
    from taken where here and kind in ('posts', 'post_analytics') and day > '-infinity'
    group by subject_id, day order by subject_id, day
    on conflict (post_id, date) do update set
        unique_views = a.unique_views + excluded.unique_views, views = a.views + excluded.views,
        reactions_inspired = a.reactions_inspired + excluded.reactions_inspired,
        reactions_grateful = a.reactions_grateful + excluded.reactions_grateful,
        reactions_curious = a.reactions_curious + excluded.reactions_curious,
        reactions_excited = a.reactions_excited + excluded.reactions_excited,
        reactions_thoughtful = a.reactions_thoughtful + excluded.reactions_thoughtful,
        comments = a.comments + excluded.comments, shares = a.shares + excluded.shares,
        saves = a.saves + excluded.saves, updated_at = now()
), to_comments as (
    update comments c set reply_count = reply_count + replies, like_count = like_count + likes
    from (select subject_id,
                 coalesce(sum(total) filter (where counter = 'comments.reply_count'), 0) as replies,
                 coalesce(sum(total) filter (where counter = 'comments.like_count'), 0) as likes
          from sums where kind = 'comments' group by subject_id) s
    where c.comment_id = s.subject_id
), to_stories as (
    update stories t set view_count = view_count + views, reaction_count = reaction_count + reactions
    from (select subject_id,
                 coalesce(sum(total) filter (where counter = 'stories.view_count'), 0) as views,
                 coalesce(sum(total) filter (where counter = 'stories.reaction_count'), 0) as reactions
          from sums where kind = 'stories' group by subject_id) s
    where t.story_id = s.subject_id
), to_topics as (
    update topics t set post_count = post_count + posts, follower_count = follower_count + followers
    from (select subject_id,
                 coalesce(sum(total) filter (where counter = 'topics.post_count'), 0) as posts,
                 coalesce(sum(total) filter (where counter = 'topics.follower_count'), 0) as followers
          from sums where kind = 'topics' group by subject_id) s
    where t.topic_id = s.subject_id
), to_options as (
    update poll_options o set vote_count = vote_count + s.total
    from sums s where s.kind = 'poll_options' and o.post_id = s.subject_id and o.option_no = s.part
), to_conversations as (
    update conversations c set member_count = member_count + s.total
    from sums s where s.kind = 'conversations' and c.conversation_id = s.subject_id
), milestones as (
    select n.user_id, n.post_id, t.reached
    from (select user_id, null::uuid as post_id, now, added from to_users
          union all select user_id, post_id, now, added from to_posts where not is_deleted) n,
         lateral (select power(10, floor(log(greatest(n.now, 1))))::bigint as reached) t
    where t.reached >= 10 and n.now - n.added < t.reached
      and not exists (select from user_settings s where s.user_id = n.user_id and s.hide_metrics)
)
select count(*) as seen, (select count(*) from taken) as folded, max(delta_id) as last,
       (select jsonb_agg(m) from milestones m) as milestones
from batch;

-- name: recounting
-- Two at once would both add the same difference.
select pg_try_advisory_xact_lock(hashtext('lumina.recount')) as mine;

-- name: compare
-- In one snapshot: what a counter says and what is pending, against the rows that it counts. Pending views are
-- in no day yet, those without a day never will be: they count for the column only.
with differences as materialized (
    select v.subject_id, v.part, v.value + coalesce(d.pending, 0) as value, coalesce(t.truth, 0) as truth
    from (
        select subject_id, part, value from counter_values where counter = :counter
        union all select post_id, 0, view_count from posts
        where :counter = 'posts.view_count'
          and not exists (select from partition_rules where parent = 'post_analytics' and keep is not null)
    ) v
    left join (
        select subject_id, part, sum(delta) as pending from counter_deltas
        where counter = :counter and (:counter <> 'posts.view_count' or day = '-infinity')
        group by subject_id, part
    ) d using (subject_id, part)
    left join (
        select subject_id, part, truth from counter_truths where counter = :counter
        union all select post_id, 0, sum(unique_views) from post_analytics
        where :counter = 'posts.view_count' group by post_id
    ) t using (subject_id, part)
), wrong as materialized (
    select subject_id, part, value, truth from differences where value <> truth
), mended as (
    insert into counter_deltas (counter, subject_id, part, delta, day)
    select :counter, subject_id, part, truth - value, '-infinity' from wrong where :fix::boolean
)
select (select count(*) from differences) as compared, count(*) as wrong,
       coalesce(sum(truth - value), 0)::bigint as difference,
       (select coalesce(jsonb_agg(to_jsonb(e)), '[]') from (select * from wrong order by abs(truth - value) desc limit 3) e)
           as examples
from wrong;

-- name: patiently
set local statement_timeout = 0;
