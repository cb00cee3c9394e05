-- name: whose
-- No row when the post is not for the user.
select p.user_id as author_id, not s.hide_metrics as counted
from post_for(:user_id::uuid, :post_id::uuid) p
join user_settings s on s.user_id = :user_id;

-- name: days
-- What is in a day already, and what is pending for it.
select to_char(f.day, 'YYYY-MM-DD') as day, sum(f.views)::bigint as views, sum(f.unique_views)::bigint as unique_views,
       sum(f.inspired)::bigint as inspired, sum(f.grateful)::bigint as grateful, sum(f.curious)::bigint as curious,
       sum(f.excited)::bigint as excited, sum(f.thoughtful)::bigint as thoughtful,
       sum(f.comments)::bigint as comments, sum(f.shares)::bigint as shares, sum(f.saves)::bigint as saves
from (
    select a.date as day, a.views, a.unique_views, a.reactions_inspired as inspired, a.reactions_grateful as grateful,
           a.reactions_curious as curious, a.reactions_excited as excited, a.reactions_thoughtful as thoughtful,
           a.comments, a.shares, a.saves
    from post_analytics a
    where a.post_id = :post_id and a.date between :from_day::text::date and :to_day::text::date
    union all
    select d.day, w.views * d.delta, w.unique_views * d.delta, w.inspired * d.delta, w.grateful * d.delta,
           w.curious * d.delta, w.excited * d.delta, w.thoughtful * d.delta, w.comments * d.delta, w.shares * d.delta,
           w.saves * d.delta
    from counter_deltas d
    join (values ('post_analytics.views', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('posts.view_count', 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
                 ('posts.reactions_inspired', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
                 ('posts.reactions_grateful', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
                 ('posts.reactions_curious', 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
                 ('posts.reactions_excited', 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
                 ('posts.reactions_thoughtful', 0, 0, 0, 0, 0, 0, 1, 0, 0, 0),
                 ('posts.comment_count', 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), ('posts.share_count', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0),
                 ('post_analytics.saves', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))
         w (counter, views, unique_views, inspired, grateful, curious, excited, thoughtful, comments, shares, saves)
         on w.counter = d.counter
    where d.subject_id = :post_id and d.day between :from_day::text::date and :to_day::text::date
) f
group by f.day order by f.day;
