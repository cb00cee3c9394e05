-- min_code: 0.1.0

-- As in 0047, and: what is before an answer in its batch is answered only where no message has that id yet. One that
-- has, and that the sender does not see, is none that they answer.
create or replace function complete_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], extras jsonb[])
returns jsonb[] language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    return (
        select array_agg(case when g.extra is not null then jsonb_strip_nulls(jsonb_build_object(
            'bad', case
                when to_timestamp((g.extra ->> 'expires_at')::bigint / 1000.0)
                     not between clock_timestamp() and clock_timestamp() + interval '1 year' then 'bad_expiry'
                when g.extra ? 'reply_to' and a.message_id is null and not exists (
                    select from unnest(conversation_ids, message_ids) with ordinality b (conversation_id, message_id, ord)
                    where b.conversation_id = g.conversation_id and b.ord < g.ord
                      and b.message_id = (g.extra ->> 'reply_to')::uuid
                      and not exists (select from messages m
                                      where m.conversation_id = b.conversation_id and m.message_id = b.message_id))
                    then 'no_answered'
                when g.extra ? 'forwarded_from' and o.seq is null then 'no_origin'
                when o.gone then 'origin_gone'
                when o.is_ephemeral or o.message_type in ('system', 'story_reply') then 'origin_stays'
                when f.missing > 0 then 'no_media'
                when f.unfinished > 0 then 'media_unfinished'
                when f.unfit > 0 then 'media_unfit'
                when coalesce(o.post_id::text, g.extra ->> 'post_id') is not null and not exists (
                    select from post_for(g.sender_id, coalesce(o.post_id, (g.extra ->> 'post_id')::uuid)) p
                    where not p.is_archived)
                    then 'no_post' end,
            'message_type', coalesce(o.message_type, g.extra ->> 'message_type'),
            'content', o.content,
            'media_ids', coalesce(o.media_ids::text, g.extra ->> 'media_ids'),
            'post_id', coalesce(o.post_id::text, g.extra ->> 'post_id'),
            'reply_to', g.extra -> 'reply_to',
            'expires_at', g.extra -> 'expires_at',
            'expires_after_s', g.extra -> 'expires_after_s',
            'body', nullif(jsonb_strip_nulls(jsonb_build_object(
                'forwarded_from', g.extra -> 'forwarded_from',
                'mentions', (
                    select jsonb_agg(p.user_id order by x.ord)
                    from jsonb_array_elements_text(g.extra -> 'mentions') with ordinality x (user_id, ord)
                    join conversation_participants p
                      on p.conversation_id = g.conversation_id and p.user_id = x.user_id::uuid))), '{}')
            )) end order by g.ord)
        from unnest(conversation_ids, sender_ids, extras) with ordinality g (conversation_id, sender_id, extra, ord)
        left join lateral (
            select m.message_id from messages m
            where m.conversation_id = g.conversation_id and m.message_id = (g.extra ->> 'reply_to')::uuid
              and exists (select from membership_intervals i
                          where i.conversation_id = m.conversation_id and i.user_id = g.sender_id
                            and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))
              and not exists (select from message_hides h where h.user_id = g.sender_id
                              and h.conversation_id = m.conversation_id and h.seq = m.seq)
            offset 0) a on true
        left join lateral (
            select m.*, m.is_deleted or coalesce(m.expires_at <= clock_timestamp(), false) as gone from messages m
            where m.conversation_id = (g.extra #>> '{forwarded_from,conversation_id}')::uuid
              and m.message_id = (g.extra #>> '{forwarded_from,message_id}')::uuid
              and exists (select from conversation_participants p
                          where p.conversation_id = m.conversation_id and p.user_id = g.sender_id)
              and exists (select from membership_intervals i
                          where i.conversation_id = m.conversation_id and i.user_id = g.sender_id
                            and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))
              and not exists (select from message_hides h where h.user_id = g.sender_id
                              and h.conversation_id = m.conversation_id and h.seq = m.seq)
            offset 0) o on true
        left join lateral (
            -- Of what is passed on, whose it is does not count.
            select count(*) filter (where q.media_id is null or q.is_deleted or q.user_id <> g.sender_id) as missing,
                   count(*) filter (where q.status <> 'ready') as unfinished,
                   count(*) filter (where not g.extra -> 'kinds' ? q.kind) as unfit
            from unnest((g.extra ->> 'media_ids')::uuid[]) w (media_id) left join media_objects q using (media_id)
        ) f on true);
