-- min_code: 0.1.0

-- What two texts are compared by when something is searched for: without case, accents and other marks on Latin, Greek
-- and Cyrillic letters, and without the punctuation that would make one word of several (addresses, file names). Of
-- scripts that put no spaces between words (Han, kana) each character is a word. Immutable, since an index is of it:
-- what it gives must not be changed, only another function made.
create function search_fold(said text) returns text
language sql immutable parallel safe
return case when octet_length(said) = char_length(said)
    then lower(translate(said, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                '))
    else regexp_replace(translate(lower(normalize(regexp_replace(normalize(
             translate(said, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~’', '                                 '),
             nfkd), '[\u0300-\u036f]+', '', 'g'), nfkc)), 'ς', 'σ'),
         '([\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])',
         ' \1 ', 'g') end;

-- The words of a message, in no language: nobody knows in which one it is written. Stop words are in it too.
create function search_words(said text) returns tsvector
language sql immutable parallel safe
return to_tsvector('simple', search_fold(said));

-- While it is made, nobody can send. Its list of what is to be sorted in is kept short, since a search reads all of it.
create index messages_words on messages using gin (search_words(content)) with (gin_pending_list_limit = 256);
comment on index messages_words is 'search.find: which messages have these words';

-- What somebody asks for as a query, and the words by which to mark what is found: a word, or with * all that begin so.
-- Words are all wanted, "or" wants either side, "-" none of it, quotes exactly these words in this order; so does what
-- is several words without spaces. With the stemmer of a language (english_stem) a word stands for all that begin with
-- what its stem and itself have in common; the last word, which may not be complete yet, for all that begin with it.
-- Null when nothing is left, or only what is not wanted.
create function search_query(asked text, stemmer text, out wanted tsquery, out terms text[])
language plpgsql stable as $$
declare
    part record;
    said text;
    term text;
    link text := '';
    query text := '';
begin
    terms := '{}';
    for part in
        select p[1] = '-' as unwanted, p[2] is not null as quoted, coalesce(p[2], p[3]) as raw,
               btrim(regexp_replace(search_fold(coalesce(p[2], p[3])), '\s+', ' ', 'g')) as words,
               n = max(n) over () and asked !~ '\s$' as unfinished
        from regexp_matches(asked, '(-?)(?:"([^"]*)"?|([^\s"]+))', 'g') with ordinality g (p, n)
        order by n
    loop
        if lower(part.raw) = 'or' and not part.quoted and not part.unwanted then
            link := case when query <> '' then ' | ' else '' end;
            continue;
        end if;
        said := phraseto_tsquery('simple', part.words)::text;
        continue when said = '';
        if not part.unwanted then
            term := case when not part.quoted then search_stem(part.words, stemmer, part.unfinished) end;
            if term is not null then
                said := quote_literal(rtrim(term, '*')) || case when term like '%*' then ':*' else '' end;
            end if;
            terms := terms || coalesce(string_to_array(term, ' '), string_to_array(part.words, ' '));
        end if;
        query := query || link || case when part.unwanted then '!' else '' end || '(' || said || ')';
        link := ' & ';
    end loop;
    wanted := query::tsquery;
    if querytree(wanted) in ('', 'T') then
        wanted := null;
    end if;
end $$;

-- A word as `search_query` looks for it; null for several words. Of a stem, three characters must be left.
create function search_stem(word text, stemmer text, unfinished boolean) returns text
language plpgsql stable as $$
declare
    stem text := (ts_lexize(stemmer::regdictionary, word))[1];
    same integer := 0;
begin
    if word ~ '\s' then
        return null;
    end if;
    while same < least(length(stem), length(word)) and left(word, same + 1) = left(stem, same + 1) loop
        same := same + 1;
    end loop;
    return case when same >= 3 then left(word, same) || '*'
                when unfinished and length(word) >= 2 then word || '*'
                else word end;
end $$;

-- The newest messages with these words that somebody may see, in conversations that they are in: what they read there,
-- but no notes. Planned for what is asked: whether few messages have the words, or few are theirs. `at_ms`, `at_id` and
-- `at_seq` are the last one that is known already.
create function search_messages(searcher uuid, wanted tsquery, within uuid, sender uuid, before_ms bigint, after_ms bigint,
                                with_media boolean, at_ms bigint, at_id uuid, at_seq bigint, most integer)
returns table (conversation_id uuid, seq bigint)
language plpgsql stable rows 50 set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
begin
    -- No array of a thousand ids: each row would be compared with all of them, and planning take longer than the rest.
    return query
    select m.conversation_id, m.seq
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
      and exists (select from may_read(searcher, m.conversation_id, m.seq))
    order by to_ms(m.created_at) desc, m.conversation_id desc, m.seq desc
    limit most;
end $$;
