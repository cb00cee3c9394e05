-- name: viewers
-- What decides what these users are told of what they watch.
select s.user_id, s.hide_metrics,
       array(select f.following_id from follows f where f.follower_id = s.user_id and f.connection_type = 'blocked'
             union
             select f.follower_id from follows f where f.following_id = s.user_id and f.connection_type = 'blocked')
           as blocked
from user_settings s
where s.user_id = any (:user_ids::uuid[]);

-- name: posts
-- What these posts are now, for whoever may see them. What a counter says is its column and what is pending.
select p.post_id, p.user_id, p.caption, p.post_type, p.visibility, p.allow_comments, p.allow_reactions, p.who_may_comment,
       p.is_edited, s.show_metrics and not s.hide_metrics as shows_numbers, coalesce(t.last_rev, 0) as comment_rev,
       concat_ws(' ', p.visibility, p.audience_id, p.is_archived, u.is_private, u.is_active, u.deleted_at,
                 u.suspended_until > now(),
                 (select string_agg(c.user_id::text || c.status, ' ' order by c.user_id)
                  from post_coauthors c where c.post_id = p.post_id)) as access,
       p.reactions_inspired + d.inspired as inspired, p.reactions_grateful + d.grateful as grateful,
       p.reactions_curious + d.curious as curious, p.reactions_excited + d.excited as excited,
       p.reactions_thoughtful + d.thoughtful as thoughtful, p.comment_count + d.comments as comment_count,
       p.share_count + d.shares as share_count, p.view_count + d.views as view_count, l.poll,
       coalesce((l.poll -> 'for_all')::boolean, true) as results_for_all
from unnest(:post_ids::uuid[]) g (post_id)
join posts p on p.post_id = g.post_id and not p.is_deleted
join users u on u.user_id = p.user_id
join user_settings s on s.user_id = p.user_id
left join comment_streams t on t.post_id = p.post_id
left join lateral (
    select jsonb_build_object(
               'is_closed', c.closed, 'ends_ms', case when not c.closed then to_ms(l.closes_at) end,
               'for_all', c.closed or l.show_results = 'always',
               'votes', (select jsonb_agg(o.vote_count + (
                             select coalesce(sum(d.delta), 0)::bigint from counter_deltas d
                             where d.subject_id = o.post_id and d.counter = 'poll_options.vote_count'
                               and d.part = o.option_no) order by o.option_no)
                         from poll_options o where o.post_id = l.post_id)) as poll
    from polls l
    cross join lateral (select coalesce(l.closes_at <= statement_timestamp(), false) as closed) c
    where l.post_id = p.post_id) l on true
cross join lateral (
    select coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_inspired'), 0)::bigint as inspired,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_grateful'), 0)::bigint as grateful,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_curious'), 0)::bigint as curious,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_excited'), 0)::bigint as excited,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.reactions_thoughtful'), 0)::bigint as thoughtful,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.comment_count'), 0)::bigint as comments,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.share_count'), 0)::bigint as shares,
           coalesce(sum(d.delta) filter (where d.counter = 'posts.view_count'), 0)::bigint as views
    from counter_deltas d where d.subject_id = p.post_id) d;

-- name: comments
-- Of each of these posts what has changed after a number, one more than is told of one at most.
select c.*
from unnest(:post_ids::uuid[], :after_revs::bigint[]) g (post_id, after_rev)
cross join lateral (
    select c.* from comment_states c
    where c.post_id = g.post_id and c.rev > g.after_rev and c.rev > 0
    order by c.rev limit :limit) c;

-- name: seen
-- Which of these users may see a post.
select v.user_id from unnest(:user_ids::uuid[]) v (user_id)
where exists (select from post_for(v.user_id, :post_id::uuid));

-- name: told_results
-- Which of these users see the results of a poll before all do.
select v.user_id from unnest(:user_ids::uuid[]) v (user_id)
where exists (select from posts p join polls l on l.post_id = p.post_id
              where p.post_id = :post_id
                and (p.user_id = v.user_id
                     or (l.show_results = 'after_vote' and exists (
                         select from poll_votes w where w.post_id = p.post_id and w.user_id = v.user_id))));