end $$;

-- A message is one of its conversation: another may have the same id. Nil is of what is no message, and of older ones.
alter table media_refs
    add column conversation_id uuid not null default '00000000-0000-0000-0000-000000000000',
    drop constraint media_refs_pkey,
    add primary key (media_id, subject_type, subject_id, conversation_id);

-- As in 0039, and without locks: send_messages has them.
create or replace function keep_last_sent(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], digests bytea[],
                               began timestamptz)
returns void language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    update receipts r set last_sent_at = s.at
    from (
        select g.conversation_id, g.sender_id, max(m.created_at) as at
        from unnest(conversation_ids, message_ids, sender_ids, digests)
            g (conversation_id, message_id, sender_id, digest),
        lateral (
            select m.created_at from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id
              and m.sender_id = g.sender_id and m.content_digest = g.digest and m.created_at >= began
              and exists (select from conversations c
                          where c.conversation_id = g.conversation_id and c.slow_mode_s > 0) offset 0) m
        group by g.conversation_id, g.sender_id
    ) s
    where r.conversation_id = s.conversation_id and r.user_id = s.sender_id;
end $$;

-- As in 0039, and in slow mode the receipts of those who send are locked before anything is written; and with the
-- conversation of what a message uses.
create or replace function send_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], contents text[],
                              digests bytea[], node_id text, extras jsonb[])
returns table (ord bigint, status text, seq bigint, rev bigint, created_at bigint, member_ids uuid[], state jsonb)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    began timestamptz;
    slow boolean;
    waits bigint[];
