-- min_code: 0.1.0

-- `updated_at` says when what a user sees last changed, whichever statement changed it: not when a counter
-- was folded. Conversations and messages are not here: their statements read the clock under the lock.
create function touch() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end $$;

do $$
declare
    touched record;
begin
    for touched in
        select t.relname as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
        from pg_class t join pg_attribute a on a.attrelid = t.oid
        where t.relnamespace = 'public'::regnamespace and t.relkind in ('r', 'p') and not t.relispartition
          and t.relname not in ('conversations', 'messages')
          and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          and a.attname !~ '_count$|^reactions_' and a.attname not in ('updated_at', 'last_seen_at', 'received', 'uses')
          and exists (select from pg_attribute u where u.attrelid = t.oid and u.attname = 'updated_at')
        group by t.relname
    loop
        execute format('create trigger touch before update of %s on %I for each row execute function touch()',
                       touched.columns, touched.name);
    end loop;
end $$;
