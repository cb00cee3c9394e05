-- min_code: 0.1.0

-- The messages of one conversation by the time they were sent at; `seq` says it only nearly. While it is made, nobody can
-- send.
create index messages_by_time on messages (conversation_id, created_at);
comment on index messages_by_time is 'search.find: what was sent in a window of time';

-- A topic shows the icon as long as there is one: whose it is may be removed.
alter table topics drop constraint topics_icon_media_id_fkey,
    add foreign key (icon_media_id) references media_objects on delete set null;

-- What of a query an index can look for, and finds exactly: phrases as their words, and nothing that is not wanted. All
-- that the query finds is in it. No word has a "<" in it, see search_fold.
create function search_loose(wanted tsquery) returns tsquery
language sql stable parallel safe
return regexp_replace(querytree(wanted), '<(-|\d+)>', '&', 'g')::tsquery;

-- Whether a message is for the filters of a search, whoever may read it.
create function search_fits(m messages, sender uuid, before_ms bigint, after_ms bigint, with_media boolean,
                            at_ms bigint, at_id uuid, at_seq bigint) returns boolean
language sql stable parallel safe
return not m.is_deleted and m.message_type <> 'system' and (m.expires_at is null or m.expires_at > now())
   and (sender is null or m.sender_id = sender)
   and (before_ms is null or to_ms(m.created_at) < before_ms)
   and (after_ms is null or to_ms(m.created_at) > after_ms)
   and (with_media is null or with_media = (cardinality(m.media_ids) > 0))
   and (at_ms is null or (to_ms(m.created_at), m.conversation_id, m.seq) < (at_ms, at_id, at_seq));

-- The beginning of a millisecond as `to_ms` rounds.
create function ms_begins(ms bigint) returns timestamptz
language sql immutable strict parallel safe
return timestamptz 'epoch' + (ms * 1000 - 500) * interval '1 microsecond';

-- In which conversations somebody may have been told something since then.
create function search_talks(searcher uuid, within uuid, since_ms bigint) returns setof uuid
language sql stable parallel safe as $$
    select p.conversation_id from conversation_participants p
    where p.user_id = searcher and (within is null or p.conversation_id = within)
      and (p.active_day is null or p.active_day >= day_of(since_ms))
$$;

-- How many messages there are in a window of time, or that there are more than `most`.
create function search_count(searcher uuid, within uuid, from_ms bigint, upto_ms bigint, most integer) returns integer
language sql stable set enable_seqscan = off as $$
    select count(*)::integer from (
        select from search_talks(searcher, within, from_ms) t (conversation_id)
        cross join lateral (
            select from messages m
            where m.conversation_id = t.conversation_id
              and m.created_at >= ms_begins(from_ms) and m.created_at < ms_begins(upto_ms + 1)
            limit most + 1) m
        limit most + 1) few
$$;

-- The newest messages of those that have these words anywhere; null when more than `rare` have them.
create function search_rare(searcher uuid, wanted tsquery, within uuid, sender uuid, before_ms bigint, after_ms bigint,
                            with_media boolean, at_ms bigint, at_id uuid, at_seq bigint, most integer, rare integer,
                            out ids uuid[], out seqs bigint[])
language plpgsql stable set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
declare
    loose constant tsquery := search_loose(wanted);
begin
    -- Whoever reads the first of them has the index look for all in one part of the table, and no other.
    if (select count(*) from (select from messages m where search_words(m.content) @@ loose limit rare + 1) few) > rare then
        return;
    end if;
    select coalesce(array_agg(f.conversation_id order by f.ms desc, f.conversation_id desc, f.seq desc), '{}'),
           coalesce(array_agg(f.seq order by f.ms desc, f.conversation_id desc, f.seq desc), '{}')
    into ids, seqs
    from (
        select t.* from (
            select m.conversation_id, m.seq, to_ms(m.created_at) as ms
            from messages m
            where search_words(m.content) @@ loose and (within is null or m.conversation_id = within)
              and m.conversation_id in (select search_talks(searcher, within, 0))
              and search_fits(m, sender, before_ms, after_ms, with_media, at_ms, at_id, at_seq)
              and (wanted = loose or search_words(m.content) @@ wanted)
            order by to_ms(m.created_at) desc, m.conversation_id desc, m.seq desc
            offset 0
        ) t
        cross join lateral (select from may_read(searcher, t.conversation_id, t.seq) offset 0) seen
        order by t.ms desc, t.conversation_id desc, t.seq desc
        limit most
    ) f;