begin
    -- Everybody locks in one order, so nobody waits in a circle.
    select bool_or(c.slow_mode_s > 0) into slow
    from (select c.slow_mode_s from conversations c where c.conversation_id = any (conversation_ids)
          order by c.conversation_id for no key update) c;

    if slow then
        -- As keep_positions does. Before the members, whom the first message of a day moves in their lists: whoever sets
        -- what a conversation is to them, or sends somebody away, locks in this order too.
        perform from (
            select distinct g.conversation_id, g.sender_id
            from unnest(conversation_ids, sender_ids) g (conversation_id, sender_id)
            order by g.conversation_id, g.sender_id
        ) g, lateral (
            select from receipts r
            where r.conversation_id = g.conversation_id and r.user_id = g.sender_id
              and exists (select from conversations c
                          where c.conversation_id = g.conversation_id and c.slow_mode_s > 0)
            for no key update offset 0
        ) r;
    end if;

    if slow or extras is not null then
        began := clock_timestamp();
    end if;
    if extras is not null then
        extras := complete_messages(conversation_ids, message_ids, sender_ids, extras);
    end if;
    if slow then
        waits := slow_waits(conversation_ids, message_ids, sender_ids, extras);
    end if;

    return query
    with given as materialized (
        select * from unnest(conversation_ids, message_ids, sender_ids, contents, digests, extras, waits) with ordinality
            g (conversation_id, message_id, sender_id, content, digest, extra, wait_ms, ord)
    ), member as materialized (
        select g.ord from given g, lateral (
            select from conversation_participants p
            where p.conversation_id = g.conversation_id and p.user_id = g.sender_id offset 0) p
    ), closed as materialized (
        select d.conversation_id, d.sender_id, c.why
        from (select distinct g.conversation_id, g.sender_id from given g) d,
        lateral (select why from closed_to(d.conversation_id, d.sender_id) why offset 0) c
    ), known as materialized (
        select g.ord, m.seq, m.rev, m.created_at, m.sender_id = g.sender_id and m.content_digest = g.digest as same
        from given g, lateral (
            select * from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id offset 0) m
    ), fresh as materialized (
        select distinct on (g.conversation_id, g.message_id) g.*
        from given g
        where g.ord in (select member.ord from member) and g.ord not in (select known.ord from known)
          and (g.conversation_id, g.sender_id) not in (select c.conversation_id, c.sender_id from closed c)
          and g.extra ->> 'bad' is null and g.wait_ms is null
        order by g.conversation_id, g.message_id, g.ord
    ), numbered as (
        -- The clock is read under the lock, unlike by now(): time must not run against seq.
        update conversations c
        set last_seq = c.last_seq + n.count, last_rev = c.last_rev + n.count,
            low_wrote = c.low_wrote or coalesce(c.direct_low = any (n.writers), false),
            high_wrote = c.high_wrote or coalesce(c.direct_high = any (n.writers), false),
            updated_at = greatest(c.updated_at, clock_timestamp())
        from (select f.conversation_id, count(*) as count, array_agg(f.sender_id) as writers
              from fresh f group by f.conversation_id) n
        where c.conversation_id = n.conversation_id
        returning c.conversation_id, c.last_seq - n.count as seq, c.last_rev - n.count as rev, c.last_rev,
                  c.updated_at as at, c.members_version
    ), kept as (
        insert into messages as m (conversation_id, message_id, seq, rev, sender_id, content, content_digest, created_at,
                                   message_type, media_ids, body, is_ephemeral, expires_at, expires_after_s,
                                   reply_to_message_id, post_id)
        select f.conversation_id, f.message_id, n.seq + row_number() over w, n.rev + row_number() over w,
               f.sender_id, coalesce(f.extra ->> 'content', f.content), f.digest, n.at,
               coalesce(f.extra ->> 'message_type', 'text'), coalesce((f.extra ->> 'media_ids')::uuid[], '{}'),
               f.extra -> 'body', coalesce(f.extra ?| '{expires_at,expires_after_s}', false),
               to_timestamp((f.extra ->> 'expires_at')::bigint / 1000.0), (f.extra ->> 'expires_after_s')::integer,
               (f.extra ->> 'reply_to')::uuid, (f.extra ->> 'post_id')::uuid
        from fresh f join numbered n using (conversation_id)
        window w as (partition by f.conversation_id order by f.ord)
        returning m.conversation_id, m.message_id, m.seq, m.rev, m.created_at
    ), told as (
        insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
        select node_id, n.conversation_id, n.rev + 1, n.last_rev, n.members_version from numbered n
    )
    select g.ord,
           case when o.same then 'retry'
                when b.ord is null then 'stranger'
                when o.ord is not null then 'conflict'
                when x.why is not null then x.why
                when g.extra ? 'bad' then g.extra ->> 'bad'
                when g.wait_ms is not null then 'slow_mode'
                when f.ord = g.ord then 'sent'
                when f.sender_id = g.sender_id and f.digest = g.digest then 'retry'
                else 'conflict' end,
           coalesce(o.seq, k.seq), coalesce(o.rev, k.rev), to_ms(coalesce(o.created_at, k.created_at)),
           -- Once for each conversation: with its first new message.
           case when k.seq = n.seq + 1 and f.ord = g.ord then array(
               select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) end,
           to_jsonb(g.wait_ms)
    from given g
    left join known o on o.ord = g.ord
    left join member b on b.ord = g.ord
    left join closed x on x.conversation_id = g.conversation_id and x.sender_id = g.sender_id
    left join fresh f on f.conversation_id = g.conversation_id and f.message_id = g.message_id
    left join kept k on k.conversation_id = g.conversation_id and k.message_id = g.message_id
    left join numbered n on n.conversation_id = g.conversation_id
    order by g.ord;

    if slow then
        perform keep_last_sent(conversation_ids, message_ids, sender_ids, digests, began);
    end if;
    if extras is not null then
        -- Of those that are new: a retry of long ago changes nothing, whatever has become of what it referred to.
        return query
        with new as materialized (
            select g.ord, m.conversation_id, m.message_id, m.seq, m.media_ids, m.body
            from unnest(conversation_ids, message_ids, digests, extras) with ordinality
                g (conversation_id, message_id, digest, extra, ord), lateral (
                select * from messages m
                where m.conversation_id = g.conversation_id and m.message_id = g.message_id
                  and m.content_digest = g.digest and m.created_at >= began offset 0) m
            where g.extra is not null
        ), named as (
            insert into message_mentions (conversation_id, seq, user_id)
            select n.conversation_id, n.seq, x.user_id::uuid
            from new n, jsonb_array_elements_text(n.body -> 'mentions') x (user_id)
            on conflict do nothing
        ), used as (
            insert into media_refs (media_id, subject_type, subject_id, conversation_id)
            select o.media_id, 'message', n.message_id, n.conversation_id
            from new n, unnest(n.media_ids) w (media_id) join media_objects o using (media_id)
            on conflict do nothing
        )
        select n.ord, 'state', s.seq, s.rev, s.created_at, null::uuid[], to_jsonb(s) - 'sent_rev'
        from new n, lateral (
            select * from message_states s
            where s.conversation_id = n.conversation_id and s.message_id = n.message_id offset 0) s;
    end if;
