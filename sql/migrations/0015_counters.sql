-- min_code: 0.1.0

-- What is to be added to a counter. A cause writes a row here in its own transaction and touches no row
-- that others write too: a viral post has no lock to wait for. A worker folds them in (counters.fold).
-- What a counter counts is always: its column + what is pending here.
create table counter_deltas (
    delta_id   bigint generated always as identity primary key,
    counter    varchar(50) not null,
    subject_id uuid not null,
    -- Of a poll's option; 0 where there is only one.
    part       smallint not null default 0,
    delta      bigint not null,
    day        date not null default (now() at time zone 'UTC')::date
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
create index counter_deltas_of_subject on counter_deltas (subject_id, counter, part);
comment on index counter_deltas_of_subject is 'posts.get and the like: what is pending for one thing';

-- Which rows count for what: the cause, the counter, the key of what it belongs to, the part, how much a
-- row counts, and when it does. Each cause gets one trigger for each kind of change.
create temporary table causes (cause text, counter text, subject text, part text, amount text, counts_when text)
    on commit drop;
insert into causes values
    ('follows', $$'users.follower_count'$$,  'following_id', '0', '1', $$connection_type <> 'blocked'$$),
    ('follows', $$'users.following_count'$$, 'follower_id',  '0', '1', $$connection_type <> 'blocked'$$),
    ('posts',   $$'users.post_count'$$,      'user_id', '0', '1', 'not is_deleted and not is_archived'),
    ('reactions',       $$'posts.reactions_' || reaction_type$$, 'post_id', '0', '1', 'true'),
    ('comments',        $$'posts.comment_count'$$,       'post_id', '0', '1', 'not is_deleted'),
    ('comments',        $$'comments.reply_count'$$,      'parent_comment_id', '0', '1',
     'not is_deleted and parent_comment_id is not null'),
    ('comment_likes',   $$'comments.like_count'$$,       'comment_id', '0', '1', 'true'),
    ('post_shares',     $$'posts.share_count'$$,         'post_id',  '0', '1', 'true'),
    ('post_views',      $$'posts.view_count'$$,          'post_id',  '0', '1', 'true'),
    ('post_views',      $$'post_analytics.views'$$,      'post_id',  '0', 'times', 'true'),
    ('bookmarks',       $$'post_analytics.saves'$$,      'post_id',  '0', '1', 'true'),
    ('poll_votes',      $$'poll_options.vote_count'$$,   'post_id',  'option_no', '1', 'true'),
    ('story_views',     $$'stories.view_count'$$,        'story_id', '0', '1', 'true'),
    ('story_reactions', $$'stories.reaction_count'$$,    'story_id', '0', '1', 'true'),
    ('post_topics',     $$'topics.post_count'$$,         'topic_id', '0', '1', 'true'),
    ('topic_follows',   $$'topics.follower_count'$$,     'topic_id', '0', '1', 'true'),
    ('conversation_participants', $$'conversations.member_count'$$, 'conversation_id', '0', '1', 'true');

do $make$
declare
    made record;
begin
    for made in
        select c.cause, k.kind, k.rows_of, 'count_' || c.cause || '_' || k.kind as name,
               string_agg(format('select %s, %s, %s, %s(%s) from %s where %s', c.counter, c.subject, c.part,
                                 t.sign, c.amount, t.rows, c.counts_when), ' union all ') as counted
        from causes c,
             (values ('insert', 'new table as new_rows'), ('delete', 'old table as old_rows'),
                     ('update', 'old table as old_rows new table as new_rows')) k (kind, rows_of)
             join (values ('+', 'new_rows'), ('-', 'old_rows')) t (sign, rows) on k.rows_of like '%' || t.rows || '%'
        group by c.cause, k.kind, k.rows_of
    loop
        execute format($f$
            create function %I() returns trigger language plpgsql security definer
            set search_path = public, pg_temp as $body$
            begin
                insert into counter_deltas (counter, subject_id, part, delta)
                select c.counter, c.subject_id, c.part, sum(c.amount)
                from (%s) c (counter, subject_id, part, amount)
                group by c.counter, c.subject_id, c.part
                having sum(c.amount) <> 0;
                return null;
            end $body$ $f$, made.name, made.counted);
        execute format('create trigger count_rows_%s after %s on %I referencing %s
                        for each statement execute function %I()',
                       made.kind, made.kind, made.cause, made.rows_of, made.name);
    end loop;
end $make$;

-- What each counter says, and what it should say. post_views are not kept for ever: the sum of the days
-- is the oldest truth about views that there is. The name is a constant in each branch, so that asking for
-- one counter reads its tables only.
create view counter_values with (security_invoker = true) as
    select 'users.follower_count' as counter, user_id as subject_id, 0 as part, follower_count as value from users
    union all select 'users.following_count', user_id, 0, following_count from users
    union all select 'users.post_count', user_id, 0, post_count from users
    union all select 'posts.reactions_inspired', post_id, 0, reactions_inspired from posts
    union all select 'posts.reactions_grateful', post_id, 0, reactions_grateful from posts
    union all select 'posts.reactions_curious', post_id, 0, reactions_curious from posts
    union all select 'posts.reactions_excited', post_id, 0, reactions_excited from posts
    union all select 'posts.reactions_thoughtful', post_id, 0, reactions_thoughtful from posts
    union all select 'posts.comment_count', post_id, 0, comment_count from posts
    union all select 'posts.share_count', post_id, 0, share_count from posts
    union all select 'comments.reply_count', comment_id, 0, reply_count from comments
    union all select 'comments.like_count', comment_id, 0, like_count from comments
    union all select 'poll_options.vote_count', post_id, option_no, vote_count from poll_options
    union all select 'stories.view_count', story_id, 0, view_count from stories
    union all select 'stories.reaction_count', story_id, 0, reaction_count from stories
    union all select 'topics.post_count', topic_id, 0, post_count from topics
    union all select 'topics.follower_count', topic_id, 0, follower_count from topics
    union all select 'conversations.member_count', conversation_id, 0, member_count from conversations;

create view counter_truths with (security_invoker = true) as
    select 'users.follower_count' as counter, following_id as subject_id, 0 as part, count(*) as truth
        from follows where connection_type <> 'blocked' group by following_id
    union all select 'users.following_count', follower_id, 0, count(*)
        from follows where connection_type <> 'blocked' group by follower_id
    union all select 'users.post_count', user_id, 0, count(*)
        from posts where not is_deleted and not is_archived group by user_id
    union all select 'posts.reactions_inspired', post_id, 0, count(*)
        from reactions where reaction_type = 'inspired' group by post_id
    union all select 'posts.reactions_grateful', post_id, 0, count(*)
        from reactions where reaction_type = 'grateful' group by post_id
    union all select 'posts.reactions_curious', post_id, 0, count(*)
        from reactions where reaction_type = 'curious' group by post_id
    union all select 'posts.reactions_excited', post_id, 0, count(*)
        from reactions where reaction_type = 'excited' group by post_id
    union all select 'posts.reactions_thoughtful', post_id, 0, count(*)
        from reactions where reaction_type = 'thoughtful' group by post_id
    union all select 'posts.comment_count', post_id, 0, count(*) from comments where not is_deleted group by post_id
    union all select 'posts.share_count', post_id, 0, count(*) from post_shares group by post_id
    union all select 'comments.reply_count', parent_comment_id, 0, count(*)
        from comments where not is_deleted and parent_comment_id is not null group by parent_comment_id
    union all select 'comments.like_count', comment_id, 0, count(*) from comment_likes group by comment_id
    union all select 'poll_options.vote_count', post_id, option_no, count(*) from poll_votes group by post_id, option_no
    union all select 'stories.view_count', story_id, 0, count(*) from story_views group by story_id
    union all select 'stories.reaction_count', story_id, 0, count(*) from story_reactions group by story_id
    union all select 'topics.post_count', topic_id, 0, count(*) from post_topics group by topic_id
    union all select 'topics.follower_count', topic_id, 0, count(*) from topic_follows group by topic_id
    union all select 'conversations.member_count', conversation_id, 0, count(*)
        from conversation_participants group by conversation_id;

-- What was there before.
insert into counter_deltas (counter, subject_id, part, delta)
select counter, subject_id, part, coalesce(truth, 0) - coalesce(value, 0)
from counter_truths full join counter_values using (counter, subject_id, part)
where coalesce(truth, 0) <> coalesce(value, 0);