end $$;

-- The newest messages with these words that somebody may see, in conversations that they are in: what they read there,
-- but no notes. `at_ms`, `at_id` and `at_seq` are the last one that is known already.
--
-- It costs the same however many messages there are. Up to `rare` that have the words, whosesoever, are all read. Of
-- words that more have, the messages of the searcher are gone through, the newest first, in windows of time that have
-- no more than `looks` of them together, the first one much less: of very common words it has enough. When older ones are left, and fewer than `most` were found, a last row has no
-- message and in `looked_ms` from when on all was looked through: it goes on with (looked_ms, the zero uuid, 0).
drop function search_messages(uuid, tsquery, uuid, uuid, bigint, bigint, boolean, bigint, uuid, bigint, integer);
create function search_messages(searcher uuid, wanted tsquery, within uuid, sender uuid, before_ms bigint, after_ms bigint,
                                with_media boolean, at_ms bigint, at_id uuid, at_seq bigint, most integer)
returns table (conversation_id uuid, seq bigint, looked_ms bigint)
language plpgsql stable rows 50 set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
    rare constant integer := 5000;
    looks constant integer := 2000;
    an_hour constant bigint := 3600000;
    few record;
    met integer;
    found_now integer;
    left_over integer := looks;
    part integer := most * 4;
    hits integer := 0;
    bottom bigint;
    low bigint;
    high bigint := least(to_ms(now()) + an_hour, before_ms - 1, case when at_seq = 0 then at_ms - 1 else at_ms end);
    wide bigint := an_hour * 24;
begin
    few := search_rare(searcher, wanted, within, sender, before_ms, after_ms, with_media, at_ms, at_id, at_seq, most, rare);
    if few.ids is not null then
        return query select g.id, g.no, null::bigint from unnest(few.ids, few.seqs) g (id, no);
        return;
    end if;

    bottom := greatest(after_ms + 1, (
        select to_ms(min(m.created_at)) from search_talks(searcher, within, 0) t (conversation_id)
        cross join lateral (select m.created_at from messages m where m.conversation_id = t.conversation_id
                            order by m.created_at limit 1) m));
    while bottom <= high loop
        low := greatest(high - wide + 1, bottom);
        loop
            met := search_count(searcher, within, low, high, part);
            exit when met <= part or low = high;
            low := high - (high - low) / 2;
        end loop;
        return query
        select f.conversation_id, f.seq, null::bigint
        from (
            select m.conversation_id, m.seq, to_ms(m.created_at) as ms
            from search_talks(searcher, within, low) t (conversation_id)
            cross join lateral (
                select * from messages m
                where m.conversation_id = t.conversation_id
                  and m.created_at >= ms_begins(low) and m.created_at < ms_begins(high + 1)
                offset 0  -- The words are not looked for by their index.
            ) m
            where search_fits(m, sender, before_ms, after_ms, with_media, at_ms, at_id, at_seq)
              and search_words(m.content) @@ wanted
            order by to_ms(m.created_at) desc, m.conversation_id desc, m.seq desc
            offset 0
        ) f
        cross join lateral (select from may_read(searcher, f.conversation_id, f.seq) offset 0) seen
        order by f.ms desc, f.conversation_id desc, f.seq desc
        limit most - hits;
        get diagnostics found_now = row_count;
        hits := hits + found_now;
        exit when hits >= most;
        left_over := left_over - met;
        part := least(part * 8, left_over);
        wide := (high - low + 1) * 8;
        high := low - 1;
        if left_over < looks / 4 and bottom <= high then
            return query select null::uuid, null::bigint, low;
            return;
        end if;
    end loop;
end $$;