end $$;

-- A note may name a hundred people by 30 characters each, of three bytes. What is there is no larger than before, so it
-- is not looked at again.
alter table messages
    drop constraint messages_body_check,
    add constraint messages_body_check check (pg_column_size(body) <= 65536) not valid;

-- As in 0035, and the groups that both are in are looked for from the one who is in few: planned by itself, for each pair
-- all groups there are were read, or all of somebody who is in thousands.
create or replace function presence_shown(viewer uuid, owner uuid) returns setof uuid
language sql stable parallel safe as $$
    select u.user_id from users u
    where u.user_id = owner and (viewer = owner or (
        u.is_active and u.deleted_at is null and (u.suspended_until is null or u.suspended_until <= now())
        and exists (select from user_settings s where s.user_id = owner and s.show_activity_status and not s.invisible)
        and exists (select from user_settings s where s.user_id = viewer and s.show_activity_status)
        and not exists (select from blocked_between(viewer, owner))
        and (exists (select from follows f where f.follower_id = viewer and f.following_id = owner)
             or exists (select from conversations c
                        where c.direct_low = least(viewer, owner) and c.direct_high = greatest(viewer, owner)
                          and case when owner = c.direct_low then c.low_wrote else c.high_wrote end is not false)
             or exists (
                 select from (
                     select case when w.count < 100 then viewer else owner end as one,
                            case when w.count < 100 then owner else viewer end as other
                     from (select count(*) from (select from conversation_participants p
                                                 where p.user_id = viewer limit 100) m) w offset 0
                 ) g, lateral (
                     select p.conversation_id from conversation_participants p where p.user_id = g.one offset 0
                 ) p, lateral (
                     select from conversation_participants q
                     where q.conversation_id = p.conversation_id and q.user_id = g.other offset 0
                 ) q, lateral (
                     select from conversations c
                     where c.conversation_id = p.conversation_id and c.conversation_type = 'group'
                       and c.member_count <= 200 offset 0
                 ) c))))
$$;

-- As in 0036, and whether somebody may see a message is asked of the newest only, one after the other, until there are
-- enough. Nothing is read from end to end: what words a message has costs more than Postgres believes, and of a word that
-- is in most of them it would find that out for each again.
create or replace function search_messages(searcher uuid, wanted tsquery, within uuid, sender uuid, before_ms bigint, after_ms bigint,
                                with_media boolean, at_ms bigint, at_id uuid, at_seq bigint, most integer)
returns table (conversation_id uuid, seq bigint)
language plpgsql stable rows 50 set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
#variable_conflict use_column
begin
    -- No array of a thousand ids: each row would be compared with all of them, and planning take longer than the rest.
    return query
    select f.conversation_id, f.seq
    from (
        select m.conversation_id, m.seq, to_ms(m.created_at) as ms
        from messages m
        where (within is null or m.conversation_id = within)
          and m.conversation_id in (select p.conversation_id from conversation_participants p where p.user_id = searcher)
          and search_words(m.content) @@ wanted
          and not m.is_deleted and m.message_type <> 'system' and (m.expires_at is null or m.expires_at > now())
          and (sender is null or m.sender_id = sender)
          and (before_ms is null or to_ms(m.created_at) < before_ms)
          and (after_ms is null or to_ms(m.created_at) > after_ms)
          and (with_media is null or with_media = (cardinality(m.media_ids) > 0))
          and (at_ms is null or (to_ms(m.created_at), m.conversation_id, m.seq) < (at_ms, at_id, at_seq))
        order by to_ms(m.created_at) desc, m.conversation_id desc, m.seq desc
        offset 0
    ) f
    cross join lateral (select from may_read(searcher, f.conversation_id, f.seq) offset 0) seen
    order by f.ms desc, f.conversation_id desc, f.seq desc
    limit most;
end $$;
