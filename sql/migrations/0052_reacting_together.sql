-- min_code: 0.1.0

-- What is wrong with the time of a key, by which retries are known; null for one of a change of now.
create function untimely(op_id uuid) returns text language sql stable parallel safe
return case when uuid7_time(op_id) < now() - interval '30 days' then 'too_old'
            when uuid7_time(op_id) > now() + interval '5 minutes' then 'too_new' end;

-- When a group is told of again. What was told lately waits, the longer the more there is, so that much at once is told
-- as one.
create function notice_due(receiver uuid, named text, pause_s double precision) returns setof timestamptz
language sql stable parallel safe as $$
    select greatest(now(), (select n.told_at + make_interval(secs => least(pause_s, n.cause_count * 0.1))
                            from notification_groups n where n.user_id = receiver and n.group_key = named))
$$;

-- The moods of many users on many posts; without a mood, what is there is taken back. Those of one user on one post follow
-- each other in their order. A row for each that was given, in their order: kept, no_post, closed, or known: then its
-- key was taken before, or is of no time for one. Locks keys, then users, and only then looks: all moods of a user
-- are changed under the lock of the stream that tells of them, so what is there stays as it was seen.
create function react(user_ids uuid[], op_ids uuid[], ops text[], digests bytea[], post_ids uuid[], moods text[],
                      notification_ids uuid[], title text, pause_s double precision, node_id text)
returns table (ord bigint, status text, changed boolean, user_rev bigint, untimely text, digest bytea, result jsonb)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    claimed bigint[];
begin
    with given as (
        select distinct on (g.user_id, g.op_id) g.*
        from unnest(user_ids, op_ids, ops, digests) with ordinality g (user_id, op_id, op, digest, ord)
        where untimely(g.op_id) is null
        order by g.user_id, g.op_id, g.ord
    ), made as (
        insert into op_keys (user_id, op_id, op, digest) select g.user_id, g.op_id, g.op, g.digest from given g
        on conflict do nothing returning user_id, op_id
    )
    select coalesce(array_agg(g.ord), '{}') into claimed from made m join given g using (user_id, op_id);

    perform from user_streams s where s.user_id = any (user_ids) order by s.user_id for no key update;

    return query
    with given as materialized (
        select g.*, g.ord = any (claimed) as is_first
        from unnest(user_ids, op_ids, post_ids, moods, notification_ids) with ordinality
            g (user_id, op_id, post_id, mood, notification_id, ord)
    ), seen as materialized (
        select g.ord, p.allow_reactions
        from given g, lateral (select p.allow_reactions from post_for(g.user_id, g.post_id) p offset 0) p
        where g.is_first and g.mood is not null
    ), step as materialized (
        select g.*, case when row_number() over w > 1 then lag(g.mood) over w
                         else (select r.reaction_type from reactions r
                               where r.post_id = g.post_id and r.user_id = g.user_id) end as was
        from given g
        where g.is_first and (g.mood is null or g.ord in (select s.ord from seen s where s.allow_reactions))
        window w as (partition by g.post_id, g.user_id order by g.ord)
    ), change as materialized (
        select s.*, row_number() over (partition by s.user_id order by s.ord) as number
        from step s where s.mood is distinct from s.was
    ), net as materialized (
        select c.post_id, c.user_id, (array_agg(c.mood order by c.ord desc))[1] as mood, bool_or(c.was is null) as is_new
        from change c group by c.post_id, c.user_id
    ), gone as (
        delete from reactions r using net n
        where n.mood is null and r.post_id = n.post_id and r.user_id = n.user_id
    ), made as (
        -- Times are of whole milliseconds, for pages.
        insert into reactions as r (post_id, user_id, reaction_type, created_at)
        select n.post_id, n.user_id, n.mood, date_trunc('milliseconds', clock_timestamp())
        from net n where n.mood is not null
        on conflict (post_id, user_id) do update set reaction_type = excluded.reaction_type,
            created_at = case when (select n.is_new from net n where n.post_id = r.post_id and n.user_id = r.user_id)
                              then excluded.created_at else r.created_at end
    ), caused as (
        insert into notification_causes (kind, user_id, group_key, notification_type, notification_id, actor_id, post_id,
                                         title, due_at)
        select case when c.mood is null then 'remove' else 'add' end, p.user_id, p.group_key, 'reaction',
               c.notification_id, c.user_id, c.post_id, title, p.due_at
        from change c join (
            select p.post_id, p.user_id, k.group_key, d.due_at
            from (select distinct post_id from change) c, lateral (
                select p.post_id, p.user_id from posts p where p.post_id = c.post_id offset 0
            ) p, concat('reaction:post:', p.post_id) k (group_key), notice_due(p.user_id, k.group_key, pause_s) d (due_at)
        ) p on p.post_id = c.post_id
        where p.user_id <> c.user_id and (c.was is null or c.mood is null)
        order by c.ord
    ), numbered as (
        update user_streams s set last_rev = s.last_rev + c.count
        from (select c.user_id, count(*) as count from change c group by c.user_id) c
        where s.user_id = c.user_id
        returning s.user_id, s.last_rev - c.count as rev
    ), told as (
        insert into user_events (user_id, rev, event_type, body)
        select c.user_id, n.rev + c.number, 'reaction.changed',
               jsonb_strip_nulls(jsonb_build_object('post_id', c.post_id, 'mood', c.mood))
        from change c join numbered n on n.user_id = c.user_id
    ), referred as (
        insert into outbox (node_id, user_ids, user_revs)
        select node_id, array_agg(c.user_id order by c.user_id, c.number),
               array_agg(n.rev + c.number order by c.user_id, c.number)
        from change c join numbered n on n.user_id = c.user_id
        having count(*) > 0
    ), answered as (
        update op_keys k
        set result = jsonb_build_object('post_id', s.post_id, 'mood', s.mood, 'changed', s.mood is distinct from s.was)
        from step s where k.user_id = s.user_id and k.op_id = s.op_id
    ), freed as (
        -- What is refused is not kept: asked again, it is tried again.
        delete from op_keys k using given g
        where g.is_first and g.ord not in (select s.ord from step s) and k.user_id = g.user_id and k.op_id = g.op_id
    )
    select g.ord,
           case when not g.is_first then 'known' when s.ord is not null then 'kept'
                when p.ord is null then 'no_post' else 'closed' end,
           s.mood is distinct from s.was, n.rev + c.number, untimely(g.op_id), k.digest, k.result
    from given g
    left join seen p on p.ord = g.ord
    left join step s on s.ord = g.ord
    left join change c on c.ord = g.ord
    left join numbered n on n.user_id = c.user_id
    left join lateral (
        select k.digest, k.result from op_keys k
        where not g.is_first and k.user_id = g.user_id and k.op_id = g.op_id offset 0
    ) k on true
    order by g.ord;
end $$;
